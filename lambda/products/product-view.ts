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

export const productEtag = (item: { version: number; createdAt: string }) => etagOf(item.version, item.createdAt);
