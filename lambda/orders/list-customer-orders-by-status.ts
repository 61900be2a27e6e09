import * as z from 'zod/mini';
import { ORDER_STATUSES, type OrderStatus } from '#model/order';
import { type CursorScope, openCursor, sealCursor } from '#shared/cursor';
import { invalidInput } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { page, timeRange, upright } from '#shared/input';
import { store } from '#shared/store';
import { orderView } from './order-view';

const { Order } = store.entities;

const query = z.strictObject({ ...timeRange, ...page }).check(upright());

/**
 * One page of a customer's orders in a status, newest first, from the local index `byCustomerStatus` with its composite
 * sort key STATUS#DATE#ORDER_ID: strongly consistent.
 */
export async function listCustomerOrdersByStatus(
  customerId: string,
  status: OrderStatus,
  { from, to, limit, cursor }: z.output<typeof query>,
  caller: string,
  { now }: Pick<Invocation, 'now'>,
  entities = { Order },
) {
  const scope: CursorScope = ['list-customer-orders-by-status', caller, customerId, status, from, to];
  const page = await entities.Order.query
    .byCustomerStatus({ customerId })
    .between({ status, placedAt: from }, { status, placedAt: to, orderId: '~' })
    .go({ order: 'desc', limit, consistent: true, cursor: openCursor(cursor, scope, now) ?? null });
  return { items: page.data.map(orderView), cursor: sealCursor(page.cursor, scope, now) };
}

/** @throws Problem `invalid-input` */
function statusOf(text: string): OrderStatus {
  const status = ORDER_STATUSES.find((candidate) => candidate === text);
  if (!status) throw invalidInput([{ path: 'status', message: `must be one of ${ORDER_STATUSES.join(', ')}` }]);
  return status;
}

export const handler = flow(
  'list-customer-orders-by-status',
  async (request) => {
    const customerId = request.ownId('customerId', { orAdmin: true });
    const status = statusOf(request.path('status'));
    const { sub } = request.caller();
    return { status: 200, body: await listCustomerOrdersByStatus(customerId, status, request.query(), sub, request) };
  },
  query,
);
