import { etagOf } from '#shared/etag';

/** An order, or what an index holds of one, as the API answers it: without the attribute that only makes a key. */
export function orderView<Item extends { statusShard?: number }>(item: Item) {
  const { statusShard: _, ...order } = item;
  return order;
}

export const orderEtag = (order: { version: number; placedAt: string }) => etagOf(order.version, order.placedAt);
