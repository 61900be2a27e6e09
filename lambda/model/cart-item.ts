import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/** One product in a user's cart. TTL deletes it 30 days after it was last put. */
export const cartItem = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'CartItem', version: '1' },
      attributes: {
        userId: { type: 'string', required: true },
        productId: { type: 'string', required: true },
        quantity: { type: 'number', required: true },
        addedAt: { type: 'string', required: true },
        /** A ULID of the request that put it, so that only that one takes it back. */
        putId: { type: 'string', required: true },
        /** TTL: epoch seconds. */
        expiresAt: { type: 'number', required: true },
      },
      indexes: { primary: { collection: 'account', pk: key('pk', ['userId']), sk: key('sk', ['productId']) } },
    },
    binding,
  );
