import { Problem } from '#shared/errors';
import { flow } from '#shared/http';
import { store } from '#shared/store';
import { productEtag, productView } from './product-view';

const { Product } = store.cached;
const { Stock } = store.entities;

/**
 * Reads a product with its stock: the product through the cache, else from the region's replica; the stock, which is one number
 * and never cached, where it is sold.
 * @param consistent strongly, at twice the price, for a caller that has just written it
 * @throws Problem `not-found`
 */
export async function getProduct(productId: string, { consistent = false } = {}, entities = { Product, Stock }) {
  const [product, stock] = await Promise.all([
    entities.Product.get({ productId }).go({ consistent }),
    entities.Stock.get({ productId }).go({ consistent }),
  ]);
  if (!product.data) throw new Problem('not-found', `There is no product ${productId}.`);
  return productView(product.data, stock.data?.stock ?? 0);
}

export const handler = flow('get-product', async (request) => {
  const product = await getProduct(request.path('productId'));
  return { status: 200, body: product, headers: { etag: productEtag(product) } };
});
