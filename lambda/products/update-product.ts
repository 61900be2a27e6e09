import { createWriteTransaction } from 'electrodb';
import type * as z from 'zod/mini';
import { changedSinceRead, ifMatchOf, requireMatch } from '#shared/etag';
import { flow, type Invocation } from '#shared/http';
import { retryRefused } from '#shared/retry';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { transact } from '#shared/transact';
import { getProduct } from './get-product';
import { productChange, requireProductSize, setAndRemove } from './product-input';
import { productEtag } from './product-view';

const { Product, Stock } = store.entities;

/**
 * Changes a product if it still is what the caller read. Where Stock holds a copy of what changes (price, currency,
 * `restockAt`), both are written in one transaction; else one update does, at half the price.
 * @param ifMatch the header If-Match
 * @throws Problem `not-found`, `precondition-failed`
 */
export async function updateProduct(
  productId: string,
  change: z.output<typeof productChange>,
  ifMatch: string,
  { now, deadline }: Invocation,
  entities = { Product, Stock },
) {
  const current = await getProduct(productId, { consistent: true }, entities);
  requireMatch(ifMatch, productEtag(current));

  const { priceMinor, currency, restockAt } = change;
  const product = setAndRemove({ ...change, updatedAt: isoTime(now) });
  const after = { ...current, ...product.set, ...Object.fromEntries(product.remove.map((name) => [name, undefined])) };
  requireProductSize(entities.Product.put(after).params<{ Item: Record<string, unknown> }>().Item);
  const copies = setAndRemove({ priceMinor, currency, restockAt });
  const asRead = { version: current.version, createdAt: current.createdAt };
  const written =
    priceMinor === undefined && currency === undefined && restockAt === undefined
      ? await retryRefused(deadline, async () => {
          const { rejected } = await entities.Product.patch({ productId })
            .set(product.set)
            .remove(product.remove)
            .add({ version: 1 })
            .where((attr, { eq }) => `${eq(attr.version, asRead.version)} AND ${eq(attr.createdAt, asRead.createdAt)}`)
            .go({ returnOnConditionCheckFailure: true });
          return !rejected;
        })
      : (await transact(
          createWriteTransaction(entities, ({ Product, Stock }) => [
            Product.patch({ productId })
              .set(product.set)
              .remove(product.remove)
              .add({ version: 1 })
              .where((attr, { eq }) => `${eq(attr.version, asRead.version)} AND ${eq(attr.createdAt, asRead.createdAt)}`)
              .commit(),
            Stock.patch({ productId }).set(copies.set).remove(copies.remove).commit(),
          ]),
          deadline,
        )) === null;
  if (!written) throw changedSinceRead();
  return getProduct(productId, { consistent: true }, entities);
}

export const handler = flow('update-product', async (request) => {
  request.requireAdmin();
  const change = request.body(productChange);
  const product = await updateProduct(request.path('productId'), change, ifMatchOf(request), request);
  return { status: 200, body: product, headers: { etag: productEtag(product) } };
});
