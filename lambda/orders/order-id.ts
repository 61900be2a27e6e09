import { decodeTime } from 'ulid';
import { Problem } from '#shared/errors';
import { isoTime } from '#shared/time';

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** @throws Problem `not-found` for what is no order's id */
export function requireOrderId(orderId: string): void {
  if (!ULID.test(orderId)) throw orderNotFound(orderId);
}

/** The primary key of a customer's order: the time in the ULID is `placedAt`. @throws Problem `not-found` if it is none */
export function orderKey(customerId: string, orderId: string) {
  requireOrderId(orderId);
  return { customerId, orderId, placedAt: isoTime(decodeTime(orderId)) };
}

export const orderNotFound = (orderId: string) => new Problem('not-found', `There is no order ${orderId}.`);
