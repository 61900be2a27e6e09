import { type Caller, flow, type Invocation } from '#shared/http';
import { retryRefused } from '#shared/retry';
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
  const { customerId, placedAt } = await findOrder(orderId, caller, entities);
  const { rejected, data } = await retryRefused(deadline, () =>
    entities.Order.remove({ customerId, placedAt, orderId }).go({ response: 'all_old', returnOnConditionCheckFailure: true }),
  );
  if (rejected || !data) throw orderNotFound(orderId);
  return orderView(data);
}

export const handler = flow('delete-order', async (request) => {
  request.requireAdmin();
  return { status: 200, body: await deleteOrder(request.path('orderId'), request.caller(), request) };
});
