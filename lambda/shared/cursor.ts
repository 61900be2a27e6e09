import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { env } from './env';
import { Problem } from './errors';

/** What the template gives as the previous secret until there is one: a variable cannot be relied on to be empty. */
const NO_SECRET = 'none';

const LIFETIME_MS = 60 * 60 * 1_000;

/**
 * What a cursor belongs to: the flow, who asked (`''` for the public) and everything that selects the items.
 * `limit` is not part of it: it may change from page to page.
 */
export type CursorScope = readonly [flow: string, caller: string, ...selection: unknown[]];

/**
 * Makes the cursor of the next page: the position signed together with its scope and its expiry, so that it can
 * neither be made up nor be used by another caller, for another list, or an hour later.
 *
 * @param position where the page ended, as text; undefined or null when it was the last one
 */
export function sealCursor(position: string | null | undefined, scope: CursorScope, now: number): string | null {
  if (position === null || position === undefined) return null;
  const payload = Buffer.from(JSON.stringify([position, now + LIFETIME_MS])).toString('base64url');
  return `${payload}.${sign(payload, scope, secrets()[0])}`;
}

/**
 * The position in a cursor, undefined without a cursor.
 * @throws Problem `invalid-cursor` when it was changed, has expired, or was made for another caller or query
 */
export function openCursor(cursor: string | undefined, scope: CursorScope, now: number): string | undefined {
  if (cursor === undefined) return undefined;
  const [payload = '', signature = ''] = cursor.split('.', 2);
  // The text of the signature is compared, not its bytes: base64 can spell the same bytes in several ways.
  const genuine = cursor === `${payload}.${signature}` && secrets().some((secret) => equal(sign(payload, scope, secret), signature));
  if (!genuine) throw new Problem('invalid-cursor', 'Send the cursor as it came, to the same list, as the same caller.');
  const [position, expires] = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as [string, number];
  if (expires <= now) throw new Problem('invalid-cursor', 'The cursor has expired. Begin at the first page.');
  return position;
}

/** The current secret, and the one before it while a rotation lasts: what it signed stays valid. */
function secrets(): [string, ...string[]] {
  const previous = env('CURSOR_SECRET_PREVIOUS');
  return [env('CURSOR_SECRET'), ...(previous === NO_SECRET ? [] : [previous])];
}

function sign(payload: string, scope: CursorScope, secret: string): string {
  const scopeHash = createHash('sha256').update(JSON.stringify(scope)).digest('base64url');
  return createHmac('sha256', secret).update(`${scopeHash}.${payload}`).digest('base64url');
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
