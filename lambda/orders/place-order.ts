import { ulid } from 'ulid';
import * as z from 'zod/mini';
import { identify, orderOfKey, type RequestIdentity } from './idempotency';
import { orderKey } from './order-id';
import { mendPrice } from './mend-price';
import { orderEtag } from './order-view';
import { priceLines } from './price-lines';
import { shardOf } from '#model/shard';
import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { jsonObject, productId, quantity, text } from '#shared/input';
import { backoff, untilAnswered } from '#shared/retry';
import { shardCount } from '#shared/shards';
import { store } from '#shared/store';
import { isoTime, ttlSeconds } from '#shared/time';
import { transact } from '#shared/transact';

const { Product, Stock, Order, IdempotencyRecord } = store.entities;
type Entities = Pick<typeof store.entities, 'Product' | 'Stock' | 'Order' | 'IdempotencyRecord'>;

const DAY_SECONDS = 24 * 60 * 60;

/** How much earlier than the flow the transaction gives up, to find out whether one without an answer was done. */
const READ_BACK_MS = 1_000;

const input = z.strictObject({
  lines: z
    .array(z.strictObject({ productId, quantity }), 'must be a list')
    .check(
      z.minLength(1, 'must have 1 to 50 lines'),
      z.maxLength(50, 'must have 1 to 50 lines'),
      z.refine((lines) => new Set(lines.map((line) => line.productId)).size === lines.length, 'names a product twice'),
    ),
  shippingAddress: z.optional(z.union([text(1_000, { lines: true }), jsonObject(4_096, { lines: true })], 'must be text or an object')),
});

/**
 * Places an order: stock on condition for each line, at the price read, the order and the record of its
 * Idempotency-Key, all in one transaction. The same key and body always answers the one order that they made.
 *
 * @returns the order, and whether this call made it
 * @throws Problem `unknown-product`, `not-orderable`, `insufficient-stock`, `idempotency-key-reused`, `invalid-input`
 *   (more than one currency), `not-found` (the key's order was deleted), `throttled`, `outcome-unknown`
 */
export async function placeOrder(
  request: RequestIdentity,
  order: z.output<typeof input>,
  invocation: Invocation,
  entities: Entities = { Product, Stock, Order, IdempotencyRecord },
) {
  const deadline = invocation.deadline - READ_BACK_MS;
  for (let attempt = 0; ; attempt++) {
    const earlier = await untilAnswered(deadline, () => orderOfKey(request, invocation.now, entities));
    if (earlier) return { order: earlier, isNew: false };
    try {
      const placed = await tryToPlace(request, order, { ...invocation, deadline }, attempt > 0, entities);
      if (placed) return { order: placed, isNew: true };
    } catch (error) {
      // The record is written with the order, so it tells whether the transaction was done.
      const isLost = error instanceof Problem && error.type === 'outcome-unknown';
      const read = () => orderOfKey(request, invocation.now, entities);
      const made = isLost ? await untilAnswered(invocation.deadline, read) : undefined;
      if (made) return { order: made, isNew: true };
      throw error;
    }
    // A price changed after it was read, or a request with the same key was faster: read again.
    if (!(await backoff(attempt, deadline))) {
      throw new Problem('throttled', 'The products are being changed. Try again.');
    }
  }
}

/**
 * One try of the transaction: the order, or undefined when what was read is no longer so.
 * @param isAgain what was read before was not so either: a Stock that differs from its product, or lacks, is no race then
 */
async function tryToPlace(
  { customerId, keyHash, requestHash }: RequestIdentity,
  order: z.output<typeof input>,
  { now, deadline }: Invocation,
  isAgain: boolean,
  entities: Entities,
) {
  const { lines, currency, products } = await priceLines(order.lines, { now, deadline }, entities);
  const orderId = ulid(now);
  const placed = {
    ...orderKey(customerId, orderId),
    status: 'Pending' as const,
    lines,
    totalMinor: lines.reduce((total, { quantity, priceMinor }) => total + quantity * priceMinor, 0),
    currency,
    ...(order.shippingAddress !== undefined && { shippingAddress: order.shippingAddress }),
    updatedAt: isoTime(now),
    version: 1,
  };
  const reasons = await transact(
    entities,
    ({ Stock, Order, IdempotencyRecord }) => [
      ...lines.map(({ productId, quantity, priceMinor }) =>
        Stock.patch({ productId })
          .subtract({ stock: quantity })
          .where(
            (attr, { gte, eq }) =>
              `${gte(attr.stock, quantity)} AND ${eq(attr.priceMinor, priceMinor)} AND ${eq(attr.currency, currency)}`,
          )
          .commit({ response: 'all_old' }),
      ),
      Order.create({ ...placed, statusShard: shardOf(orderId, shardCount()) }).commit(),
      // A record that has expired, but that TTL has not deleted yet, counts as none.
      IdempotencyRecord.put({ customerId, keyHash, requestHash, orderId, expiresAt: ttlSeconds(now, DAY_SECONDS) })
        .where((attr, { notExists, lte }) => `(${notExists(attr.orderId)} OR ${lte(attr.expiresAt, Math.floor(now / 1_000))})`)
        .commit(),
    ],
    deadline,
  );
  if (!reasons) return placed;
  if (reasons.at(-1)?.code !== 'None') return undefined;
  const refused = lines.flatMap((line, index) => {
    const { code, item } = reasons[index] ?? {};
    if (code === 'None') return [];
    return [{ ...line, available: typeof item?.stock === 'number' ? item.stock : undefined }];
  });
  const short = refused.flatMap(({ productId, quantity, available = isAgain ? 0 : undefined }) =>
    available !== undefined && available < quantity ? [{ productId, requested: quantity, available }] : [],
  );
  if (short.length > 0) {
    throw new Problem('insufficient-stock', `Not enough of ${short.map(({ productId }) => productId).join(', ')}.`, { lines: short });
  }
  for (const { productId } of isAgain ? refused : []) {
    const product = products.get(productId);
    if (product) await mendPrice(product, deadline, entities);
  }
  return undefined;
}

export const handler = flow('place-order', async (request) => {
  const body = request.body(input);
  const identity = identify(request.caller().sub, request.header('idempotency-key'), body);
  const { order, isNew } = await placeOrder(identity, body, request);
  return {
    status: isNew ? 201 : 200,
    body: order,
    headers: { etag: orderEtag(order), location: `/orders/${order.orderId}` },
  };
});
