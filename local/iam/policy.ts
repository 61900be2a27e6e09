/** The services whose calls are evaluated, by their prefix in actions; statements on others are not read. */
export const EVALUATED_SERVICES = ['dynamodb', 'events', 'kinesis', 'lambda', 's3', 'ses', 'sqs'] as const;

/** A statement of a policy, as far as it concerns these services. */
export interface PolicyStatement {
  effect: 'Allow' | 'Deny';
  /** Patterns with `*` and `?`. */
  actions: readonly string[];
  resources: readonly string[];
  conditions: readonly Condition[];
}

/** All that the platform knows of condition operators and keys. */
export const EVALUATED_CONDITIONS = [
  { operator: 'Bool', key: 'dynamodb:FullTableScan' },
  { operator: 'ForAllValues:StringEquals', key: 'dynamodb:LeadingKeys' },
  { operator: 'Null', key: 'dynamodb:LeadingKeys' },
] as const;

export type Condition = (typeof EVALUATED_CONDITIONS)[number] & {
  /** Alternatives: texts with variables, or `true` and `false`. */
  values: readonly string[];
};

/** The tags of a caller's session, by their names. */
export type SessionTags = Readonly<Record<string, string>>;

/**
 * The one kind of variable that a value may have: a tag of the session.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export const TAG_VARIABLE = /\$\{aws:PrincipalTag\/([\w.:/=+@-]+)\}/g;

/** What a call needs: an action on a resource. */
export interface Need {
  /** As `dynamodb:GetItem`. */
  action: string;
  resource: string;
  /** Whether a PartiQLSelect reads the whole table; undefined for other actions, which do not have the key. */
  fullTableScan?: boolean;
  /** The values of the partition key that it names; none, or undefined, for a call that names none, as a Scan. */
  leadingKeys?: readonly string[];
  /** Why the values cannot be read: then no statement allows by them, and every one denies. */
  unreadableKeys?: string;
}

/** Denied by a statement, or denied since no statement allows it. */
export type Decision = 'allowed' | 'explicitly denied' | 'implicitly denied';

/**
 * Evaluates identity-based policies: a Deny wins over any Allow.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function evaluate(statements: readonly PolicyStatement[], need: Need, tags: SessionTags = {}): Decision {
  const matching = statements.filter(
    ({ effect, actions, resources, conditions }) =>
      actions.some((pattern) => matchesAction(pattern, need.action)) &&
      resources.some((pattern) => matchesResource(pattern, need.resource)) &&
      conditions.every((condition) =>
        condition.key === 'dynamodb:LeadingKeys' && need.unreadableKeys !== undefined ? effect === 'Deny' : holds(condition, need, tags),
      ),
  );
  if (matching.some(({ effect }) => effect === 'Deny')) return 'explicitly denied';
  return matching.length > 0 ? 'allowed' : 'implicitly denied';
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html */
function holds({ operator, values }: Condition, { fullTableScan, leadingKeys = [] }: Need, tags: SessionTags): boolean {
  switch (operator) {
    case 'Bool':
      return fullTableScan !== undefined && values.includes(String(fullTableScan));
    case 'Null':
      return values.includes(String(leadingKeys.length === 0));
    case 'ForAllValues:StringEquals': {
      const allowed = values.map((value) => withTags(value, tags));
      return leadingKeys.every((key) => allowed.includes(key));
    }
  }
}

/** A value with its variables replaced; undefined, which equals nothing, where the session lacks a tag. */
function withTags(value: string, tags: SessionTags): string | undefined {
  const names = [...value.matchAll(TAG_VARIABLE)].map(([, name]) => name as string);
  return names.every((name) => Object.hasOwn(tags, name)) ? value.replace(TAG_VARIABLE, (_, name: string) => tags[name] as string) : undefined;
}

/** Actions are compared without case, resources with it. */
export const matchesAction = (pattern: string, action: string): boolean => wildcard(pattern, 'is').test(action);
export const matchesResource = (pattern: string, resource: string): boolean => wildcard(pattern, 's').test(resource);

/** Whether an action pattern may match an action of an evaluated service. */
export function isEvaluated(pattern: string): boolean {
  const service = wildcard(pattern.split(':', 1)[0] ?? '', 'is');
  return EVALUATED_SERVICES.some((name) => service.test(name));
}

const compiled = new Map<string, RegExp>();

function wildcard(pattern: string, flags: string): RegExp {
  const known = compiled.get(`${flags} ${pattern}`);
  if (known) return known;
  const source = pattern.replace(/[\\^$.|+()[\]{}]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  const regExp = new RegExp(`^${source}$`, flags);
  compiled.set(`${flags} ${pattern}`, regExp);
  return regExp;
}
