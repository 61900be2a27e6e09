import type { Assembly, Resource } from '../assembly';
import type { Resolver } from '../resolve';
import { UserError } from '../user-error';
import { type Condition, EVALUATED_CONDITIONS, isEvaluated, type PolicyStatement, TAG_VARIABLE } from './policy';

/** The role of a function, or of signed-in clients: what it may do on the services that run here. */
export interface Role {
  name: string;
  statements: PolicyStatement[];
}

/** AWS's own policies that functions have, and that say nothing of the evaluated services. */
const HARMLESS_POLICIES = ['AWSLambdaBasicExecutionRole', 'AWSLambdaVPCAccessExecutionRole', 'AWSXRayDaemonWriteAccess'];

/** The resource types that add a policy to roles. */
const POLICIES = ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::RolePolicy'];

const KNOWN_ELEMENTS = ['Sid', 'Effect', 'Action', 'Resource', 'Condition'];
const KNOWN_CONDITIONS = EVALUATED_CONDITIONS.map(({ operator, key }) => `${operator} on ${key}`).join(', ');

/**
 * Reads a role from the templates, with the statements that concern the evaluated services.
 * @param owner whose role it is
 * @param role its ARN, as the owner's properties have it
 */
export type RoleReader = (owner: Resource, role: unknown) => Role;

/**
 * The reader throws UserError for what is not evaluated here: a policy that was ignored would allow here what AWS
 * denies.
 */
export function roleReader({ resources }: Assembly, resolver: Resolver): RoleReader {
  const ofType = (type: string) => resources.filter((resource) => resource.type === type);
  const roles = new Map(ofType('AWS::IAM::Role').map((role) => [resolver.attribute(role, 'Arn'), role]));
  const policies = POLICIES.flatMap(ofType).map((policy) => {
    const { Roles, RoleName, PolicyDocument } = policy.properties as unknown as PolicyProperties;
    return { owner: policy, roles: resolved<string[]>(resolver, policy, Roles ?? [RoleName]), PolicyDocument };
  });
  return (owner, roleArn) => {
    const arn = resolved<string>(resolver, owner, roleArn);
    const role = roles.get(arn);
    if (!role) throw new UserError(`The role ${arn} of ${owner.logicalId} is in no template, so what it allows is not known.`);
    const name = resolver.ref(role);
    const refuse = (what: string): never => {
      throw new UserError(`The role ${name} has ${what}`);
    };
    const { ManagedPolicyArns = [], PermissionsBoundary, Policies = [] } = role.properties as RoleProperties;
    if (PermissionsBoundary !== undefined) refuse('a PermissionsBoundary, which is not evaluated here.');
    for (const managed of resolved<unknown[]>(resolver, role, ManagedPolicyArns).map(String)) {
      if (!HARMLESS_POLICIES.includes(managed.split('/').at(-1) ?? '')) {
        refuse(`the managed policy ${managed}, whose statements are not known here; known: ${HARMLESS_POLICIES.join(', ')}.`);
      }
    }
    const inline = Policies.map(({ PolicyDocument }) => ({ owner: role, PolicyDocument }));
    const statements = [...inline, ...policies.filter((policy) => policy.roles.includes(name))].flatMap(
      ({ owner, PolicyDocument: { Version, Statement } }) =>
        // Only these are resolved: others may name resources that this platform does not have.
        resolved<RawStatement[]>(resolver, owner, list(Statement).filter(mayBeEvaluated)).map((statement) => readStatement(statement, Version, refuse)),
    );
    return { name, statements };
  };
}

/** @throws UserError for a table with a policy of its own */
export function refuseResourcePolicies(tables: readonly Resource[]): void {
  for (const { logicalId, properties } of tables) {
    if (JSON.stringify(properties).includes('"ResourcePolicy":')) {
      throw new UserError(`The table ${logicalId} has a ResourcePolicy; only the policies of roles are evaluated here.`);
    }
  }
}

function readStatement(statement: RawStatement, version: unknown, refuse: (what: string) => never): PolicyStatement {
  const { Effect, Action = [], Resource = [], Condition = {} } = statement;
  const on = list(Action).length > 0 ? ` on ${list(Action).join(', ')}` : '';
  const refuseOn = (what: string) => refuse(`a statement${on} with ${what}`);
  const unknown = Object.keys(statement).find((element) => !KNOWN_ELEMENTS.includes(element));
  if (unknown) {
    refuseOn(`${unknown}, which is not evaluated here; known: ${KNOWN_ELEMENTS.join(', ')}.`);
  }
  if (Effect !== 'Allow' && Effect !== 'Deny') refuseOn(`the Effect ${Effect}; known: Allow, Deny.`);
  const conditions = Object.entries(Condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => readCondition(operator, key, list(values).map(String), refuseOn)),
  );
  const hasVariable = (text: string) => text.includes('${');
  if (list(Resource).some(hasVariable)) refuseOn('a variable in its Resource, which is not evaluated here.');
  if (conditions.some(({ values }) => values.some(hasVariable)) && version !== '2012-10-17') {
    refuseOn("a variable, which is text to IAM in a policy without Version '2012-10-17'.");
  }
  return {
    effect: Effect as 'Allow' | 'Deny',
    actions: list(Action).filter(isEvaluated),
    resources: list(Resource),
    conditions,
  };
}

function readCondition(operator: string, key: string, values: string[], refuse: (what: string) => never): Condition {
  const known = EVALUATED_CONDITIONS.find((entry) => entry.operator === operator && entry.key.toLowerCase() === key.toLowerCase());
  if (!known) return refuse(`the condition ${operator} on ${key}, which is not evaluated here; known: ${KNOWN_CONDITIONS}.`);
  if (known.operator !== 'ForAllValues:StringEquals') return { ...known, values: values.map((value) => value.toLowerCase()) };
  const unknown = values.find((value) => value.replace(TAG_VARIABLE, '').includes('${'));
  if (unknown !== undefined) refuse(`the variable in ${unknown}, which is not evaluated here; known: \${aws:PrincipalTag/NAME}.`);
  return { ...known, values };
}

/** An action that is no text is an intrinsic: what it comes to is not known before it is resolved. */
function mayBeEvaluated({ Action, NotAction }: RawStatement): boolean {
  return NotAction !== undefined || list(Action ?? []).some((action) => typeof action !== 'string' || isEvaluated(action));
}

const list = <Value>(value: Value | Value[]): Value[] => (Array.isArray(value) ? value : [value]);

/** Resolves a part of a resource's properties. */
function resolved<Shape>(resolver: Resolver, resource: Resource, part: unknown): Shape {
  return resolver.properties<{ part: Shape }>({ ...resource, properties: { part } }).part;
}

interface RoleProperties {
  ManagedPolicyArns?: unknown[];
  PermissionsBoundary?: unknown;
  Policies?: { PolicyDocument: PolicyDocument }[];
}

interface PolicyProperties {
  /** Of a RolePolicy it is RoleName. */
  Roles?: unknown[];
  RoleName?: unknown;
  PolicyDocument: PolicyDocument;
}

interface PolicyDocument {
  Version?: unknown;
  Statement: RawStatement | RawStatement[];
}

interface RawStatement {
  Effect?: string;
  Action?: string | string[];
  NotAction?: unknown;
  Resource?: string | string[];
  Condition?: Record<string, Record<string, unknown>>;
}
