import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/** One change of stock by hand, written in the transaction that makes it. */
export const stockMovement = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'StockMovement', version: '1' },
      attributes: {
        productId: { type: 'string', required: true },
        /** A ULID, so movements of one product sort by time. */
        movementId: { type: 'string', required: true },
        delta: { type: 'number', required: true },
        reason: { type: 'string', required: true },
        at: { type: 'string', required: true },
      },
      indexes: { primary: { collection: 'productFile', pk: key('pk', ['productId']), sk: key('sk', ['movementId']) } },
    },
    binding,
  );
