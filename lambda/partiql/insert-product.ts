import type * as z from 'zod/mini';
import { flow, type Invocation } from '#shared/http';
import { client, store } from '#shared/store';
import { newItems, productExists } from '../products/new-items';
import { newProduct } from '../products/product-input';
import { productEtag, productView } from '../products/product-view';
import { execute, insert } from './statement';

const { Product, Stock } = store.entities;

interface Put {
  TableName: string;
  Item: Record<string, unknown>;
}

/** Writes a product and its Stock by two INSERTs in one transaction. @throws Problem `product-exists`, `invalid-input` */
export async function insertProduct(
  input: z.output<typeof newProduct>,
  { now, deadline }: Invocation,
  entities = { Product, Stock },
  documents = client,
) {
  const { product, stock } = newItems(input, now, entities);
  // The model composes the keys, and marks the items as its own.
  const puts = [entities.Product.create(product).params<Put>(), entities.Stock.create(stock).params<Put>()];
  const reasons = await execute(documents, puts.map(({ TableName, Item }) => insert(TableName, Item)), deadline);
  if (reasons) throw productExists(product.productId);
  return productView(product, stock.stock);
}

export const handler = flow('insert-product', async (request) => {
  request.requireAdmin();
  const product = await insertProduct(request.body(newProduct), request);
  return {
    status: 201,
    body: product,
    headers: { etag: productEtag(product), location: `/products/${encodeURIComponent(product.productId)}` },
  };
});
