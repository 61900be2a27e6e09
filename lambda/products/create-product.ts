import type * as z from 'zod/mini';
import { flow, type Invocation } from '#shared/http';
import { store } from '#shared/store';
import { transact } from '#shared/transact';
import { newItems, productExists } from './new-items';
import { newProduct } from './product-input';
import { createdProduct, productView } from './product-view';

const { Product } = store.writeThrough;
const { Stock } = store.entities;

/** Writes a product and its Stock in one transaction. @throws Problem `product-exists`, `invalid-input` (over 8 KB) */
export async function createProduct(
  input: z.output<typeof newProduct>,
  { now, deadline }: Invocation,
  entities = { Product, Stock },
) {
  const { product, stock } = newItems(input, now, entities);
  const reasons = await transact(
    entities,
    ({ Product, Stock }) => [
      Product.create(product).commit(),
      // A Stock without its product may be left of an import that met a deletion.
      Stock.put(stock).commit(),
    ],
    deadline,
  );
  if (reasons) throw productExists(product.productId);
  return productView(product, stock.stock);
}

export const handler = flow('create-product', async (request) => {
  request.requireAdmin();
  const product = await createProduct(request.body(newProduct), request);
  return createdProduct(product);
});
