import * as z from 'zod/mini';
import { type CursorScope, openCursor, sealCursor } from '#shared/cursor';
import { flow, type Invocation } from '#shared/http';
import { page, timeRange, upright } from '#shared/input';
import { store } from '#shared/store';
import { orderView } from './order-view';

const { Order } = store.entities;

const query = z
  .strictObject({ ...timeRange, sort: z._default(z.enum(['asc', 'desc'], 'must be asc or desc'), 'desc'), ...page })
  .check(upright());

/** One page of a customer's orders by time, from the table itself and strongly consistent: no index can lag here. */
export async function listOrders(
  customerId: string,
  { from, to, sort, limit, cursor }: z.output<typeof query>,
  caller: string,
  { now }: Pick<Invocation, 'now'>,
  entities = { Order },
) {
  const scope: CursorScope = ['list-orders', caller, customerId, from, to, sort];
  const page = await entities.Order.query
    .primary({ customerId })
    .between({ placedAt: from }, { placedAt: to, orderId: '~' })
    .go({ order: sort, limit, consistent: true, cursor: openCursor(cursor, scope, now) ?? null });
  return { items: page.data.map(orderView), cursor: sealCursor(page.cursor, scope, now) };
}

export const handler = flow(
  'list-orders',
  async (request) => {
    const customerId = request.ownId('customerId', { orAdmin: true });
    return { status: 200, body: await listOrders(customerId, request.query(), request.caller().sub, request) };
  },
  query,
);
