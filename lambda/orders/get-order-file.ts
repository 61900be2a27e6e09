import { Service } from 'electrodb';
import { type Caller, flow } from '#shared/http';
import { store } from '#shared/store';
import { orderNotFound, requireOrderId } from './order-id';
import { orderView } from './order-view';

const { Order, OrderEvent } = store.entities;

/**
 * An order with its history: one query over the item collection `orderFile` of the index `byOrderId`, all its pages. An
 * order of a moment ago may not be in the index yet.
 * @throws Problem `not-found`: unknown, or another's
 */
export async function getOrderFile(orderId: string, caller: Caller, entities = { Order, OrderEvent }) {
  requireOrderId(orderId);
  const { orderFile } = new Service(entities).collections;
  const { data } = await orderFile({ orderId }).go({ pages: 'all' });
  const [order] = data.Order;
  if (!order || (order.customerId !== caller.sub && !caller.admin)) throw orderNotFound(orderId);
  return {
    order: orderView(order),
    events: data.OrderEvent.map(({ eventId, at, type, from, to }) => ({
      eventId,
      at,
      type,
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    })),
  };
}

export const handler = flow('get-order-file', async (request) => ({
  status: 200,
  body: await getOrderFile(request.path('orderId'), request.caller()),
}));
