import { randomUUID } from 'node:crypto';
import { itemSize } from '#model/item-size';
import { awsError, failureKind, isItemSize, itemCollectionFull, itemTooLarge, mayRepeat, outcomeUnknown, Problem } from './errors';
import { hasLostAnswer } from './lost-answers';
import { backoff } from './retry';

/** DynamoDB's limits. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html */
const MAX_ACTIONS = 100;
const MAX_BYTES = 4 * 1024 * 1024;

/** Reasons that say nothing about the data: another transaction was at work on the item, or the table was too busy. */
const TRANSIENT = new Set<string>(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

/** Reasons that are an answer to the caller: a condition that did not hold, a PartiQL INSERT of what is there. */
const ANSWERS = new Set<string>(['None', 'ConditionalCheckFailed', 'DuplicateItem']);

/** Why one action of a cancelled transaction was refused; `code` is `None` for an action that was not at fault. */
export interface CancellationReason {
  code: string;
  message?: string | undefined;
  /** What the condition met, where the action asked for it. */
  item?: Record<string, unknown> | null | undefined;
}

/** A write transaction as ElectroDB's `createWriteTransaction` makes it. */
interface WriteTransaction {
  go(options: { token: string }): Promise<{ canceled: boolean; data: unknown }>;
  params(): unknown;
}

/**
 * Runs a write transaction until its outcome is known.
 *
 * @param deadline epoch milliseconds
 * @returns null when written, else one reason per action, in their order: `None` or `ConditionalCheckFailed`
 * @throws Problem as `untilKnown`, and `transaction-too-large` before anything is sent
 */
export async function transact(transaction: WriteTransaction, deadline: number): Promise<CancellationReason[] | null> {
  const { TransactItems: actions } = transaction.params() as { TransactItems: Record<string, TransactAction>[] };
  requireTransactionSize(actions.map((action) => Object.values(action)));
  return untilKnown(async (token) => {
    const { canceled, data } = await transaction.go({ token });
    return canceled ? (data as CancellationReason[]) : null;
  }, deadline);
}

type TransactAction = Partial<Record<'Item' | 'Key' | 'ExpressionAttributeValues', Record<string, unknown>>>;

/**
 * Refuses what DynamoDB would refuse, before it is sent. The size is that of what is sent; DynamoDB counts the items that
 * are updated as well, and refuses those itself.
 * @throws Problem `transaction-too-large`
 */
export function requireTransactionSize(actions: TransactAction[][]): void {
  if (actions.length > MAX_ACTIONS) {
    throw new Problem('transaction-too-large', `The transaction has ${actions.length} actions; DynamoDB takes ${MAX_ACTIONS}.`);
  }
  const bytes = actions
    .flat()
    .reduce((sum, { Item, Key, ExpressionAttributeValues }) => sum + itemSize(Item ?? { ...Key, ...ExpressionAttributeValues }), 0);
  if (bytes > MAX_BYTES) {
    throw new Problem('transaction-too-large', `The transaction has ${bytes} bytes; DynamoDB takes ${MAX_BYTES}.`);
  }
}

/**
 * Sends a transaction until its outcome is known.
 *
 * Every try carries the same ClientRequestToken, so a try whose answer was lost is done at most once.
 * While any action is refused for a passing reason it is tried again: the other reasons may be due to the very
 * transaction that this one collided with.
 *
 * @param send one try; null when written, else the reasons
 * @param deadline epoch milliseconds
 * @returns null when written, else one reason per action, in their order
 * @throws Problem `throttled` or `outcome-unknown` when the deadline comes first; `item-too-large`, `item-collection-full`
 * @throws Error for any other reason
 */
export async function untilKnown(
  send: (token: string) => Promise<CancellationReason[] | null>,
  deadline: number,
): Promise<CancellationReason[] | null> {
  const token = randomUUID();
  let answerLost = false;
  for (let attempt = 0; ; attempt++) {
    try {
      const reasons = await send(token);
      if (!reasons) return null;
      const other = reasons.find(({ code }) => !TRANSIENT.has(code) && !ANSWERS.has(code));
      if (other) throw refusal(other);
      if (!reasons.some(({ code }) => TRANSIENT.has(code))) return reasons;
      answerLost = false; // A cancelled transaction did nothing, so the token's earlier tries did nothing either.
    } catch (error) {
      // Nobody else has the token: what it was used for is an earlier try, as DynamoDB keeps it. That one was done.
      if (answerLost && awsError(error)?.name === 'IdempotentParameterMismatchException') return null;
      const kind = failureKind(error);
      if (!mayRepeat(error)) throw error;
      answerLost ||= kind === 'unknown-outcome' || hasLostAnswer(error);
    }
    if (!(await backoff(attempt, deadline))) {
      if (answerLost) throw outcomeUnknown();
      throw new Problem('throttled', 'The items are in use by many requests. Try again.');
    }
  }
}

function refusal({ code, message }: CancellationReason): Error {
  if (code === 'ItemCollectionSizeLimitExceeded') return itemCollectionFull();
  if (code === 'ValidationError' && isItemSize(message)) return itemTooLarge();
  return new Error(`DynamoDB cancelled the transaction: ${code} ${message ?? ''}`);
}
