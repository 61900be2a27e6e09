import { createWriteTransaction } from 'electrodb';
import { ulid } from 'ulid';
import type * as z from 'zod/mini';
import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { transact } from '#shared/transact';
import { newProduct, requireProductSize, setAndRemove } from './product-input';
import { productEtag, productView } from './product-view';

const { Product, Stock } = store.entities;

/** Writes a product and its Stock in one transaction. @throws Problem `product-exists` */
export async function createProduct(
  input: z.output<typeof newProduct>,
  { now, deadline }: Invocation,
  entities = { Product, Stock },
) {
  const { stock = 0, productId = ulid(now), active = true, ...attributes } = input;
  const at = isoTime(now);
  const { name, category, priceMinor, currency, restockAt } = attributes;
  const { set } = setAndRemove(attributes);
  const product = { ...set, name, category, priceMinor, currency, productId, active, createdAt: at, updatedAt: at, version: 1 };
  requireProductSize(entities.Product.create(product).params<{ Item: Record<string, unknown> }>().Item);
  const isLow = restockAt !== undefined && stock <= restockAt;
  const reasons = await transact(
    createWriteTransaction(entities, ({ Product, Stock }) => [
      Product.create(product).commit(),
      Stock.create({
        productId,
        stock,
        priceMinor,
        currency,
        restockAt,
        ...(isLow && { lowFlag: 'low', restockSince: at }),
      }).commit(),
    ]),
    deadline,
  );
  if (reasons) throw new Problem('product-exists', `There is a product ${productId}.`);
  return productView(product, stock);
}

export const handler = flow('create-product', async (request) => {
  request.requireAdmin();
  const product = await createProduct(request.body(newProduct), request);
  return {
    status: 201,
    body: product,
    headers: { etag: productEtag(product), location: `/products/${encodeURIComponent(product.productId)}` },
  };
});
