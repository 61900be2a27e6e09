import type { EntityItem } from 'electrodb';
import { store } from '#shared/store';
import { isExpired } from '#shared/time';

type CartItem = EntityItem<typeof store.entities.CartItem>;

/** An item of a cart as the API answers it: whose it is, the caller knows. */
export function cartItemView({ productId, quantity, addedAt, expiresAt }: Omit<CartItem, 'userId' | 'putId'>) {
  return { productId, quantity, addedAt, expiresAt };
}

/** A cart as the API answers it: what has expired is gone, though TTL may not have deleted it yet. */
export function cartView(items: CartItem[], now: number) {
  return { items: items.filter((item) => !isExpired(item, now)).map(cartItemView) };
}
