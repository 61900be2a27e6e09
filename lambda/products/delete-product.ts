import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { store } from '#shared/store';
import { transact } from '#shared/transact';

const { Product } = store.writeThrough;
const { Stock } = store.entities;

/** Deletes a product and its stock. Its price changes and stock movements stay. @throws Problem `not-found` */
export async function deleteProduct(
  productId: string,
  { deadline }: Pick<Invocation, 'deadline'>,
  entities = { Product, Stock },
): Promise<void> {
  const reasons = await transact(
    entities,
    ({ Product, Stock }) => [
      Product.remove({ productId }).commit(),
      Stock.delete({ productId }).commit(),
    ],
    deadline,
  );
  if (reasons) throw new Problem('not-found', `There is no product ${productId}.`);
}

export const handler = flow('delete-product', async (request) => {
  request.requireAdmin();
  await deleteProduct(request.path('productId'), request);
  return { status: 204 };
});
