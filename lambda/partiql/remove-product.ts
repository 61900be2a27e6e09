import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { backoff, untilAnswered } from '#shared/retry';
import { client, store } from '#shared/store';
import { execute, type Key, remove } from './statement';

const { Product, Stock } = store.entities;

/**
 * Deletes a product and its stock by two DELETEs in one transaction. A DELETE of what is not there is no error in
 * PartiQL, so the product is read first, and its version is a condition.
 * @throws Problem `not-found`, `throttled`
 */
export async function removeProduct(
  productId: string,
  { deadline }: Pick<Invocation, 'deadline'>,
  entities = { Product, Stock },
  documents = client,
): Promise<void> {
  const [product, stock] = [entities.Product.get({ productId }), entities.Stock.get({ productId })];
  const [productKey, stockKey] = [product.params<Get>(), stock.params<Get>()];
  for (let attempt = 0; ; attempt++) {
    const { data } = await untilAnswered(deadline, () => product.go({ consistent: true }));
    if (!data) throw new Problem('not-found', `There is no product ${productId}.`);
    const { version, createdAt } = data;
    const reasons = await execute(
      documents,
      [remove(productKey.TableName, productKey.Key, { version, createdAt }), remove(stockKey.TableName, stockKey.Key)],
      deadline,
    );
    if (!reasons) return;
    if (!(await backoff(attempt, deadline))) throw new Problem('throttled', 'The product is being changed. Try again.');
  }
}

interface Get {
  TableName: string;
  Key: Key;
}

export const handler = flow('remove-product', async (request) => {
  request.requireAdmin();
  await removeProduct(request.path('productId'), request);
  return { status: 204 };
});
