import { type Caller, flow, type Invocation } from '#shared/http';
import { untilAnswered, writeOnCondition } from '#shared/retry';
import { store } from '#shared/store';
import { findOrder } from './find-order';
import { orderNotFound } from './order-id';
import { orderView } from './order-view';

const { Order } = store.entities;

/** Deletes an order and answers it as it was (ALL_OLD). Its stock is not given back. @throws Problem `not-found` */
export async function deleteOrder(
  orderId: string,
  caller: Caller,
  { deadline }: Pick<Invocation, 'deadline'>,
  entities = { Order },
) {
  const order = await untilAnswered(deadline, () => findOrder(orderId, caller, entities));
  const { customerId, placedAt } = order;
  const written = await writeOnCondition(deadline, () =>
    entities.Order.remove({ customerId, placedAt, orderId }).go({ response: 'all_old' }),
  );
  if (written.done) return orderView(written.result.data ?? order);
  // It is gone, by this delete or another at the same time; if it may be this one, the caller gets what was read.
  if (written.mayBeOwn) return orderView(order);
  throw orderNotFound(orderId);
}

export const handler = flow('delete-order', async (request) => {
  request.requireAdmin();
  return { status: 200, body: await deleteOrder(request.path('orderId'), request.caller(), request) };
});
