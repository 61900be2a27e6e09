import * as z from 'zod/mini';
import { type CursorScope, openCursor, sealCursor } from '#shared/cursor';
import { flow, type Invocation } from '#shared/http';
import { integerText, page } from '#shared/input';
import { store } from '#shared/store';
import { orderView } from './order-view';

const { Order } = store.entities;

/** DynamoDB's limit. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html */
const MAX_SEGMENTS = 1_000_000;

const query = z
  .strictObject({
    segment: z.optional(integerText(0, MAX_SEGMENTS - 1)),
    segments: z.optional(integerText(1, MAX_SEGMENTS)),
    ...page,
  })
  .check(
    // One without the other would be a part of the orders that looks like all.
    z.refine(({ segment, segments }) => (segment === undefined) === (segments === undefined), {
      error: 'give segment and segments, or neither',
      path: ['segment'],
    }),
    z.refine(({ segment = 0, segments = 1 }) => segment < segments, { error: 'must be below segments', path: ['segment'] }),
  );

/**
 * One page of one segment of a parallel Scan over all orders: the only Scan there is. `limit` counts the items that are
 * read, orders or not, so a page may be short or empty and still have a cursor.
 */
export async function exportOrders(
  { segment = 0, segments = 1, limit, cursor }: z.output<typeof query>,
  caller: string,
  { now }: Pick<Invocation, 'now'>,
  entities = { Order },
) {
  const scope: CursorScope = ['export-orders', caller, segment, segments];
  const page = await entities.Order.scan.go({
    limit,
    cursor: openCursor(cursor, scope, now) ?? null,
    params: { Segment: segment, TotalSegments: segments },
  });
  return { items: page.data.map(orderView), cursor: sealCursor(page.cursor, scope, now) };
}

export const handler = flow(
  'export-orders',
  async (request) => {
    request.requireAdmin();
    return { status: 200, body: await exportOrders(request.query(), request.caller().sub, request) };
  },
  query,
);
