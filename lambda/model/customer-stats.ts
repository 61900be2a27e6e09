import { CustomAttributeType, Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/** What a customer ordered so far, kept by the Orders stream. Cancelled orders are taken out again. */
export const customerStats = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'CustomerStats', version: '1' },
      attributes: {
        userId: { type: 'string', required: true },
        orders: { type: 'number', required: true },
        /** Minor units by ISO 4217 currency, as `{ EUR: 1999 }`. */
        spent: { type: CustomAttributeType<Record<string, number>>('any'), required: true },
        lastOrderAt: { type: 'string' },
        /** When the oldest order that is counted was placed: one that was placed before was never counted here. */
        countedSince: { type: 'string' },
      },
      indexes: { primary: { collection: 'account', pk: key('pk', ['userId']), sk: key('sk', []) } },
    },
    binding,
  );
