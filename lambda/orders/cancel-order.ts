import { shardOf } from '#model/shard';
import { Problem } from '#shared/errors';
import { type Caller, flow, type Invocation } from '#shared/http';
import { readBack, untilAnswered } from '#shared/retry';
import { shardCount } from '#shared/shards';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { transact } from '#shared/transact';
import { findOrder } from './find-order';
import { orderEtag, orderView } from './order-view';
import { CANCELLABLE } from './status-machine';

const { Order, Stock } = store.entities;

/**
 * Cancels an order and gives its stock back, in one transaction, so exactly once; a line whose product is gone is
 * skipped.
 * @throws Problem `not-found`, `illegal-transition` (shipped, delivered or cancelled before)
 */
export async function cancelOrder(
  orderId: string,
  caller: Caller,
  { now, deadline }: Invocation,
  entities = { Order, Stock },
) {
  const { customerId, placedAt, lines } = await untilAnswered(deadline, () => findOrder(orderId, caller, entities));
  const key = { customerId, placedAt, orderId };
  const skipped = new Set<string>();
  for (;;) {
    const giveBack = lines.filter(({ productId }) => !skipped.has(productId));
    const reasons = await transact(
      entities,
      ({ Order, Stock }) => [
        Order.patch(key)
          .set({ status: 'Cancelled', statusShard: shardOf(orderId, shardCount()), updatedAt: isoTime(now) })
          .add({ version: 1 })
          .where((attr, { eq }) => `(${CANCELLABLE.map((status) => eq(attr.status, status)).join(' OR ')})`)
          .commit(),
        ...giveBack.map(({ productId, quantity }) => Stock.patch({ productId }).add({ stock: quantity }).commit()),
      ],
      deadline,
    );
    if (!reasons) break;
    if (reasons[0]?.code !== 'None') {
      const { status } = await untilAnswered(deadline, () => findOrder(orderId, caller, entities));
      throw new Problem('illegal-transition', `The order is ${status}; only ${CANCELLABLE.join(' or ')} can be cancelled.`);
    }
    // Only a Stock that does not exist fails here. Each turn skips at least one line, so this ends.
    giveBack.forEach(({ productId }, line) => {
      if (reasons[line + 1]?.code !== 'None') skipped.add(productId);
    });
  }
  return readBack(deadline, () => findOrder(orderId, { sub: customerId, admin: false }, entities));
}

export const handler = flow('cancel-order', async (request) => {
  const order = await cancelOrder(request.path('orderId'), request.caller(), request);
  return { status: 200, body: orderView(order), headers: { etag: orderEtag(order) } };
});
