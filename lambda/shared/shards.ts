import { env } from './env';

/** How many shards the sharded indexes have; the same for every function, from the deployment config. */
export const shardCount = (): number => Number(env('STATUS_SHARDS'));

/** A page of one shard: items in order, and whether the shard holds more behind them. */
export interface ShardPage<Item> {
  items: Item[];
  more: boolean;
}

/**
 * Reads one page over all shards of a sharded index, merged by their common sort key.
 *
 * Every shard is asked for a full page, since all the next items may be in one. A shard that answers short and has
 * more (DynamoDB ends a page at 1 MB) bounds the merge: behind its last item, items of that shard could be missing.
 *
 * @param read reads the first items of a shard behind the position
 * @param compare the order of the page; 0 only for the same item
 * @returns the items of the page, and whether there are more
 */
export async function mergeShards<Item>(options: {
  shards: number;
  limit: number;
  read: (shard: number) => Promise<ShardPage<Item>>;
  compare: (a: Item, b: Item) => number;
}): Promise<ShardPage<Item>> {
  const { shards, limit, read, compare } = options;
  const pages = await Promise.all(Array.from({ length: shards }, (_, shard) => read(shard)));
  const ends = pages.flatMap(({ items, more }) => (more ? [items.at(-1)] : []));
  const bound = ends.includes(undefined)
    ? undefined
    : (ends as Item[]).sort(compare)[0];
  const merged = pages.flatMap(({ items }) => items).sort(compare);
  const safe = ends.length === 0 ? merged : merged.filter((item) => bound !== undefined && compare(item, bound) <= 0);
  const items = safe.slice(0, limit);
  return { items, more: ends.length > 0 || safe.length > limit };
}
