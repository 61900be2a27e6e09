import { createHash } from 'node:crypto';
import { createWriteTransaction } from 'electrodb';
import { ulid } from 'ulid';
import * as z from 'zod/mini';
import { productId } from '../products/product-input';
import { orderKey, orderNotFound } from './order-id';
import { orderEtag, orderView } from './order-view';
import { shardOf } from '#model/shard';
import { invalidInput, Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { jsonObject, quantity, text } from '#shared/input';
import { readProducts } from '../products/read-products';
import { backoff } from '#shared/retry';
import { shardCount } from '#shared/shards';
import { store } from '#shared/store';
import { isExpired, isoTime, ttlSeconds } from '#shared/time';
import { transact } from '#shared/transact';

const { Product, Stock, Order, IdempotencyRecord } = store.entities;

const DAY_SECONDS = 24 * 60 * 60;

/** What is kept of the time to answer in, to find out whether a transaction without an answer was done. */
const READ_BACK_MS = 1_000;

type Entities = Pick<typeof store.entities, 'Product' | 'Stock' | 'Order' | 'IdempotencyRecord'>;

const input = z.strictObject({
  lines: z
    .array(z.strictObject({ productId, quantity }), 'must be a list')
    .check(
      z.minLength(1, 'must have 1 to 50 lines'),
      z.maxLength(50, 'must have 1 to 50 lines'),
      z.refine((lines) => new Set(lines.map((line) => line.productId)).size === lines.length, 'names a product twice'),
    ),
  shippingAddress: z.optional(z.union([text(1_000), jsonObject(4_096)])),
});

type OrderInput = z.output<typeof input>;

/** Which request this is: the customer, the hash of the Idempotency-Key and the hash of the body. */
interface RequestIdentity {
  customerId: string;
  keyHash: string;
  requestHash: string;
}

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
  order: OrderInput,
  invocation: Invocation,
  entities: Entities = { Product, Stock, Order, IdempotencyRecord },
) {
  const deadline = invocation.deadline - READ_BACK_MS;
  for (let attempt = 0; ; attempt++) {
    const earlier = await orderOfKey(request, invocation.now, entities);
    if (earlier) return { order: earlier, isNew: false };
    try {
      const placed = await tryToPlace(request, order, { ...invocation, deadline }, entities);
      if (placed) return { order: placed, isNew: true };
    } catch (error) {
      // The record is written with the order, so it tells whether the transaction was done.
      const made = isOutcomeUnknown(error) ? await orderOfKey(request, invocation.now, entities) : undefined;
      if (made) return { order: made, isNew: true };
      throw error;
    }
    // A price changed after it was read, or a request with the same key was faster: read again.
    if (!(await backoff(attempt, deadline))) {
      throw new Problem('throttled', 'The products are being changed. Try again.');
    }
  }
}

/** The order that the key made before, undefined for a new key. @throws Problem `idempotency-key-reused`, `not-found` */
async function orderOfKey(
  request: RequestIdentity,
  now: number,
  entities: Pick<Entities, 'Order' | 'IdempotencyRecord'>,
) {
  const { customerId, keyHash, requestHash } = request;
  const { data: record } = await entities.IdempotencyRecord.get({ customerId, keyHash }).go({ consistent: true });
  if (!record || isExpired(record, now)) return undefined;
  if (record.requestHash !== requestHash) {
    throw new Problem('idempotency-key-reused', 'Send a new Idempotency-Key with a new order.');
  }
  const { data } = await entities.Order.get(orderKey(customerId, record.orderId)).go({ consistent: true });
  if (!data) throw orderNotFound(record.orderId);
  return orderView(data);
}

/** One try of the transaction: the order, or undefined when what was read is no longer so. */
async function tryToPlace(
  { customerId, keyHash, requestHash }: RequestIdentity,
  { lines, shippingAddress }: OrderInput,
  { now, deadline }: Invocation,
  entities: Entities,
) {
  const products = await readProducts(
    lines.map((line) => line.productId),
    deadline,
    entities,
  );
  const priced = lines.flatMap((line) => {
    const product = products.get(line.productId);
    return product ? [{ ...line, product }] : [];
  });
  if (priced.length < lines.length) {
    const unknown = lines.map((line) => line.productId).filter((id) => !products.has(id));
    throw new Problem('unknown-product', `There is no product ${unknown.join(', ')}.`, { productIds: unknown });
  }
  const refused = priced.filter(({ product }) => !product.active || isDiscontinued(product.discontinuedAt, now));
  if (refused.length > 0) {
    const productIds = refused.map((line) => line.productId);
    throw new Problem('not-orderable', `Not for sale: ${productIds.join(', ')}.`, { productIds });
  }
  const currencies = [...new Set(priced.map(({ product }) => product.currency))];
  const [currency = ''] = currencies;
  if (currencies.length > 1) {
    const message = `the products are priced in ${currencies.join(' and ')}; an order has one currency`;
    throw new Problem('invalid-input', `lines: ${message}`, { errors: [{ path: 'lines', message }] });
  }

  const orderId = ulid(now);
  const placed = {
    ...orderKey(customerId, orderId),
    status: 'Pending' as const,
    lines: priced.map(({ productId, quantity, product: { name, priceMinor } }) => ({ productId, name, priceMinor, quantity })),
    totalMinor: priced.reduce((total, { quantity, product }) => total + quantity * product.priceMinor, 0),
    currency,
    ...(shippingAddress !== undefined && { shippingAddress }),
    updatedAt: isoTime(now),
    version: 1,
  };
  const reasons = await transact(
    createWriteTransaction(entities, ({ Stock, Order, IdempotencyRecord }) => [
      ...priced.map(({ productId, quantity, product }) =>
        Stock.patch({ productId })
          .subtract({ stock: quantity })
          .where(
            (attr, { gte, eq }) =>
              `${gte(attr.stock, quantity)} AND ${eq(attr.priceMinor, product.priceMinor)} AND ${eq(attr.currency, currency)}`,
          )
          .commit({ response: 'all_old' }),
      ),
      Order.create({ ...placed, statusShard: shardOf(orderId, shardCount()) }).commit(),
      // A record that has expired, but that TTL has not deleted yet, counts as none.
      IdempotencyRecord.put({ customerId, keyHash, requestHash, orderId, expiresAt: ttlSeconds(now, DAY_SECONDS) })
        .where((attr, { notExists, lte }) => `(${notExists(attr.orderId)} OR ${lte(attr.expiresAt, Math.floor(now / 1_000))})`)
        .commit(),
    ]),
    deadline,
  );
  if (!reasons) return placed;
  if (reasons.at(-1)?.code !== 'None') return undefined;
  const short = priced.flatMap(({ productId, quantity }, line) => {
    const available = reasons[line]?.code === 'None' ? undefined : reasons[line]?.item?.stock;
    return typeof available === 'number' && available < quantity ? [{ productId, requested: quantity, available }] : [];
  });
  if (short.length > 0) {
    throw new Problem('insufficient-stock', `Not enough of ${short.map((line) => line.productId).join(', ')}.`, {
      lines: short,
    });
  }
  return undefined;
}

const isOutcomeUnknown = (error: unknown) => error instanceof Problem && error.type === 'outcome-unknown';

const isDiscontinued = (discontinuedAt: string | null | undefined, now: number) =>
  typeof discontinuedAt === 'string' && Date.parse(discontinuedAt) <= now;

/** JSON with its keys sorted: the same request may come with its keys in another order. */
const canonicalJson = (value: unknown) =>
  JSON.stringify(value, (_, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );

const sha256 = (value: string) => createHash('sha256').update(value).digest('hex');

export const handler = flow('place-order', async (request) => {
  const { sub: customerId } = request.caller();
  const idempotencyKey = request.header('idempotency-key');
  const body = request.body(input);
  if (!idempotencyKey) throw new Problem('missing-idempotency-key', 'Send an Idempotency-Key, new for each order.');
  if (idempotencyKey.length > 255) {
    throw invalidInput([{ path: 'Idempotency-Key', message: 'must have at most 255 characters' }]);
  }
  const identity = { customerId, keyHash: sha256(idempotencyKey), requestHash: sha256(canonicalJson(body)) };
  const { order, isNew } = await placeOrder(identity, body, request);
  return {
    status: isNew ? 201 : 200,
    body: order,
    headers: { etag: orderEtag(order), location: `/orders/${order.orderId}` },
  };
});
