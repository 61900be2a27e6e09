import { Service } from 'electrodb';
import { Problem } from '#shared/errors';
import { flow } from '#shared/http';
import { store } from '#shared/store';
import { productView } from './product-view';

const { Product, Stock, PriceChange, StockMovement } = store.entities;

/**
 * A product with its stock, price changes and stock movements: one query over the item collection `productFile`, all its
 * pages, strongly consistent.
 * @throws Problem `not-found`
 */
export async function getProductFile(productId: string, entities = { Product, Stock, PriceChange, StockMovement }) {
  const { productFile } = new Service(entities).collections;
  const { data } = await productFile({ productId }).go({ consistent: true, pages: 'all' });
  const [product] = data.Product;
  if (!product) throw new Problem('not-found', `There is no product ${productId}.`);
  return {
    product: productView(product),
    stock: data.Stock[0]?.stock ?? 0,
    priceChanges: data.PriceChange.map(({ productId: _, ...change }) => change),
    stockMovements: data.StockMovement.map(({ productId: _, ...movement }) => movement),
  };
}

export const handler = flow('get-product-file', async (request) => {
  request.requireAdmin();
  return { status: 200, body: await getProductFile(request.path('productId')) };
});
