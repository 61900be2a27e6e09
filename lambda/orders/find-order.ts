import type { Caller } from '#shared/http';
import { store } from '#shared/store';
import { orderKey, orderNotFound } from './order-id';

const { Order } = store.entities;

/**
 * An order that the caller may see, strongly consistent. The owner's key follows from the id, so an order just placed
 * is found at once; only an admin's look-up of another's order asks `byOrderId`, which may lag, for its owner.
 * @throws Problem `not-found`: unknown, or another's
 */
export async function findOrder(orderId: string, caller: Caller, entities = { Order }) {
  const own = await entities.Order.get(orderKey(caller.sub, orderId)).go({ consistent: true });
  if (own.data) return own.data;
  if (caller.admin) {
    const [owner] = (await entities.Order.query.byOrderId({ orderId }).go({ attributes: ['customerId'] })).data;
    const order = owner && (await entities.Order.get(orderKey(owner.customerId, orderId)).go({ consistent: true })).data;
    if (order) return order;
  }
  throw orderNotFound(orderId);
}
