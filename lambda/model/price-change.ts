import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/** One move of a product's price, kept by the Products stream. */
export const priceChange = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'PriceChange', version: '1' },
      attributes: {
        productId: { type: 'string', required: true },
        changedAt: { type: 'string', required: true },
        fromMinor: { type: 'number', required: true },
        toMinor: { type: 'number', required: true },
        currency: { type: 'string', required: true },
      },
      indexes: { primary: { collection: 'productFile', pk: key('pk', ['productId']), sk: key('sk', ['changedAt']) } },
    },
    binding,
  );
