import { BATCH_GET_KEYS, inBatches, type LeftReason } from './batch';
import { Problem } from './errors';
import { unavailable } from './home-region';

interface ProductKey {
  productId: string;
}

/**
 * Reads the items of products in batches of 100, and again what was left unprocessed.
 *
 * @param get one BatchGetItem of an entity whose key is the product id
 * @param deadline epoch milliseconds
 * @returns what was found, by product id, and the ids that could not be read in time, with the reason
 */
export async function readByProductId<Item extends ProductKey>(
  productIds: readonly string[],
  get: (keys: ProductKey[], abortSignal: AbortSignal) => Promise<{ data: Item[]; unprocessed: ProductKey[] }>,
  deadline: number,
): Promise<{ found: Map<string, Item>; unread: Map<string, LeftReason> }> {
  const found = new Map<string, Item>();
  const unread = await inBatches(
    productIds,
    BATCH_GET_KEYS,
    async (ids, abortSignal) => {
      const { data, unprocessed } = await get(ids.map((productId) => ({ productId })), abortSignal);
      for (const item of data) found.set(item.productId, item);
      return unprocessed.map(({ productId }) => productId);
    },
    deadline,
  );
  return { found, unread };
}

/** For a flow that cannot do without some. @throws Problem `throttled`, `unavailable` or `home-region-unavailable` where one is unread */
export function requireRead(unread: ReadonlyMap<string, LeftReason>): void {
  if (unread.size === 0) return;
  if ([...unread.values()].includes('unknown-outcome')) throw unavailable();
  throw new Problem('throttled', 'DynamoDB throttled the read of the products. Try again.');
}
