import { AsyncLocalStorage } from 'node:async_hooks';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/**
 * What the calls of one invocation consumed, and the ids of DynamoDB's answers: members of the invocation's log line.
 *
 * The units are those that DynamoDB tells. It tells none in an error, though a condition that does not hold consumes some.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 */
export interface ConsumedCapacity {
  /** Capacity units; halves are possible. */
  readUnits: number;
  writeUnits: number;
  /** Their sum. */
  consumedUnits: number;
  /** In the order of the answers; of a call that the SDK repeated, one for each try that was answered. */
  dynamodbRequestIds: string[];
  /** How many ids came after those, where there are too many for a line. */
  dynamodbRequestIdsOmitted?: number;
  /** Calls that went through DAX, where some did, and those of them that it did not answer. */
  daxCalls?: number;
  daxUnanswered?: number;
}

/** An import makes hundreds of calls, and a line is paid by its bytes. */
const MAX_REQUEST_IDS = 20;

const invocation = new AsyncLocalStorage<ConsumedCapacity>();

/** Runs the work of an invocation. What its calls consume is added up in the object that it gets. */
export function countingCalls<Result>(work: (consumed: ConsumedCapacity) => Result): Result {
  const consumed: ConsumedCapacity = { readUnits: 0, writeUnits: 0, consumedUnits: 0, dynamodbRequestIds: [] };
  return invocation.run(consumed, () => work(consumed));
}

/**
 * Adds a call that went through DAX to the invocation at work; outside of one it does nothing. Its units are what DynamoDB was
 * asked for it: none, where it was answered from a cache.
 * @param answer of DAX; undefined where it did not answer
 */
export function noteDaxCall(kind: CallKind, answer: CallAnswer | undefined): void {
  const consumed = invocation.getStore();
  if (!consumed) return;
  consumed.daxCalls = (consumed.daxCalls ?? 0) + 1;
  consumed.daxUnanswered = (consumed.daxUnanswered ?? 0) + (answer ? 0 : 1);
  if (answer) noteCall({ kind, units: unitsOf(answer), requestId: answer.$metadata?.requestId });
}

/** Adds one answer to the invocation at work; outside of one it does nothing. Units are capacity units. */
export function noteCall({ kind, units, requestId }: { kind: CallKind; units: number; requestId?: string | undefined }): void {
  const consumed = invocation.getStore();
  if (!consumed) return;
  consumed[kind === 'read' ? 'readUnits' : 'writeUnits'] += units;
  consumed.consumedUnits += units;
  if (requestId === undefined) return;
  if (consumed.dynamodbRequestIds.length < MAX_REQUEST_IDS) consumed.dynamodbRequestIds.push(requestId);
  else consumed.dynamodbRequestIdsOmitted = (consumed.dynamodbRequestIdsOmitted ?? 0) + 1;
}

type CallKind = 'read' | 'write';

/**
 * The operations that can tell what they consumed. A PartiQL statement reads or writes, and those of one call all do the same.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.transactions.html
 */
const OPERATIONS: Readonly<Record<string, CallKind | 'PartiQL'>> = {
  BatchExecuteStatement: 'PartiQL',
  BatchGetItem: 'read',
  BatchWriteItem: 'write',
  DeleteItem: 'write',
  ExecuteStatement: 'PartiQL',
  ExecuteTransaction: 'PartiQL',
  GetItem: 'read',
  PutItem: 'write',
  Query: 'read',
  Scan: 'read',
  TransactGetItems: 'read',
  TransactWriteItems: 'write',
  UpdateItem: 'write',
};

/** Makes the client ask in each call what it consumes, and add it to the invocation at work. Its callers see nothing of it. */
export function noteConsumedCapacity(client: DynamoDBClient): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const input = args.input as { ReturnConsumedCapacity?: string };
      if (!operationOf(context) || input.ReturnConsumedCapacity !== undefined) return next(args);
      const result = await next({ ...args, input: { ...input, ReturnConsumedCapacity: 'TOTAL' } as never });
      const { ConsumedCapacity: _, ...output } = result.output as { ConsumedCapacity?: unknown };
      return { ...result, output: output as never };
    },
    { name: 'askConsumedCapacity', step: 'initialize', override: true },
  );
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const kind = callKind(context, args.input);
      const note = (answer: CallAnswer) => kind && noteCall({ kind, units: unitsOf(answer), requestId: answer.$metadata?.requestId });
      try {
        const result = await next(args);
        note(result.output as CallAnswer);
        return result;
      } catch (error) {
        note(error as CallAnswer);
        throw error;
      }
    },
    // Below the SDK's retries, which are of the same step and high priority: each try has an answer of its own.
    { name: 'noteConsumedCapacity', step: 'finalizeRequest', priority: 'low', override: true },
  );
}

const operationOf = ({ commandName }: { commandName?: string }) => OPERATIONS[commandName?.replace(/Command$/, '') ?? ''];

interface Statements {
  Statement?: string;
  Statements?: Statements[];
  TransactStatements?: Statements[];
}

/** Whether a call reads or writes, of a command of the SDK and its input; undefined for one that does neither, such as DescribeTable. */
export function callKind(context: { commandName?: string }, input: unknown): CallKind | undefined {
  const operation = operationOf(context);
  if (operation !== 'PartiQL') return operation;
  const { Statement, Statements, TransactStatements } = input as Statements;
  const first = Statement ?? (Statements ?? TransactStatements)?.[0]?.Statement ?? '';
  return /^\s*SELECT\b/i.test(first) ? 'read' : 'write';
}

/** What is counted of an answer, or of an error. */
export interface CallAnswer {
  $metadata?: { requestId?: string };
  /** One for each table where a call may name several. An engine on this machine may tell nothing. */
  ConsumedCapacity?: Units | (Units | null)[] | null;
}

interface Units {
  CapacityUnits?: number;
}

const unitsOf = ({ ConsumedCapacity: consumed }: CallAnswer): number =>
  [consumed].flat().reduce((sum, entry) => sum + (entry?.CapacityUnits ?? 0), 0);
