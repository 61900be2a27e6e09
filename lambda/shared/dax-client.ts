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
import { type Answer, noteDaxCall } from './consumed-capacity';
import { failureKind, UnansweredWrite } from './errors';

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
 * - A read that DAX does not answer (no route, a lost connection, a time-out, a 5xx) is answered by DynamoDB.
 * - A write that DAX does not answer is UnansweredWrite: it may have been done, so nobody sends it again.
 *
 * @param connected the client, once it is loaded
 * @param dynamodb for what DAX does not, cannot or must not serve
 * @param timeouts milliseconds
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
      const dax = await connected();
      const input = { ReturnConsumedCapacity: 'TOTAL', ...(withoutUndefined(command.input) as Input) };
      try {
        // It refuses some input by throwing, where it else rejects.
        const answer: Answer = { $metadata: {}, ...(await within(timeouts[kind], async () => dax[method](input), options.abortSignal)) };
        noteDaxCall(kind, answer);
        if (command.input.ReturnConsumedCapacity === undefined) delete answer.ConsumedCapacity;
        return answer;
      } catch (error) {
        const failure = asSdkError(error);
        const isAnswered = failureKind(failure) !== 'unknown-outcome';
        noteDaxCall(kind, isAnswered ? (failure as Answer) : undefined);
        if (isAnswered) throw failure;
        if (kind === 'read') return toDynamodb(command, options);
        throw new UnansweredWrite(`DAX did not answer a ${method}`, failure);
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
 * The outcome of a call, unless that comes too late. It cannot be aborted: what it still does, it does for nobody.
 * @throws DaxTimeout without `$metadata.httpStatusCode`, as the SDK's; AbortError when the caller gives up
 */
function within<Output>(ms: number, call: () => Promise<Output>, signal?: AbortSignal): Promise<Output> {
  let end = () => {};
  const late = new Promise<never>((_, reject) => {
    const abort = () => reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }));
    const timer = setTimeout(() => reject(Object.assign(new Error(`DAX did not answer in ${ms} ms`), { code: 'DaxTimeout' })), ms);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
  });
  return Promise.race([call(), late]).finally(end);
}

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
  const status = statusCode > 0 ? statusCode : REFUSED.includes(code) ? 400 : undefined;
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
