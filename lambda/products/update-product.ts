import type * as z from 'zod/mini';
import { changedSinceRead, ifMatchOf, requireMatch } from '#shared/etag';
import { flow, type Invocation } from '#shared/http';
import { readBack, untilAnswered, writeOnCondition } from '#shared/retry';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { transact } from '#shared/transact';
import { getProduct } from './get-product';
import { productChange, requireProductSize, setAndRemove } from './product-input';
import { productEtag } from './product-view';

const { Product } = store.writeThrough;
const { Stock } = store.entities;

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
  const current = await untilAnswered(deadline, () => getProduct(productId, { consistent: true }, entities));
  requireMatch(ifMatch, productEtag(current));

  const { priceMinor, currency, restockAt } = change;
  const at = isoTime(now);
  const product = setAndRemove({ ...change, updatedAt: at });
  const after = { ...current, ...product.set, ...Object.fromEntries(product.remove.map((name) => [name, undefined])) };
  requireProductSize(entities.Product.put(after).params<{ Item: Record<string, unknown> }>().Item);
  const copies = setAndRemove({ priceMinor, currency, restockAt });
  const written =
    priceMinor === undefined && currency === undefined && restockAt === undefined
      ? await writeOnCondition(deadline, () =>
          entities.Product.patch({ productId })
            .set(product.set)
            .remove(product.remove)
            .add({ version: 1 })
            .where((attr, { eq }) => `${eq(attr.version, current.version)} AND ${eq(attr.createdAt, current.createdAt)}`)
            .go(),
        )
      : await transact(
          entities,
          ({ Product, Stock }) => [
            Product.patch({ productId })
              .set(product.set)
              .remove(product.remove)
              .add({ version: 1 })
              .where((attr, { eq }) => `${eq(attr.version, current.version)} AND ${eq(attr.createdAt, current.createdAt)}`)
              .commit(),
            // An import that ended in the middle may have left no Stock.
            Stock.update({ productId })
              .set(copies.set)
              .remove(copies.remove)
              .data((attr, { ifNotExists }) => ifNotExists(attr.stock, 0))
              .commit(),
          ],
          deadline,
        ).then((reasons) => ({ done: reasons === null, mayBeOwn: false }) as const);
  const changed = await readBack(deadline, () => getProduct(productId, { consistent: true }, entities));
  const isOwn = changed.version === current.version + 1 && changed.updatedAt === at;
  if (!written.done && !(written.mayBeOwn && isOwn)) throw changedSinceRead();
  return changed;
}

export const handler = flow('update-product', async (request) => {
  request.requireAdmin();
  const change = request.body(productChange);
  const product = await updateProduct(request.path('productId'), change, ifMatchOf(request), request);
  return { status: 200, body: product, headers: { etag: productEtag(product) } };
});
