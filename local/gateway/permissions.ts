import { type Decision, evaluate, matchesAction, matchesResource, type Need } from '../iam/policy';
import type { Role } from '../iam/roles';
import { PartiqlError } from '../partiql/tokens';
import { isFullTableScan } from '../partiql/statement';
import { ACCOUNT_ID } from '../resolve';
import type { TableKeys } from '../table-keys';
import { type Call, errorReply, type Step } from './call';
import { arnOf, type Target, targetsOf } from './targets';

/** An action on a resource, as a policy allows it, and how many calls it allowed. */
export interface Permission {
  function: string;
  action: string;
  resource: string;
  used: number;
}

/** What a function lacked, and how many calls were denied for it. */
export interface Denial {
  function: string;
  action: string;
  resource: string;
  times: number;
}

interface Caller {
  /** The flow. */
  name: string;
  functionName: string;
  role: Role;
}

/**
 * Whether a function may do what it asks of DynamoDB and the other services: its role's policies in the templates
 * decide, as IAM would. Counts what was used and what was lacking, so that a role that allows too much, or too little,
 * can be seen.
 */
export class Permissions {
  private readonly callers: ReadonlyMap<string, Caller & { permissions: Permission[] }>;
  private readonly denials: Denial[] = [];

  constructor(
    callers: readonly Caller[],
    private readonly keys: TableKeys,
  ) {
    this.callers = new Map(callers.map((caller) => [caller.name, { ...caller, permissions: permissionsOf(caller) }]));
  }

  /** Every permission of every function, and every denial. */
  list(): { items: Permission[]; denied: Denial[] } {
    return { items: [...this.callers.values()].flatMap(({ permissions }) => permissions), denied: this.denials };
  }

  /**
   * Whether a function may make a call that needs all of these, whether it calls itself or a service calls for it, as an
   * event source mapping does. Counts the call.
   * @param flow whose function it is; undefined, or no flow, is the owner of this machine, who may do everything
   * @returns the message of AccessDeniedException; undefined when it may
   */
  check(flow: string | undefined, ...needs: readonly Need[]): string | undefined {
    const caller = flow === undefined ? undefined : this.callers.get(flow);
    if (!caller) return undefined;
    for (const need of needs) {
      const decision = evaluate(caller.role.statements, need);
      if (decision === 'allowed') continue;
      this.countDenial(caller, need);
      return reason(caller, need, decision);
    }
    countUse(caller.permissions, needs);
    return undefined;
  }

  /** Answers what the caller may not do on DynamoDB. */
  readonly step: Step = (call, next) => {
    // A statement of the owner of this machine need not be one that can be read here.
    if (call.function === undefined || !this.callers.has(call.function)) return next(call);
    let needs: Need[];
    try {
      needs = targetsOf(call).map((target) => this.needOf(target, call));
    } catch (error) {
      if (!(error instanceof PartiqlError)) throw error;
      return Promise.resolve(errorReply('ValidationException', `Statement wasn't well formed, can't be processed: ${error.message}`));
    }
    const denied = this.check(call.function, ...needs);
    if (denied !== undefined) return Promise.resolve(errorReply('AccessDeniedException', denied));
    return next(call);
  };

  private needOf(target: Target, { region }: Call): Need {
    const { action, table, index, statement } = target;
    const need: Need = { action: `dynamodb:${action}`, resource: arnOf(target, region) };
    if (statement?.kind !== 'SELECT' || table === undefined) return need;
    const partitionKey = this.keys.partitionKey(table, index);
    return { ...need, fullTableScan: !partitionKey || isFullTableScan(statement, partitionKey) };
  }

  private countDenial({ name }: Caller, { action, resource }: Need): void {
    const known = this.denials.find((entry) => entry.function === name && entry.action === action && entry.resource === resource);
    if (known) known.times++;
    else this.denials.push({ function: name, action, resource, times: 1 });
  }
}

function permissionsOf({ name, role: { statements } }: Caller): Permission[] {
  return statements
    .filter(({ effect }) => effect === 'Allow')
    .flatMap(({ actions, resources }) => actions.flatMap((action) => resources.map((resource) => ({ action, resource }))))
    .map((pair) => ({ function: name, ...pair, used: 0 }));
}

function countUse(permissions: Permission[], needs: readonly Need[]): void {
  for (const permission of permissions) {
    const isUsed = needs.some(
      ({ action, resource }) => matchesAction(permission.action, action) && matchesResource(permission.resource, resource),
    );
    if (isUsed) permission.used++;
  }
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
function reason({ functionName, role }: Caller, { action, resource }: Need, decision: Decision): string {
  const user = `arn:aws:sts::${ACCOUNT_ID}:assumed-role/${role.name}/${functionName}`;
  const why =
    decision === 'explicitly denied'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
  return `User: ${user} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
}
