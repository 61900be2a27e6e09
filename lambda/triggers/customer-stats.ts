import { Problem } from '#shared/errors';
import type { Invocation } from '#shared/http';
import { backoff, untilAnswered } from '#shared/retry';
import { store } from '#shared/store';
import { type CancellationReason, transact } from '#shared/transact';
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
 *
 * Records may come in any order, as when one is redriven later. An order that is taken out, and that was placed before any
 * that counts, was never counted here: it leaves a mark, so that it is not counted when its record comes at last. One of an
 * account that is gone is not missed in this way.
 * @throws Problem as `transact`
 */
export async function countOrder(
  change: OrderChange,
  { now, deadline }: Invocation,
  entities: Entities = { CustomerStats, ProcessedEvent },
): Promise<void> {
  const sign = countOf(change);
  if (sign === 0) return;
  const order = change.eventName === 'REMOVE' ? change.oldImage : change.newImage;
  const { customerId: userId, orderId } = order;
  const takenOut = { effect: NAME, eventId: `taken out ${orderId}` };
  let isTakenOut = false;
  for (let attempt = 0; ; attempt++) {
    const { data: old } = await untilAnswered(deadline, () => entities.CustomerStats.get({ userId }).go({ consistent: true }));
    if (old) requireWhole(old);
    const isCounted = old?.countedSince !== undefined && order.placedAt >= old.countedSince;
    const stats: ReturnType<typeof statsWith> | undefined = sign > 0 || isCounted ? statsWith(old ?? undefined, order, isTakenOut ? 0 : sign) : undefined;
    const reasons: CancellationReason[] | null = await transact(
      entities,
      ({ CustomerStats, ProcessedEvent }) => [
        ProcessedEvent.create(processed(NAME, change.eventId, now)).commit(),
        ...(stats && old
          ? [
              CustomerStats.patch({ userId })
                .set(stats)
                .where((attr, is) => asRead(old, attr, is as Conditions))
                .commit(),
            ]
          : []),
        ...(stats && !old ? [CustomerStats.create({ userId, ...stats }).commit()] : []),
        ...(sign > 0 && !isTakenOut ? [ProcessedEvent.check(takenOut).where((attr, { notExists }) => notExists(attr.effect)).commit()] : []),
        ...(!stats ? [ProcessedEvent.put(processed(NAME, takenOut.eventId, now)).commit()] : []),
        ...(!stats ? [CustomerStats.check({ userId }).where((attr, is) => asRead(old, attr, is as Conditions)).commit()] : []),
      ],
      deadline,
    );
    // Written now, or by an earlier delivery.
    if (!reasons || reasons[0]?.code !== 'None') return;
    // Others wrote the statistics after they were read, or the order was taken out before.
    isTakenOut ||= sign > 0 && reasons[2]?.code === 'ConditionalCheckFailed';
    if (!(await backoff(attempt, deadline))) throw new Problem('throttled', 'The statistics are being changed.');
  }
}

/** @throws Error where somebody else spoiled them: a sum of what is no number would be wrong for ever */
function requireWhole({ userId, orders, spent }: Stats & { userId: string }): void {
  const isMap = typeof spent === 'object' && spent !== null && !Array.isArray(spent) && !(spent instanceof Set);
  if (typeof orders !== 'number' || !isMap || !Object.values(spent).every((sum) => typeof sum === 'number')) {
    throw new Error(`The statistics of ${userId} in the table are not what the model says.`);
  }
}

/** The condition that the statistics are as they were read. */
function asRead(old: Stats | null, attr: Readonly<Record<keyof Stats, unknown>>, { eq, notExists }: Conditions): string {
  if (!old) return notExists(attr.orders);
  const names = ['orders', 'spent', 'lastOrderAt', 'countedSince'] as const;
  return names.map((name) => (old[name] === undefined ? notExists(attr[name]) : eq(attr[name], old[name]))).join(' AND ');
}

/** ElectroDB's, for attributes of any type. */
interface Conditions {
  eq(attribute: unknown, value: unknown): string;
  notExists(attribute: unknown): string;
}

interface Stats {
  orders: number;
  spent: Record<string, number>;
  lastOrderAt?: string | undefined;
  countedSince?: string | undefined;
}

/** The statistics after an order: 1 counts it, -1 takes it out, 0 only notes when it was placed. */
function statsWith(old: Stats | undefined, order: { totalMinor: number; currency: string; placedAt: string }, sign: 1 | 0 | -1) {
  const { totalMinor, currency, placedAt } = order;
  const { [currency]: before = 0, ...others } = old?.spent ?? {};
  const sum = before + sign * totalMinor;
  const times = [placedAt, ...(old?.lastOrderAt === undefined ? [] : [old.lastOrderAt])].sort();
  const since = [...(sign === 0 ? [] : [placedAt]), ...(old?.countedSince === undefined ? [] : [old.countedSince])].sort()[0];
  return {
    orders: (old?.orders ?? 0) + sign,
    spent: sum === 0 ? others : { ...others, [currency]: sum },
    lastOrderAt: times.at(-1) as string,
    ...(since !== undefined && { countedSince: since }),
  };
}

/** Keeps what a customer ordered. */
export const customerStats = effect(
  { name: NAME, entity: 'Order', on: ['INSERT', 'MODIFY', 'REMOVE'], view: 'NEW_AND_OLD_IMAGES' },
  (change, invocation) => countOrder(change, invocation),
);
