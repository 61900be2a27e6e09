import * as z from 'zod/mini';
import { type CursorScope, openCursor, sealCursor } from '#shared/cursor';
import { flow, type Invocation } from '#shared/http';
import { LAST_TIME, page, text, timeRange } from '#shared/input';
import { client, store } from '#shared/store';
import { orderView } from '../orders/order-view';
import { quote, select } from './statement';

const { Order } = store.entities;

const query = z.strictObject({ customerId: text(512), from: z.optional(timeRange.from), ...page });

/** What the model makes of a query by primary key. */
interface KeyCondition {
  TableName: string;
  ExpressionAttributeValues: Record<string, string>;
}

/**
 * One page of a customer's orders, oldest first, by a SELECT: with `from`, of those placed at that time or later.
 * DynamoDB takes one condition on the sort key, so each of the two has a statement of its own.
 * The page ends with a NextToken, which the cursor signs.
 */
export async function selectOrders(
  { customerId, from, limit, cursor }: z.output<typeof query>,
  caller: string,
  { now }: Pick<Invocation, 'now'>,
  entities = { Order },
  documents = client,
) {
  const scope: CursorScope = ['select-orders', caller, customerId, from];
  const orders = entities.Order.query.primary({ customerId });
  const [sortKey, keyed] =
    from === undefined
      ? ['begins_with("sk", ?)', orders]
      : ['"sk" BETWEEN ? AND ?', orders.between({ placedAt: from }, { placedAt: LAST_TIME, orderId: '~' })];
  const { TableName, ExpressionAttributeValues: values } = keyed.params<KeyCondition>();
  const { items, nextToken } = await select(
    documents,
    {
      Statement: `SELECT * FROM ${quote(TableName)} WHERE "pk" = ? AND ${sortKey}`,
      Parameters: [values[':pk'], values[':sk1'], ...(values[':sk2'] === undefined ? [] : [values[':sk2']])],
    },
    { limit, nextToken: openCursor(cursor, scope, now) },
  );
  const { data } = entities.Order.parse({ Items: items });
  return { items: data.map(orderView), cursor: sealCursor(nextToken, scope, now) };
}

export const handler = flow(
  'select-orders',
  async (request) => {
    request.requireAdmin();
    return { status: 200, body: await selectOrders(request.query(), request.caller().sub, request) };
  },
  query,
);
