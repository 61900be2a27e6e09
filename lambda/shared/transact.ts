import { randomUUID } from 'node:crypto';
import type { TransactionItem } from 'electrodb';
import { failureKind, Problem } from './errors';
import { backoff } from './retry';

/** DynamoDB's limit. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html */
const MAX_ACTIONS = 100;

/** Reasons that say nothing about the data: another transaction was at work on the item, or the table was too busy. */
const TRANSIENT = new Set<string>(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

/** A write transaction as ElectroDB's `createWriteTransaction` makes it. */
interface WriteTransaction {
  go(options: { token: string }): Promise<{ canceled: boolean; data: unknown }>;
  params(): unknown;
}

/** Why one action of a cancelled transaction was refused; `code` is `None` for an action that was not at fault. */
export type CancellationReason = Pick<TransactionItem<Record<string, unknown>>, 'code' | 'item' | 'message'>;

/**
 * Runs a write transaction until its outcome is known.
 *
 * Every try carries the same ClientRequestToken, so a try whose answer was lost is done at most once.
 * While any action is refused for a passing reason it is tried again: the other reasons may be due to the very
 * transaction that this one collided with.
 *
 * @param deadline epoch milliseconds
 * @returns null when written, else one reason per action, in their order: `None` or `ConditionalCheckFailed`
 * @throws Problem `throttled` or `outcome-unknown` when the deadline comes first
 * @throws Error for any other reason, as an item that would be too large
 */
export async function transact(transaction: WriteTransaction, deadline: number): Promise<CancellationReason[] | null> {
  const { TransactItems: actions } = transaction.params() as { TransactItems: unknown[] };
  if (actions.length > MAX_ACTIONS) {
    throw new Error(`${actions.length} actions in a transaction: DynamoDB takes ${MAX_ACTIONS}.`);
  }
  const token = randomUUID();
  let answerLost = false;
  for (let attempt = 0; ; attempt++) {
    try {
      const { canceled, data } = await transaction.go({ token });
      if (!canceled) return null;
      const reasons = data as CancellationReason[];
      const other = reasons.find(({ code }) => !TRANSIENT.has(code) && code !== 'None' && code !== 'ConditionalCheckFailed');
      if (other) throw new Error(`DynamoDB cancelled the transaction: ${other.code} ${other.message ?? ''}`);
      if (!reasons.some(({ code }) => TRANSIENT.has(code))) return reasons;
      answerLost = false; // A cancelled transaction did nothing, so the token's earlier tries did nothing either.
    } catch (error) {
      const kind = failureKind(error);
      if (kind === 'other') throw error;
      answerLost ||= kind === 'unknown-outcome';
    }
    if (!(await backoff(attempt, deadline))) {
      if (answerLost) throw new Problem('outcome-unknown', 'DynamoDB did not answer in time. Read before you repeat it.');
      throw new Problem('throttled', 'The items are in use by many requests. Try again.');
    }
  }
}
