import * as z from 'zod/mini';
import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { quantity } from '#shared/input';
import { untilWritten, writeOnCondition } from '#shared/retry';
import { store } from '#shared/store';
import { isExpired, isoTime, ttlSeconds } from '#shared/time';
import { cartProductId } from './cart-product-id';
import { cartItemView } from './cart-view';

const { CartItem } = store.entities;

const THIRTY_DAYS_SECONDS = 30 * 24 * 60 * 60;

const MAX_ITEMS = 100;

const input = z.strictObject({ quantity });

/**
 * Puts a product into a cart, or another quantity of one that is in it, and lets it expire in 30 days.
 *
 * The cart is counted after the write, not before: of requests that come at once, the last to count sees them all, so a
 * cart never stays above 100 items.
 * @throws Problem `cart-full`
 */
export async function putCartItem(
  userId: string,
  productId: string,
  { quantity }: z.output<typeof input>,
  { now, deadline }: Invocation,
  entities = { CartItem },
) {
  const item = { userId, productId, quantity, addedAt: isoTime(now), expiresAt: ttlSeconds(now, THIRTY_DAYS_SECONDS) };
  const { data: before } = await untilWritten(deadline, () => entities.CartItem.put(item).go({ response: 'all_old' }));
  // After an answer that was lost, what was there before is this very item.
  if (before && before.addedAt !== item.addedAt && !isExpired(before, now)) return cartItemView(item);

  const { data: cart } = await entities.CartItem.query.primary({ userId }).go({ consistent: true, pages: 'all' });
  if (cart.filter((entry) => !isExpired(entry, now)).length <= MAX_ITEMS) return cartItemView(item);
  await writeOnCondition(deadline, () =>
    entities.CartItem.delete({ userId, productId })
      .where((attr, { eq }) => eq(attr.addedAt, item.addedAt))
      .go(),
  );
  throw new Problem('cart-full', `The cart holds ${MAX_ITEMS} products. Take one out first.`);
}

export const handler = flow('put-cart-item', async (request) => {
  const userId = request.ownId('userId', { orAdmin: false });
  const item = await putCartItem(userId, cartProductId(request), request.body(input), request);
  return { status: 200, body: item };
});
