import type { JwtAuthorizer } from './api/issuer';
import type { Assembly, Resource } from './assembly';
import type { Role, RoleReader } from './iam/roles';
import type { Resolver } from './resolve';
import { UserError } from './user-error';

/** What the templates say of signed-in clients, as their Cognito identity pool has it. */
export interface IdentityPool {
  /** Whose tokens it takes. */
  provider: JwtAuthorizer;
  /** What it gives to who signed in. */
  role: Role;
  /** The claim of the token that each session tag has its value from. */
  tags: Readonly<Record<string, string>>;
}

/**
 * Reads the identity pool of the templates.
 * @returns undefined where there is none
 * @throws UserError for what does not run here
 */
export function readIdentityPool({ resources }: Assembly, resolver: Resolver, readRole: RoleReader): IdentityPool | undefined {
  const ofType = (type: string) => resources.filter((resource) => resource.type === `AWS::Cognito::${type}`);
  const [pool, ...others] = ofType('IdentityPool');
  if (!pool) return undefined;
  if (others.length > 0) throw new UserError(`There are several identity pools: ${[pool, ...others].map(({ logicalId }) => logicalId).join(', ')}. One runs here.`);
  const { CognitoIdentityProviders: providers = [] } = resolver.properties<PoolProperties>(pool);
  const [provider, ...more] = providers;
  if (!provider || more.length > 0) throw new UserError(`The identity pool ${pool.logicalId} has ${providers.length} user pools as providers. One runs here.`);
  const ofPool = (type: string): Resource => {
    const found = ofType(type).find((resource) => resolver.properties<{ IdentityPoolId: string }>(resource).IdentityPoolId === resolver.ref(pool));
    if (!found) throw new UserError(`The identity pool ${pool.logicalId} has no ${type}, so its clients may do nothing.`);
    return found;
  };
  const attachment = ofPool('IdentityPoolRoleAttachment');
  if (attachment.properties.RoleMappings !== undefined) throw new UserError(`${attachment.logicalId} has RoleMappings, which are not evaluated here.`);
  const { authenticated } = (attachment.properties.Roles ?? {}) as { authenticated?: unknown };
  const { PrincipalTags = {}, UseDefaults } = resolver.properties<TagProperties>(ofPool('IdentityPoolPrincipalTag'));
  if (UseDefaults === true) throw new UserError(`The identity pool ${pool.logicalId} has the default tags, which are not evaluated here. Name each in PrincipalTags.`);
  return {
    provider: { issuer: `https://${provider.ProviderName}`, audience: [provider.ClientId] },
    role: readRole(attachment, authenticated),
    tags: PrincipalTags,
  };
}

interface PoolProperties {
  CognitoIdentityProviders?: { ClientId: string; ProviderName: string }[];
}

interface TagProperties {
  PrincipalTags?: Record<string, string>;
  UseDefaults?: boolean;
}
