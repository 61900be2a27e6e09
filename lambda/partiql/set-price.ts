import * as z from 'zod/mini';
import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { priceMinor } from '#shared/input';
import { backoff, readBack, untilAnswered } from '#shared/retry';
import { client, store } from '#shared/store';
import { isoTime } from '#shared/time';
import { getProduct } from '../products/get-product';
import { productEtag } from '../products/product-view';
import { execute, insert, type Key, update } from './statement';

const { Product, Stock } = store.entities;

const input = z.strictObject({ priceMinor });

/**
 * Sets a price by two UPDATEs in one transaction: of the product, with the key that moves it to its new place in
 * `byCategory`, and of the copy in Stock. The version as read is a condition; what changed meanwhile is read again.
 * @throws Problem `not-found`, `throttled`
 */
export async function setPrice(
  productId: string,
  { priceMinor }: z.output<typeof input>,
  { now, deadline }: Invocation,
  entities = { Product, Stock },
  documents = client,
) {
  for (let attempt = 0; ; attempt++) {
    const { data: product } = await untilAnswered(deadline, () => entities.Product.get({ productId }).go({ consistent: true }));
    if (!product) throw new Problem('not-found', `There is no product ${productId}.`);
    const { version, createdAt } = product;
    // PartiQL knows nothing of the model: whoever writes an attribute of a key writes the key, as the model composes it.
    const { TableName, Item } = entities.Product.put({ ...product, priceMinor }).params<Put>();
    const { pk, sk, gsi1sk } = Item;
    const stock = await stockStatement(productId, priceMinor, product.currency, deadline, entities);
    const reasons = await execute(
      documents,
      [
        update(
          TableName,
          { priceMinor, gsi1sk, updatedAt: isoTime(now), version: version + 1 },
          { pk, sk },
          { version, createdAt },
        ),
        stock,
      ],
      deadline,
    );
    if (!reasons) return readBack(deadline, () => getProduct(productId, { consistent: true }, entities));
    if (!(await backoff(attempt, deadline))) throw new Problem('throttled', 'The product is being changed. Try again.');
  }
}

/** Sets the copy in Stock; an import that ended in the middle may have left no Stock, and PartiQL has no statement that puts. */
async function stockStatement(
  productId: string,
  priceMinor: number,
  currency: string,
  deadline: number,
  entities: { Stock: typeof Stock },
) {
  const stock = entities.Stock.get({ productId });
  if ((await untilAnswered(deadline, () => stock.go({ consistent: true }))).data) {
    const { TableName, Key } = stock.params<Get>();
    return update(TableName, { priceMinor }, Key);
  }
  const { TableName, Item } = entities.Stock.create({ productId, stock: 0, priceMinor, currency }).params<Put>();
  return insert(TableName, Item);
}

interface Put {
  TableName: string;
  Item: Key & Record<string, unknown>;
}

interface Get {
  TableName: string;
  Key: Key;
}

export const handler = flow('set-price', async (request) => {
  request.requireAdmin();
  const product = await setPrice(request.path('productId'), request.body(input), request);
  return { status: 200, body: product, headers: { etag: productEtag(product) } };
});
