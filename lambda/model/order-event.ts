import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/** One step in an order's history, kept by the Orders stream; `at` comes from the stream record's image. */
export const orderEvent = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'OrderEvent', version: '1' },
      attributes: {
        customerId: { type: 'string', required: true },
        orderId: { type: 'string', required: true },
        at: { type: 'string', required: true },
        eventId: { type: 'string', required: true },
        type: { type: 'string', required: true },
        from: { type: 'string' },
        to: { type: 'string' },
      },
      indexes: {
        primary: { pk: key('pk', ['customerId']), sk: key('sk', ['orderId', 'at', 'eventId']) },
        byOrderId: {
          index: 'gsi2',
          collection: 'orderFile',
          pk: key('gsi2pk', ['orderId']),
          sk: key('gsi2sk', ['at', 'eventId']),
        },
      },
    },
    binding,
  );
