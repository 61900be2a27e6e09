import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { type CallAnswer, noteDaxCall } from './consumed-capacity';
import { awsError, UnansweredWrite } from './errors';
import { noteWrite } from './sent-writes';

/**
 * The calls that go through DAX, by the command that ElectroDB sends: by its constructor, since its name does not survive
 * minification. What is not here DAX has not (PartiQL), or passes on to DynamoDB uncached (TransactGetItems).
 */
const METHODS = new Map<unknown, DaxMethod>([
  [GetCommand, 'get'],
  [BatchGetCommand, 'batchGet'],
  [QueryCommand, 'query'],
  [ScanCommand, 'scan'],
  [PutCommand, 'put'],
  [UpdateCommand, 'update'],
  [DeleteCommand, 'delete'],
  [BatchWriteCommand, 'batchWrite'],
  [TransactWriteCommand, 'transactWrite'],
]);

const READS = ['get', 'batchGet', 'query', 'scan'] as const;
const WRITES = ['put', 'update', 'delete', 'batchWrite', 'transactWrite'] as const;

type DaxMethod = (typeof READS)[number] | (typeof WRITES)[number];

/** What is called of a `DaxDocument` of `@amazon-dax-sdk/lib-dax`. */
export type DaxMethods = Readonly<Record<DaxMethod, (params: object) => Promise<object>>>;

/**
 * How long DAX may take, in milliseconds. A read is answered in less than one once it is connected, and a connection that
 * the other side closed hangs for ever; a write waits for DynamoDB, with DAX's own retries.
 */
export const DAX_TIMEOUTS = { read: 1_000, write: 5_000 } as const;

/** As the SDK calls it. */
interface Command {
  readonly input: Input;
}

interface Input {
  ReturnConsumedCapacity?: string;
  ConsistentRead?: boolean;
  RequestItems?: Record<string, { ConsistentRead?: boolean } | undefined>;
  ReturnValuesOnConditionCheckFailure?: string;
}

/**
 * A document client for ElectroDB that goes through DAX. `DaxDocument` itself has no `send`, takes no undefined, and fails in
 * shapes of its own; here it looks like the SDK's client to everybody above.
 *
 * - A strongly consistent read goes to DynamoDB: DAX would only pass it on.
 * - A read is answered by DynamoDB, unless DAX answers it or tells what DynamoDB said to it.
 * - A write that neither DAX nor DynamoDB answers is UnansweredWrite: it may have been done, so nobody sends it again.
 *
 * @param connected the client, once it can be used
 * @param dynamodb for what DAX does not, cannot or must not serve
 * @param timeouts milliseconds, of a call and of waiting for the client together
 */
export function daxClient(
  connected: () => Promise<DaxMethods>,
  dynamodb: Pick<DynamoDBDocumentClient, 'send'>,
  timeouts: Readonly<Record<'read' | 'write', number>> = DAX_TIMEOUTS,
) {
  const toDynamodb = (command: Command, options: object) => (dynamodb.send as (command: Command, options: object) => Promise<object>)(command, options);
  return {
    async send(command: Command, options: { abortSignal?: AbortSignal } = {}): Promise<object> {
      const method = METHODS.get(command.constructor);
      if (method === undefined || bypassesDax(command.input)) return toDynamodb(command, options);
      const kind = READS.some((read) => read === method) ? 'read' : 'write';
      const input = { ReturnConsumedCapacity: 'TOTAL', ...(withoutUndefined(command.input) as Input) };
      const limit = timeLimit(timeouts[kind], options.abortSignal);
      let sent: Promise<object> | undefined;
      const ended = kind === 'write' ? noteWrite() : undefined;
      try {
        const dax = await limit.within(connected());
        sent = dax[method](input);
        const answer: CallAnswer = { $metadata: {}, ...(await limit.within(sent)) };
        noteDaxCall(kind, answer);
        ended?.('done');
        if (command.input.ReturnConsumedCapacity === undefined) delete answer.ConsumedCapacity;
        return answer;
      } catch (error) {
        const failure = asSdkError(error);
        const status = awsError(failure)?.$metadata?.httpStatusCode;
        const isRefused = status !== undefined && status < 500;
        // What was not sent was not done: a client that cannot be made, an input that it does not take.
        const isAnswer = kind === 'read' ? isOfDynamodb(failure) : isRefused || (!sent && !isLate(failure));
        noteDaxCall(kind, isAnswer ? (failure as CallAnswer) : undefined);
        ended?.(isAnswer ? 'not-done' : 'unanswered');
        if (isAnswer || isAborted(failure)) throw failure;
        if (kind === 'read') return toDynamodb(command, options);
        throw new UnansweredWrite(`DAX did not answer a ${method}`, failure);
      } finally {
        limit.end();
      }
    },
  };
}

/**
 * What goes to DynamoDB: strongly consistent reads, and single writes that ask for the item that their condition met, which
 * the DAX client leaves out without a word.
 */
function bypassesDax({ ConsistentRead, RequestItems = {}, ReturnValuesOnConditionCheckFailure }: Input): boolean {
  return (
    ConsistentRead === true ||
    Object.values(RequestItems).some((table) => table?.ConsistentRead) ||
    (ReturnValuesOnConditionCheckFailure ?? 'NONE') !== 'NONE'
  );
}

/** As `removeUndefinedValues` of the SDK's client, which `DaxDocument` has not: sets, bytes and other classes stay as they are. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((entry) => entry !== undefined).map(withoutUndefined);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([name, entry]) => (entry === undefined ? [] : [[name, withoutUndefined(entry)]])));
}

/**
 * How long something may take. What comes later comes for nobody: a call of DAX cannot be aborted.
 * @throws DaxTimeout without a status, as the SDK's own; AbortError when the caller gives up, also before it began
 */
function timeLimit(ms: number, signal?: AbortSignal) {
  let abort = () => {};
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    abort = () => reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }));
    timer = setTimeout(() => reject(Object.assign(new Error(`DAX did not answer in ${ms} ms`), { code: LATE })), ms);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
  });
  over.catch(() => {});
  return {
    // Of two that are settled the first counts: nothing is begun when it is over.
    within: <Output>(work: Promise<Output>): Promise<Output> => Promise.race([over, work]),
    end() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    },
  };
}

const LATE = 'DaxTimeout';
const isLate = (failure: unknown): boolean => failure instanceof Error && failure.name === LATE;
const isAborted = (failure: unknown): boolean => failure instanceof Error && failure.name === 'AbortError';

/** What DynamoDB would say to a read itself. Anything else is DAX's own: a node, a connection, a permission on the cluster. */
const OF_DYNAMODB = [
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ResourceNotFoundException',
  'ThrottlingException',
  'ValidationException',
];
const isOfDynamodb = (failure: unknown): boolean => failure instanceof Error && OF_DYNAMODB.includes(failure.name);

/** What the client refuses before it sends anything. */
const REFUSED = ['ValidationException', 'IllegalArgumentException'];

/**
 * The error of the client as the SDK would throw it. The client's are all named `Error`, with the exception in `code`, -1 for no
 * status, and the reasons of a cancelled transaction in a member of another case, null for what is absent.
 * What has no code is a defect, and stays as it is.
 */
function asSdkError(error: unknown): unknown {
  if (!(error instanceof Error) || typeof (error as DaxError).code !== 'string') return error;
  const { code, statusCode = -1, requestId, cancellationReasons } = error as DaxError;
  const status = statusCode > 0 ? statusCode : REFUSED.includes(code) || cancellationReasons ? 400 : undefined;
  const reasons = cancellationReasons?.map((reason) => Object.fromEntries(Object.entries(reason).filter(([, value]) => value !== null)));
  return Object.assign(error, {
    name: code,
    $metadata: { ...(status !== undefined && { httpStatusCode: status }), ...(requestId && { requestId }) },
    ...(reasons && { CancellationReasons: reasons }),
  });
}

interface DaxError extends Error {
  code: string;
  statusCode?: number;
  requestId?: string | null;
  cancellationReasons?: { Code?: string | null; Message?: string | null; Item?: object | null }[];
}
