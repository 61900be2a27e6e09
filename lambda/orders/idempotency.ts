import { createHash } from 'node:crypto';
import { orderKey, orderNotFound } from './order-id';
import { orderView } from './order-view';
import { invalidInput, Problem } from '#shared/errors';
import { store } from '#shared/store';
import { isExpired } from '#shared/time';

const { Order, IdempotencyRecord } = store.entities;

/** Which request this is: the customer, the hash of the Idempotency-Key and the hash of the body. */
export interface RequestIdentity {
  customerId: string;
  keyHash: string;
  requestHash: string;
}

/** @throws Problem `missing-idempotency-key`, `invalid-input` */
export function identify(customerId: string, idempotencyKey: string | undefined, body: unknown): RequestIdentity {
  if (!idempotencyKey) throw new Problem('missing-idempotency-key', 'Send an Idempotency-Key, new for each order.');
  // HTTP defines the bytes of ASCII only. Others may change on the way, and two keys could become one.
  if (!/^[\x20-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw invalidInput([{ path: 'Idempotency-Key', message: 'must have at most 255 characters, all of them printable ASCII' }]);
  }
  return { customerId, keyHash: sha256(idempotencyKey), requestHash: sha256(canonicalJson(body)) };
}

/**
 * The order that the key made before, as it is now; undefined for a new key, and for one of more than a day ago that
 * TTL has not deleted yet.
 * @throws Problem `idempotency-key-reused`, `not-found` (the order was deleted)
 */
export async function orderOfKey(
  { customerId, keyHash, requestHash }: RequestIdentity,
  now: number,
  entities = { Order, IdempotencyRecord },
) {
  const { data: record } = await entities.IdempotencyRecord.get({ customerId, keyHash }).go({ consistent: true });
  if (!record || isExpired(record, now)) return undefined;
  if (record.requestHash !== requestHash) {
    throw new Problem('idempotency-key-reused', 'Send a new Idempotency-Key with a new order.');
  }
  const { data } = await entities.Order.get(orderKey(customerId, record.orderId)).go({ consistent: true });
  if (!data) throw orderNotFound(record.orderId);
  return orderView(data);
}

/** JSON with its keys sorted: the same request may come with its keys in another order. */
const canonicalJson = (value: unknown) =>
  JSON.stringify(value, (_, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );

const sha256 = (value: string) => createHash('sha256').update(value).digest('hex');
