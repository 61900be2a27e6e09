import { ulid } from 'ulid';
import * as z from 'zod/mini';
import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { quantity } from '#shared/input';
import { untilAnswered, writeOnCondition } from '#shared/retry';
import { store } from '#shared/store';
import { isExpired, isoTime, ttlSeconds } from '#shared/time';
import { cartProductId } from './cart-product-id';
import { cartItemView } from './cart-view';

const { CartItem } = store.replica;

const THIRTY_DAYS_SECONDS = 30 * 24 * 60 * 60;

const MAX_ITEMS = 100;

/** Longer than any invocation: an item that was put before that has been counted, and has stayed. */
const COUNTED_AFTER_MS = 30_000;

const input = z.strictObject({ quantity });

/**
 * Puts a product into a cart, or another quantity of one that is in it, and lets it expire in 30 days.
 *
 * A new product is counted after the write, not before: of requests that come at once, whoever counts last
 * sees all that was written, so a cart never stays above 100 products. Near the limit one may be refused that had room.
 * Another request may have put the product just now, and not have counted it yet: then this one puts it again, and counts for both.
 * @throws Problem `cart-full`
 */
export async function putCartItem(
  userId: string,
  productId: string,
  { quantity }: z.output<typeof input>,
  { now, deadline }: Invocation,
  entities = { CartItem },
) {
  const { data: present } = await untilAnswered(deadline, () =>
    entities.CartItem.get({ userId, productId }).go({ consistent: true }),
  );
  const putId = ulid(now);
  const item = { userId, productId, quantity, addedAt: isoTime(now), expiresAt: ttlSeconds(now, THIRTY_DAYS_SECONDS), putId };
  // ULIDs sort by time.
  const isCounted = present && present.putId < ulid(now - COUNTED_AFTER_MS);
  if (isCounted && !isExpired(present, now)) {
    // It takes no place that it had not, so it needs no count, and no count of another takes it out.
    const { addedAt, expiresAt } = item;
    const changed = await writeOnCondition(deadline, () =>
      entities.CartItem.patch({ userId, productId })
        .set({ quantity, addedAt, expiresAt })
        .where((attr, { eq }) => eq(attr.putId, present.putId))
        .go(),
    );
    if (changed.done) return cartItemView(item);
  }
  await untilAnswered(deadline, () => entities.CartItem.put(item).go());

  const { data: cart } = await untilAnswered(deadline, () =>
    entities.CartItem.query.primary({ userId }).go({ consistent: true, pages: 'all' }),
  );
  if (cart.filter((entry) => !isExpired(entry, now)).length <= MAX_ITEMS) return cartItemView(item);
  // Another request may have put the product meanwhile, and counts for itself.
  await writeOnCondition(deadline, () =>
    entities.CartItem.delete({ userId, productId })
      .where((attr, { eq }) => eq(attr.putId, putId))
      .go(),
  );
  throw new Problem('cart-full', `The cart holds ${MAX_ITEMS} products. Take one out first.`);
}

export const handler = flow('put-cart-item', async (request) => {
  const userId = request.ownId('userId', { orAdmin: false });
  const item = await putCartItem(userId, cartProductId(request), request.body(input), request);
  return { status: 200, body: item };
});
