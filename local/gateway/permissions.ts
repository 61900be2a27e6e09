import { type Decision, evaluate, matchesAction, matchesResource, type Need } from '../iam/policy';
import type { Role } from '../iam/roles';
import { PartiqlError } from '../partiql/tokens';
import { isFullTableScan } from '../partiql/statement';
import { ACCOUNT_ID } from '../resolve';
import type { TableKeys } from '../table-keys';
import { type Call, errorReply, type Step } from './call';
import type { ClientSession } from './client-sessions';
import { UnreadableKey } from './key-condition';
import { leadingKeysOf } from './leading-keys';
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
 * Whether a function, or a signed-in client, may do what it asks of DynamoDB and the other services: its role's policies in the
 * templates decide, as IAM would. Counts what functions used and lacked, so that a role that allows too much, or too little, can
 * be seen. Clients are not counted: theirs is to ask for anything.
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
    const denied = firstDenied({ role: caller.role, sessionName: caller.functionName, tags: {} }, needs);
    if (denied) this.countDenial(caller, denied.need);
    else countUse(caller.permissions, needs);
    return denied?.message;
  }

  /** The same of a signed-in client. */
  checkClient(client: ClientSession, ...needs: readonly Need[]): string | undefined {
    return firstDenied(client, needs)?.message;
  }

  /** Answers what the caller may not do on DynamoDB. */
  readonly step: Step = (call, next) => {
    const { client, function: flow } = call;
    // A statement of the owner of this machine need not be one that can be read here.
    if (!client && (flow === undefined || !this.callers.has(flow))) return next(call);
    let needs: Need[];
    try {
      needs = targetsOf(call).map((target) => this.needOf(target, call));
    } catch (error) {
      if (error instanceof TypeError) return Promise.resolve(errorReply('SerializationException', `The body is none of a ${call.operation}.`));
      if (!(error instanceof PartiqlError)) throw error;
      return Promise.resolve(errorReply('ValidationException', `Statement wasn't well formed, can't be processed: ${error.message}`));
    }
    const denied = client ? this.checkClient(client, ...needs) : this.check(flow, ...needs);
    if (denied !== undefined) return Promise.resolve(errorReply('AccessDeniedException', denied));
    return next(call);
  };

  private needOf(target: Target, { region, input }: Call): Need {
    const { action, table, index, statement } = target;
    const partitionKey = table === undefined ? undefined : this.keys.partitionKey(table, index);
    const need: Need = { action: `dynamodb:${action}`, resource: arnOf(target, region), ...namedKeys(target, input, partitionKey) };
    if (statement?.kind !== 'SELECT' || table === undefined) return need;
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

function namedKeys(...of: Parameters<typeof leadingKeysOf>): Pick<Need, 'leadingKeys' | 'unreadableKeys'> {
  try {
    return { leadingKeys: leadingKeysOf(...of) };
  } catch (error) {
    if (!(error instanceof UnreadableKey)) throw error;
    return { unreadableKeys: error.message };
  }
}

/** The first of the needs that the role does not allow, and what is told of it. */
function firstDenied({ role, sessionName, tags }: ClientSession, needs: readonly Need[]): { need: Need; message: string } | undefined {
  for (const need of needs) {
    const decision = evaluate(role.statements, need, tags);
    if (decision !== 'allowed') return { need, message: reason(`${role.name}/${sessionName}`, need, decision) };
  }
  return undefined;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
function reason(session: string, { action, resource, unreadableKeys }: Need, decision: Decision): string {
  const user = `arn:aws:sts::${ACCOUNT_ID}:assumed-role/${session}`;
  const why =
    decision === 'explicitly denied'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
  const besides = unreadableKeys === undefined ? '' : ` (its partition key is not known here: ${unreadableKeys})`;
  return `User: ${user} is not authorized to perform: ${action} on resource: ${resource} ${why}${besides}`;
}
