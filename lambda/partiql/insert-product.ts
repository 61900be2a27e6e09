import type * as z from 'zod/mini';
import { flow, type Invocation } from '#shared/http';
import { client, store } from '#shared/store';
import { newItems, productExists } from '../products/new-items';
import { newProduct } from '../products/product-input';
import { createdProduct, productView } from '../products/product-view';
import { execute, insert, type Key, update } from './statement';

const { Product, Stock } = store.entities;

/** What a Stock may lack, with the keys of the sparse index that follow. */
const MAY_LACK = ['restockAt', 'lowFlag', 'restockSince', 'gsi2pk', 'gsi2sk'];

interface Put {
  TableName: string;
  Item: Key & Record<string, unknown>;
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
  const [newProduct, newStock] = [entities.Product.create(product).params<Put>(), entities.Stock.create(stock).params<Put>()];
  const { pk, sk, ...attributes } = newStock.Item;
  const inserts = [insert(newProduct.TableName, newProduct.Item), insert(newStock.TableName, newStock.Item)] as const;
  let reasons = await execute(documents, [...inserts], deadline);
  // A Stock without its product may be left of an import that met a deletion; PartiQL has no statement that puts.
  if (reasons?.[0]?.code === 'None') {
    const removed = MAY_LACK.filter((name) => attributes[name] === undefined);
    reasons = await execute(documents, [inserts[0], update(newStock.TableName, attributes, { pk, sk }, {}, removed)], deadline);
  }
  if (reasons) throw productExists(product.productId);
  return productView(product, stock.stock);
}

export const handler = flow('insert-product', async (request) => {
  request.requireAdmin();
  const product = await insertProduct(request.body(newProduct), request);
  return createdProduct(product);
});
