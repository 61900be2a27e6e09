import { decodeTime } from 'ulid';
import { Problem } from '#shared/errors';
import { isoTime } from '#shared/time';

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** The primary key of a customer's order: the time in the ULID is `placedAt`. @throws Problem `not-found` if it is none */
export function orderKey(customerId: string, orderId: string) {
  if (!ULID.test(orderId)) throw orderNotFound(orderId);
  return { customerId, orderId, placedAt: isoTime(decodeTime(orderId)) };
}

export const orderNotFound = (orderId: string) => new Problem('not-found', `There is no order ${orderId}.`);
