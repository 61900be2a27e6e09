import type { TableKeys } from '../table-keys';
import { type Call, errorReply, jsonReply, type Next, type Reply } from './call';
import { type CallFault, CANCELLATION_CODES, type FaultOf, LIMITS } from './fault';
import { arnOf, isWrite, targetsIfReadable } from './targets';

/** What a fault makes of one call. `next` does the call. */
export type Effect = (next: Next) => Promise<Reply>;

/** The effect of a fault on a call that it hits; undefined where it leaves the call as it is. */
export function effectOf(fault: CallFault, call: Call, keys: TableKeys): Effect | undefined {
  switch (fault.kind) {
    case 'throttle':
      return () => Promise.resolve(throttled(fault, call, keys));
    case 'internal-error':
      return () => Promise.resolve(errorReply('InternalServerError', 'Internal server error', 500));
    case 'conflict':
      return () => Promise.resolve(conflict(fault, call));
    case 'unprocessed':
      return unprocessed(fault, call);
    case 'timeout-after-commit':
      return async (next) => {
        await next(call);
        return 'no-answer';
      };
  }
}

/** The error of each limit, and the member that holds its reasons. */
const THROTTLING = {
  ProvisionedThroughputExceeded: ['ProvisionedThroughputExceededException', 'ThrottlingReasons'],
  KeyRangeThroughputExceeded: ['ProvisionedThroughputExceededException', 'ThrottlingReasons'],
  AccountLimitExceeded: ['RequestLimitExceeded', 'ThrottlingReasons'],
  MaxOnDemandThroughputExceeded: ['ThrottlingException', 'throttlingReasons'],
} as const;

function throttled({ reason: given }: FaultOf<'throttle'>, call: Call, keys: TableKeys): Reply {
  const [{ table = '', index } = {}] = targetsIfReadable(call);
  const place = index === undefined ? 'Table' : 'Index';
  const reason = given ?? (`${place}${isWrite(call) ? 'Write' : 'Read'}KeyRangeThroughputExceeded` as const);
  const limit = LIMITS.find((candidate) => reason.endsWith(candidate)) ?? 'KeyRangeThroughputExceeded';
  const [type, member] = THROTTLING[limit];
  // A write names no index, but it is throttled by those of its table.
  const throttledIndex = reason.startsWith('Index') ? (index ?? keys.globalIndexes(table)[0]) : undefined;
  const resource = arnOf({ table, ...(throttledIndex !== undefined && { index: throttledIndex }) }, call.region);
  return errorReply(type, 'The request was denied due to request throttling.', 400, { [member]: [{ reason, resource }] });
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html#API_TransactWriteItems_Errors */
const MESSAGES: Readonly<Record<(typeof CANCELLATION_CODES)[number], string>> = {
  TransactionConflict: 'Transaction is ongoing for the item.',
  ThrottlingError:
    'Throughput exceeds the current capacity for one or more global secondary indexes. DynamoDB is automatically scaling your index so please try again shortly.',
  ProvisionedThroughputExceeded:
    'The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.',
  ItemCollectionSizeLimitExceeded: 'Collection size exceeded.',
  ValidationError: 'One or more parameter values were invalid.',
  ConditionalCheckFailed: 'The conditional request failed.',
  DuplicateItem: 'Duplicate primary key exists in table',
};

function conflict({ reason = 'TransactionConflict', reasons }: FaultOf<'conflict'>, { input }: Call): Reply {
  const actions = (input.TransactItems ?? input.TransactStatements) as unknown[] | undefined;
  if (!actions) {
    return reason === 'TransactionConflict'
      ? errorReply('TransactionConflictException', 'Transaction is ongoing for the item')
      : errorReply('ItemCollectionSizeLimitExceededException', 'Item collection size limit of 10 GB exceeded');
  }
  const atFault = Math.floor(Math.random() * actions.length);
  const codes = actions.map((_, action) => (reasons ? reasons[action] : action === atFault && reason) || 'None');
  const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes.join(', ')}]`;
  return errorReply('TransactionCanceledException', message, 400, {
    Message: message,
    CancellationReasons: codes.map((Code) => (Code === 'None' ? { Code } : { Code, Message: MESSAGES[Code] })),
  });
}

/** The part of a batch for one table: a list of writes, or keys with how they are to be read. */
type BatchPart = unknown[] | { Keys: unknown[] };
type Batch = Record<string, BatchPart>;

const itemsOf = (part: BatchPart | undefined): unknown[] => (Array.isArray(part) ? part : (part?.Keys ?? []));
const withItems = (part: BatchPart, items: unknown[]): BatchPart => (Array.isArray(part) ? items : { ...part, Keys: items });

/** Leaves a share of the items undone, and does the rest. */
function unprocessed({ rate = 1 }: FaultOf<'unprocessed'>, call: Call): Effect | undefined {
  const batch = (call.input.RequestItems ?? {}) as Batch;
  const kept: Batch = {};
  const left: Batch = {};
  for (const [table, part] of Object.entries(batch)) {
    const isLeft = new Set(itemsOf(part).filter(() => Math.random() < rate));
    if (isLeft.size > 0) left[table] = withItems(part, [...isLeft]);
    if (isLeft.size < itemsOf(part).length) kept[table] = withItems(part, itemsOf(part).filter((item) => !isLeft.has(item)));
  }
  if (Object.keys(left).length === 0) return undefined;
  const isRead = call.operation === 'BatchGetItem';
  const member = isRead ? 'UnprocessedKeys' : 'UnprocessedItems';
  return async (next) => {
    if (Object.keys(kept).length === 0) return jsonReply({ ...(isRead && { Responses: {} }), [member]: left });
    const reply = await next({ ...call, input: { ...call.input, RequestItems: kept } });
    if (reply === 'no-answer' || reply.status !== 200) return reply;
    const body = JSON.parse(reply.body.toString('utf8')) as Record<string, unknown>;
    const leftByEngine = (body[member] ?? {}) as Batch;
    for (const [table, part] of Object.entries(leftByEngine)) {
      left[table] = withItems(part, [...itemsOf(part), ...itemsOf(left[table])]);
    }
    return { ...reply, body: Buffer.from(JSON.stringify({ ...body, [member]: left })) };
  };
}
