import { flow } from '#shared/http';
import { findOrder } from './find-order';
import { orderEtag, orderView } from './order-view';

export const handler = flow('get-order', async (request) => {
  const order = await findOrder(request.path('orderId'), request.caller());
  return { status: 200, body: orderView(order), headers: { etag: orderEtag(order) } };
});
