import type { PricedProduct } from './price-lines';
import { store } from '#shared/store';
import { transact } from '#shared/transact';

const { Product, Stock } = store.entities;

/**
 * Writes the price and currency of a product into its Stock, if the product still is as it was read. The two differ only
 * after imports that ended in the middle, or that met: an import is no transaction.
 */
export async function mendPrice(
  { productId, priceMinor, currency, version, createdAt }: PricedProduct,
  deadline: number,
  entities = { Product, Stock },
): Promise<void> {
  await transact(
    entities,
    ({ Product, Stock }) => [
      Product.check({ productId })
        .where((attr, { eq }) => `${eq(attr.version, version)} AND ${eq(attr.createdAt, createdAt)}`)
        .commit(),
      Stock.patch({ productId }).set({ priceMinor, currency }).commit(),
    ],
    deadline,
  );
}
