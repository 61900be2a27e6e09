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

/** All that the platform knows of condition operators and keys: `Bool` on `dynamodb:FullTableScan`. */
export interface Condition {
  operator: 'Bool';
  key: 'dynamodb:FullTableScan';
  /** Alternatives. */
  values: readonly boolean[];
}

/** What a call needs: an action on a resource. */
export interface Need {
  /** As `dynamodb:GetItem`. */
  action: string;
  resource: string;
  /** Whether a PartiQLSelect reads the whole table; undefined for other actions, which do not have the key. */
  fullTableScan?: boolean;
}

/** Denied by a statement, or denied since no statement allows it. */
export type Decision = 'allowed' | 'explicitly denied' | 'implicitly denied';

/**
 * Evaluates identity-based policies: a Deny wins over any Allow.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function evaluate(statements: readonly PolicyStatement[], need: Need): Decision {
  const matching = statements.filter(
    ({ actions, resources, conditions }) =>
      actions.some((pattern) => matchesAction(pattern, need.action)) &&
      resources.some((pattern) => matchesResource(pattern, need.resource)) &&
      conditions.every(({ values }) => need.fullTableScan !== undefined && values.includes(need.fullTableScan)),
  );
  if (matching.some(({ effect }) => effect === 'Deny')) return 'explicitly denied';
  return matching.length > 0 ? 'allowed' : 'implicitly denied';
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
