import * as z from 'zod/mini';
import { BY_STATUS, ORDER_STATUSES } from '#model/order';
import { type CursorScope, openCursor, sealCursor } from '#shared/cursor';
import { flow, type Invocation } from '#shared/http';
import { page, timeRange, upright } from '#shared/input';
import { mergeShards, shardCount } from '#shared/shards';
import { store } from '#shared/store';
import { orderView } from './order-view';

const { Order } = store.entities;

const query = z
  .strictObject({ status: z.enum(ORDER_STATUSES, `must be one of ${ORDER_STATUSES.join(', ')}`), ...timeRange, ...page })
  .check(upright());

/** One page of all orders in a status, newest first, over all shards of `byStatus`: the attributes that it holds. */
export async function listOrdersByStatus(
  { status, from, to, limit, cursor }: z.output<typeof query>,
  caller: string,
  { now }: Pick<Invocation, 'now'>,
  entities = { Order },
) {
  const scope: CursorScope = ['list-orders-by-status', caller, status, from, to];
  const position = openCursor(cursor, scope, now);
  const last = position === undefined ? undefined : (JSON.parse(position) as { placedAt: string; orderId: string });
  const { items, more } = await mergeShards({
    shards: shardCount(),
    limit,
    read: async (statusShard) => {
      const page = await entities.Order.query
        .byStatus({ status, statusShard })
        // The upper bound is inclusive, so a page after the first begins with the order that the last one ended with.
        .between({ placedAt: from }, last ?? { placedAt: to, orderId: '~' })
        .go({ order: 'desc', limit: limit + 1, attributes: [...BY_STATUS] });
      return { items: page.data.filter(({ orderId }) => orderId !== last?.orderId), more: page.cursor !== null };
    },
    // An order id begins with the time that `placedAt` is, so the ids alone have the order of the index.
    compare: (a, b) => (a.orderId < b.orderId ? 1 : a.orderId > b.orderId ? -1 : 0),
  });
  const end = items.at(-1);
  return {
    items: items.map(orderView),
    cursor: more && end ? sealCursor(JSON.stringify({ placedAt: end.placedAt, orderId: end.orderId }), scope, now) : null,
  };
}

export const handler = flow(
  'list-orders-by-status',
  async (request) => {
    request.requireAdmin();
    return { status: 200, body: await listOrdersByStatus(request.query(), request.caller().sub, request) };
  },
  query,
);
