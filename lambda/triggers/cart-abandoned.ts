import { effect } from './effect';
import { publish } from './event-bus';

/** Tells the bus of a product that stayed in a cart until TTL deleted it. One that was taken out by hand is none. */
export const cartAbandoned = effect(
  { name: 'cart-abandoned', entity: 'CartItem', on: ['REMOVE'], view: 'OLD_IMAGE' },
  async (change, invocation) => {
    const { userId, productId, quantity, addedAt } = change.oldImage;
    if (change.isExpiry) await publish('CartAbandoned', change, { userId, productId, quantity, addedAt }, invocation);
  },
);
