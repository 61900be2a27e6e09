import { BATCH_GET_KEYS, inBatches } from './batch';

interface ProductKey {
  productId: string;
}

/**
 * Reads the items of products in batches of 100, and again what was left unprocessed.
 *
 * @param get one BatchGetItem of an entity whose key is the product id
 * @param deadline epoch milliseconds
 * @returns what was found, by product id, and the ids that could not be read in time
 */
export async function readByProductId<Item extends ProductKey>(
  productIds: readonly string[],
  get: (keys: ProductKey[], abortSignal: AbortSignal) => Promise<{ data: Item[]; unprocessed: ProductKey[] }>,
  deadline: number,
): Promise<{ found: Map<string, Item>; unread: Set<string> }> {
  const found = new Map<string, Item>();
  const left = await inBatches(
    productIds,
    BATCH_GET_KEYS,
    async (ids, abortSignal) => {
      const { data, unprocessed } = await get(ids.map((productId) => ({ productId })), abortSignal);
      for (const item of data) found.set(item.productId, item);
      return unprocessed.map(({ productId }) => productId);
    },
    deadline,
  );
  return { found, unread: new Set(left.keys()) };
}
