import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/**
 * The hot counter of a product, with a copy of what an order must see unchanged (price and currency): taking stock and
 * checking the price is then one update of less than 1 KB, and an order of 50 lines fits into the 100 actions of a
 * transaction. Whoever writes the price of a Product writes it here in the same transaction.
 */
export const stock = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'Stock', version: '1' },
      attributes: {
        productId: { type: 'string', required: true },
        stock: { type: 'number', required: true },
        priceMinor: { type: 'number', required: true },
        currency: { type: 'string', required: true },
        restockAt: { type: 'number' },
        /** Sparse index: set and removed together with `restockSince`, and only there while the stock is low. */
        lowFlag: { type: ['low'] as const },
        restockSince: { type: 'string' },
      },
      indexes: {
        primary: { collection: 'productFile', pk: key('pk', ['productId']), sk: key('sk', []) },
        lowStock: {
          index: 'gsi2',
          pk: key('gsi2pk', ['lowFlag']),
          sk: key('gsi2sk', ['restockSince']),
          projection: 'keys_only',
        },
      },
    },
    binding,
  );
