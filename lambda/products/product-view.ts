import { etagOf } from '#shared/etag';

/**
 * A product, or what an index holds of one, as the API answers it.
 * Sets have no order in DynamoDB; sorted, the same set is the same answer.
 */
export function productView<Item extends { tags?: string[]; sizes?: number[]; imageDigests?: string[] }>(item: Item, stock?: number) {
  return {
    ...item,
    ...(stock !== undefined && { stock }),
    ...(item.tags && { tags: [...item.tags].sort() }),
    ...(item.imageDigests && { imageDigests: [...item.imageDigests].sort() }),
    ...(item.sizes && { sizes: [...item.sizes].sort((a, b) => a - b) }),
  };
}

/** The answer to a request that made a product. */
export const createdProduct = (product: { productId: string; version: number; createdAt: string }) => ({
  status: 201,
  body: product,
  headers: { etag: productEtag(product), location: `/products/${encodeURIComponent(product.productId)}` },
});

export const productEtag = (item: { version: number; createdAt: string }) => etagOf(item.version, item.createdAt);
