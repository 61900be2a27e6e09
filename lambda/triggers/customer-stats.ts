import { createWriteTransaction } from 'electrodb';
import { Problem } from '#shared/errors';
import type { Invocation } from '#shared/http';
import { backoff, untilAnswered } from '#shared/retry';
import { store } from '#shared/store';
import { transact } from '#shared/transact';
import { effect } from './effect';
import { processed } from './once';
import type { Change } from './stream-record';

const { CustomerStats, ProcessedEvent } = store.entities;
type Entities = Pick<typeof store.entities, 'CustomerStats' | 'ProcessedEvent'>;

const NAME = 'customer-stats';

type OrderChange = Change<'Order', 'NEW_AND_OLD_IMAGES'>;

/** By how much a change moves the number of orders that count, and their sum: cancelled ones count no more, nor deleted ones. */
function countOf(change: OrderChange): 1 | 0 | -1 {
  const counts = (order: { status: string } | undefined) => (order && order.status !== 'Cancelled' ? 1 : 0);
  const before = counts(change.eventName === 'INSERT' ? undefined : change.oldImage);
  const after = counts(change.eventName === 'REMOVE' ? undefined : change.newImage);
  return (after - before) as 1 | 0 | -1;
}

/**
 * Adds an order to its customer's statistics, or takes it out: once per event, since the marker is in the same transaction.
 * Sums may come in any order, as when a record is redriven later.
 * @throws Problem as `transact`
 */
export async function countOrder(
  change: OrderChange,
  { now, deadline }: Invocation,
  entities: Entities = { CustomerStats, ProcessedEvent },
): Promise<void> {
  const sign = countOf(change);
  if (sign === 0) return;
  const { customerId: userId, totalMinor, currency, placedAt } = change.eventName === 'REMOVE' ? change.oldImage : change.newImage;
  for (let attempt = 0; ; attempt++) {
    const { data: old } = await untilAnswered(deadline, () => entities.CustomerStats.get({ userId }).go({ consistent: true }));
    const sum = (old?.spent[currency] ?? 0) + sign * totalMinor;
    const { [currency]: _, ...others } = old?.spent ?? {};
    const last = [old?.lastOrderAt, sign > 0 ? placedAt : undefined].filter((time) => time !== undefined).sort().at(-1);
    const stats = {
      orders: (old?.orders ?? 0) + sign,
      spent: sum === 0 ? others : { ...others, [currency]: sum },
      ...(last !== undefined && { lastOrderAt: last }),
    };
    const reasons = await transact(
      createWriteTransaction(entities, ({ CustomerStats, ProcessedEvent }) => [
        ProcessedEvent.create(processed(NAME, change.eventId, now)).commit(),
        old
          ? CustomerStats.patch({ userId })
              .set(stats)
              .where((attr, { eq }) => `${eq(attr.orders, old.orders)} AND ${eq(attr.spent, old.spent)}`)
              .commit()
          : CustomerStats.create({ userId, ...stats }).commit(),
      ]),
      deadline,
    );
    // Written now, or by an earlier delivery.
    if (!reasons || reasons[0]?.code !== 'None') return;
    // Others wrote the statistics after they were read.
    if (!(await backoff(attempt, deadline))) throw new Problem('throttled', 'The statistics are being changed.');
  }
}

/** Keeps what a customer ordered. */
export const customerStats = effect(
  { name: NAME, entity: 'Order', on: ['INSERT', 'MODIFY', 'REMOVE'], view: 'NEW_AND_OLD_IMAGES' },
  (change, invocation) => countOrder(change, invocation),
);
