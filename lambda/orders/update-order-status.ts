import * as z from 'zod/mini';
import { ORDER_STATUSES, type OrderStatus } from '#model/order';
import { shardOf } from '#model/shard';
import { Problem } from '#shared/errors';
import { type Caller, flow, type Invocation } from '#shared/http';
import { untilAnswered, writeOnCondition } from '#shared/retry';
import { shardCount } from '#shared/shards';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { cancelOrder } from './cancel-order';
import { findOrder } from './find-order';
import { COMES_FROM } from './status-machine';

const { Order, Stock } = store.entities;

const input = z.strictObject({ status: z.enum(ORDER_STATUSES, `must be one of ${ORDER_STATUSES.join(', ')}`) });

/**
 * Moves an order to its next status, on the condition that it is in one that leads there. `Cancelled` cancels it.
 * @returns what the update changed
 * @throws Problem `not-found`, `illegal-transition`
 */
export async function updateOrderStatus(
  orderId: string,
  to: OrderStatus,
  caller: Caller,
  invocation: Invocation,
  entities = { Order, Stock },
) {
  if (to === 'Cancelled') return cancelOrder(orderId, caller, invocation, entities);
  const { customerId, placedAt, status } = await untilAnswered(invocation.deadline, () => findOrder(orderId, caller, entities));
  const from = COMES_FROM[to];
  if (from.length === 0) throw illegalTransition(status, to);
  const updatedAt = isoTime(invocation.now);
  const written = await writeOnCondition(invocation.deadline, () =>
    entities.Order.patch({ customerId, placedAt, orderId })
      .set({ status: to, statusShard: shardOf(orderId, shardCount()), updatedAt })
      .add({ version: 1 })
      .where((attr, { eq }) => `(${from.map((status) => eq(attr.status, status)).join(' OR ')})`)
      .go({ response: 'updated_new' }),
  );
  if (written.done) return written.result.data;
  const owner = { sub: customerId, admin: false };
  const found = await untilAnswered(invocation.deadline, () => findOrder(orderId, owner, entities));
  if (written.mayBeOwn && found.status === to && found.updatedAt === updatedAt) return found;
  throw illegalTransition(found.status, to);
}

const illegalTransition = (from: OrderStatus, to: OrderStatus) =>
  new Problem('illegal-transition', `An order that is ${from} does not become ${to}.`);

export const handler = flow('update-order-status', async (request) => {
  request.requireAdmin();
  const { status: to } = request.body(input);
  const { status, updatedAt, version } = await updateOrderStatus(request.path('orderId'), to, request.caller(), request);
  return { status: 200, body: { status, updatedAt, version } };
});
