import { randomUUID } from 'node:crypto';
import { type CommittedTransactionResult, createWriteTransaction, type Entity, type TransactWriteEntities, type TransactWriteItem } from 'electrodb';
import { itemSize } from '#model/item-size';
import { failureKind, isItemSize, itemCollectionFull, itemTooLarge, mayRepeat, outcomeUnknown, Problem } from './errors';
import { backoff } from './retry';
import { watchingWrites } from './sent-writes';

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

// oxlint-disable-next-line typescript/no-explicit-any
type AnyEntity = Entity<any, any, any, any>;

/**
 * Writes some items in one transaction, and tries it until its outcome is known.
 *
 * The actions are made once: every try sends the same bytes under the same token. ElectroDB's own transaction runs its callback at
 * every `go()`, and an id or a time that is made in there would be another one at the next try. DynamoDB refuses that as another
 * request under a used token, also where the first try was done.
 *
 * @param entities what the actions are about; the transaction is sent with the client of the first
 * @param actions makes the actions, at most 100, as ElectroDB's `createWriteTransaction` takes them
 * @param deadline epoch milliseconds
 * @returns null when written, else one reason per action, in their order: `None` or `ConditionalCheckFailed`
 * @throws Problem as `untilKnown`, and `transaction-too-large` before anything is sent
 */
export async function transact<Entities extends Record<string, AnyEntity>, Result, Actions extends readonly CommittedTransactionResult<Result, TransactWriteItem>[]>(
  entities: Entities,
  actions: (entities: TransactWriteEntities<Entities>) => [...Actions],
  deadline: number,
): Promise<CancellationReason[] | null> {
  let made: [...Actions] | undefined;
  const transaction = createWriteTransaction(entities, (entities: TransactWriteEntities<Entities>) => (made ??= actions(entities)));
  const { TransactItems: items } = transaction.params() as { TransactItems: Record<string, TransactAction>[] };
  requireTransactionSize(items.map((action) => Object.values(action)));
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
 * Every try carries the same ClientRequestToken, and must carry the same request, so what is sent twice is done at most once: DynamoDB
 * answers a try of what is done with success, for ten minutes. So a refusal of the data tells that no earlier try was done. A conflict or
 * throttling tells nothing: after a lost answer, the transaction may have been done all the same.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-apis-txwriteitems-idempotency
 *
 * While any action is refused for a passing reason it is tried again: the other reasons may be due to the very
 * transaction that this one collided with.
 *
 * @param send one try; null when written, else the reasons
 * @param deadline epoch milliseconds
 * @returns null when written, else one reason per action, in their order
 * @throws Problem `outcome-unknown` when an answer was lost and no later one tells; `throttled` when the deadline comes first;
 *   `item-too-large`, `item-collection-full`
 * @throws Error for any other reason, and the last error where nothing was sent
 */
export function untilKnown(send: (token: string) => Promise<CancellationReason[] | null>, deadline: number): Promise<CancellationReason[] | null> {
  const token = randomUUID();
  return watchingWrites(async (writes) => {
    for (let attempt = 0; ; attempt++) {
      let failure: unknown;
      let reasons: CancellationReason[] = [];
      try {
        const refused = await send(token);
        if (!refused) return null;
        reasons = refused;
      } catch (error) {
        if (!mayRepeat(error)) throw writes.unanswered ? outcomeUnknown(error) : error;
        failure = error;
      }
      const other = reasons.find(({ code }) => !TRANSIENT.has(code) && !ANSWERS.has(code));
      if (other) throw refusal(other);
      if (failure === undefined && !reasons.some(({ code }) => TRANSIENT.has(code))) return reasons;
      if (await backoff(attempt, deadline)) continue;
      if (writes.unanswered) throw outcomeUnknown(failure);
      if (failure !== undefined && failureKind(failure) !== 'throttled') throw failure;
      throw new Problem('throttled', 'The items are in use by many requests. Try again.');
    }
  });
}

function refusal({ code, message }: CancellationReason): Error {
  if (code === 'ItemCollectionSizeLimitExceeded') return itemCollectionFull();
  if (code === 'ValidationError' && isItemSize(message)) return itemTooLarge();
  return new Error(`DynamoDB cancelled the transaction: ${code} ${message ?? ''}`);
}
