import * as z from 'zod/mini';
import { type CursorScope, openCursor, sealCursor } from '#shared/cursor';
import { flow, type Invocation } from '#shared/http';
import { integerText, page } from '#shared/input';
import { store } from '#shared/store';
import { orderView } from './order-view';

const { Order } = store.entities;

const total = integerText(0, Number.MAX_SAFE_INTEGER);

const query = z
  .strictObject({
    min: z._default(total, 0),
    max: z._default(total, Number.MAX_SAFE_INTEGER),
    sort: z._default(z.enum(['asc', 'desc'], 'must be asc or desc'), 'asc'),
    ...page,
  })
  .check(z.refine(({ min, max }) => min <= max, { error: 'is above max', path: ['min'] }));

/**
 * One page of a customer's orders by total, both bounds inclusive, from the local index `byAmount`: strongly consistent,
 * which no global index is.
 */
export async function listOrdersByAmount(
  customerId: string,
  { min, max, sort, limit, cursor }: z.output<typeof query>,
  caller: string,
  { now }: Pick<Invocation, 'now'>,
  entities = { Order },
) {
  const scope: CursorScope = ['list-orders-by-amount', caller, customerId, min, max, sort];
  const page = await entities.Order.query
    .byAmount({ customerId })
    .between({ totalMinor: min }, { totalMinor: max, orderId: '~' })
    .go({ order: sort, limit, consistent: true, cursor: openCursor(cursor, scope, now) ?? null });
  return { items: page.data.map(orderView), cursor: sealCursor(page.cursor, scope, now) };
}

export const handler = flow(
  'list-orders-by-amount',
  async (request) => {
    const customerId = request.ownId('customerId', { orAdmin: true });
    return { status: 200, body: await listOrdersByAmount(customerId, request.query(), request.caller().sub, request) };
  },
  query,
);
