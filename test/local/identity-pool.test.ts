import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assembly, Resource, Stack } from '../../local/assembly';
import { ClientSessions, SessionError, TagError } from '../../local/gateway/client-sessions';
import { roleReader } from '../../local/iam/roles';
import { readIdentityPool } from '../../local/identity-pool';
import { Resolver } from '../../local/resolve';
import { UserError } from '../../local/user-error';
import { startStore } from '../support/store';
import { assemblyOf } from '../support/synthesize-once';

const stack: Stack = { name: 'store', region: 'eu-west-1', template: {} };

type Template = Record<string, [type: string, properties: Record<string, unknown>]>;

const TEMPLATE: Template = {
  UserPool: ['AWS::Cognito::UserPool', {}],
  App: ['AWS::Cognito::UserPoolClient', {}],
  Role: ['AWS::IAM::Role', { RoleName: 'clients' }],
  Pool: ['AWS::Cognito::IdentityPool', { CognitoIdentityProviders: [{ ClientId: { Ref: 'App' }, ProviderName: { 'Fn::GetAtt': ['UserPool', 'ProviderName'] } }] }],
  Tags: ['AWS::Cognito::IdentityPoolPrincipalTag', { IdentityPoolId: { Ref: 'Pool' }, PrincipalTags: { userId: 'sub', plan: 'custom:plan' } }],
  Attachment: ['AWS::Cognito::IdentityPoolRoleAttachment', { IdentityPoolId: { Ref: 'Pool' }, Roles: { authenticated: { 'Fn::GetAtt': ['Role', 'Arn'] } } }],
};

function read(template: Template) {
  const resources = Object.entries(template).map(([logicalId, [type, properties]]): Resource => ({ stack, logicalId, type, properties }));
  const assembly: Assembly = { stacks: [stack], resources, assetFolder: () => '' };
  const resolver = new Resolver(assembly, () => '');
  return { pool: readIdentityPool(assembly, resolver, roleReader(assembly, resolver)), resolver, resources };
}

const changed = (id: string, more: object): Template => {
  const [type, properties] = TEMPLATE[id]!;
  return { ...TEMPLATE, [id]: [type, { ...properties, ...more }] };
};
const without = (id: string): Template => Object.fromEntries(Object.entries(TEMPLATE).filter(([name]) => name !== id));

describe('what the templates say of signed-in clients', () => {
  test('the template says whose tokens the identity pool takes, its role and its tags', () => {
    const { pool, resolver, resources } = read(TEMPLATE);
    const ref = (id: string) => resolver.ref(resources.find(({ logicalId }) => logicalId === id)!);
    expect(pool).toEqual({
      provider: { issuer: `https://cognito-idp.eu-west-1.amazonaws.com/${ref('UserPool')}`, audience: [ref('App')] },
      role: { name: 'clients', statements: [] },
      tags: { userId: 'sub', plan: 'custom:plan' },
    });
    expect(ref('Pool')).toMatch(/^eu-west-1:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  test('a template without identity pool gives no credentials', () => {
    expect(read(without('Pool')).pool).toBeUndefined();
  });

  test.each<[string, Template, string]>([
    ['a second pool', { ...TEMPLATE, Other: TEMPLATE.Pool! }, 'There are several identity pools: Pool, Other. One runs here.'],
    ['no provider', changed('Pool', { CognitoIdentityProviders: [] }), 'The identity pool Pool has 0 user pools as providers. One runs here.'],
    ['no tags', without('Tags'), 'The identity pool Pool has no IdentityPoolPrincipalTag, so its clients may do nothing.'],
    ["another pool's tags", changed('Tags', { IdentityPoolId: 'other' }), 'The identity pool Pool has no IdentityPoolPrincipalTag'],
    ['default tags', changed('Tags', { UseDefaults: true }), 'The identity pool Pool has the default tags, which are not evaluated here.'],
    ['no role', without('Attachment'), 'The identity pool Pool has no IdentityPoolRoleAttachment, so its clients may do nothing.'],
    ['roles by rules', changed('Attachment', { RoleMappings: {} }), 'Attachment has RoleMappings, which are not evaluated here.'],
    ['a role of no template', changed('Attachment', { Roles: { authenticated: 'arn:x' } }), 'The role arn:x of Attachment is in no template'],
    ['only a role for who did not sign in', changed('Attachment', { Roles: { unauthenticated: 'arn:x' } }), 'of Attachment is in no template'],
  ])('%s stops the start', (_what, template, message) => {
    expect(() => read(template)).toThrow(UserError);
    expect(() => read(template)).toThrow(message);
  });
});

describe('the credentials of a signed-in client', () => {
  const POOL = { role: { name: 'clients', statements: [] }, tags: { userId: 'sub', plan: 'custom:plan' } };
  let now = Date.parse('2026-11-26T10:00:00.900Z');
  const sessions = new ClientSessions(() => now);

  test('credentials are those of a session with the tags that the token has claims for', () => {
    const { accessKeyId, sessionToken, expiresAt } = sessions.issue(POOL, { sub: 'ann' });
    expect(sessions.find(accessKeyId, sessionToken)).toEqual({ role: POOL.role, sessionName: 'CognitoIdentityCredentials', tags: { userId: 'ann' } });
    expect(expiresAt).toBe(Date.parse('2026-11-26T11:00:00Z') / 1_000);
    const paying = sessions.issue(POOL, { sub: 'ann', 'custom:plan': 'gold', plan: 'none' });
    expect(sessions.find(paying.accessKeyId, paying.sessionToken)?.tags).toEqual({ userId: 'ann', plan: 'gold' });
  });

  test('credentials are new each time', () => {
    const [first, second] = [sessions.issue(POOL, { sub: 'ann' }), sessions.issue(POOL, { sub: 'ann' })];
    for (const part of ['accessKeyId', 'secretAccessKey', 'sessionToken'] as const) expect(first[part]).not.toBe(second[part]);
    expect(() => sessions.find(first.accessKeyId, second.sessionToken)).toThrow(SessionError);
  });

  test('credentials end after an hour, to the second', () => {
    const { accessKeyId, sessionToken } = sessions.issue(POOL, { sub: 'ann' });
    const issued = now;
    now = Date.parse('2026-11-26T10:59:59.999Z');
    expect(sessions.find(accessKeyId, sessionToken)).toBeDefined();
    now += 1;
    expect(() => sessions.find(accessKeyId, sessionToken)).toThrow(expect.objectContaining({ code: 'ExpiredTokenException' }));
    // Who does not have the token is not told.
    expect(() => sessions.find(accessKeyId, undefined)).toThrow(expect.objectContaining({ code: 'UnrecognizedClientException' }));
    now = issued;
  });

  test('credentials are refused after a restart, and never taken for those of the owner', () => {
    const { accessKeyId, sessionToken } = sessions.issue(POOL, { sub: 'ann' });
    const restarted = new ClientSessions(() => now);
    expect(() => restarted.find(accessKeyId, sessionToken)).toThrow(expect.objectContaining({ code: 'UnrecognizedClientException' }));
  });

  test.each(['AKIAIOSFODNN7EXAMPLE', 'ASIAIOSFODNN7EXAMPLE', 'local', 'ASIA0123456789ABCDEF'])('a key that is not of this form is of nobody who signed in: %s', (accessKeyId) => {
    expect(sessions.find(accessKeyId, 'any')).toBeUndefined();
  });

  test('credentials are not given for a claim that is no tag', () => {
    for (const plan of ['a'.repeat(256), '', 'Ärger 1_.:/=+-@']) expect(() => sessions.issue(POOL, { sub: 'ann', 'custom:plan': plan })).not.toThrow();
    for (const plan of ['a'.repeat(257), 'a*', 'a#b', 'a\n']) {
      expect(() => sessions.issue(POOL, { sub: 'ann', 'custom:plan': plan })).toThrow(TagError);
      expect(() => sessions.issue(POOL, { sub: 'ann', 'custom:plan': plan })).toThrow(`the session tag plan would be ${JSON.stringify(plan)}, and AWS takes`);
    }
  });
});

test('without the stack there are no credentials, and all else runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-assembly-'));
  cpSync(assemblyOf('per-domain'), folder, { recursive: true });
  const file = join(folder, 'Access.template.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), Resources: {}, Outputs: {} }));
  const store = await startStore('per-domain', { assembly: folder });
  const { token } = (await store.anonymous.post('/_local/tokens', { sub: 'ann' })).body as { token: string };
  const { status, body } = await store.anonymous.post('/_local/credentials', { token });
  await store.stop();
  rmSync(folder, { recursive: true });
  expect([status, body.detail]).toEqual([404, 'The templates have no identity pool: the stack Access is left out.']);
});
