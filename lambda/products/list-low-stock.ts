import { createConversions } from 'electrodb';
import * as z from 'zod/mini';
import { type CursorScope, openCursor, sealCursor } from '#shared/cursor';
import { flow, type Invocation } from '#shared/http';
import { page } from '#shared/input';
import { readByProductId, requireRead } from '#shared/read-by-product-id';
import { store } from '#shared/store';
import { productView } from './product-view';

const { Product, Stock } = store.entities;

const query = z.strictObject(page);

/** What is kept of the time for the answer. */
const ANSWER_MS = 500;

/**
 * One page of the products that are low, those that have been so longest first, from the sparse index `lowStock`. It
 * holds keys only, so products and stock are read in batches; what is no longer low, or gone, is left out: an index and
 * the flag that it is made of lag.
 */
export async function listLowStock(
  { limit, cursor }: z.output<typeof query>,
  caller: string,
  { now, deadline: answerBy }: Invocation,
  entities = { Product, Stock },
) {
  const scope: CursorScope = ['list-low-stock', caller];
  const page = await entities.Stock.query
    .lowStock({ lowFlag: 'low' })
    .go({ limit, cursor: openCursor(cursor, scope, now) ?? null, data: 'includeKeys' });
  // An index of keys only holds no attribute but the keys that are composed of them.
  const { toComposite } = createConversions(entities.Stock).byAccessPattern.lowStock.fromKeys;
  const deadline = answerBy - ANSWER_MS;
  const ids = page.data.map((keys) => toComposite(keys as never).productId as string);
  const [stocks, products] = await Promise.all([
    readByProductId(ids, (keys, abortSignal) => entities.Stock.get(keys).go({ abortSignal }), deadline),
    readByProductId(ids, (keys, abortSignal) => entities.Product.get(keys).go({ abortSignal }), deadline),
  ]);
  requireRead(stocks.unread);
  requireRead(products.unread);
  const items = ids.flatMap((id) => {
    const [product, item] = [products.found.get(id), stocks.found.get(id)];
    const isLow = item?.restockSince !== undefined && item.restockAt !== undefined && item.stock <= item.restockAt;
    return product && isLow ? [{ ...productView(product, item.stock), restockSince: item.restockSince }] : [];
  });
  return { items, cursor: sealCursor(page.cursor, scope, now) };
}

export const handler = flow(
  'list-low-stock',
  async (request) => {
    request.requireAdmin();
    return { status: 200, body: await listLowStock(request.query(), request.caller().sub, request) };
  },
  query,
);
