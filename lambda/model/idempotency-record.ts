import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/**
 * Remembers the order that an Idempotency-Key made, for 24 hours, in the order's own transaction. DynamoDB's
 * ClientRequestToken does this for ten minutes only, and not across two requests with a token each.
 */
export const idempotencyRecord = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'IdempotencyRecord', version: '1' },
      attributes: {
        customerId: { type: 'string', required: true },
        /** SHA-256 of the key, hex: of one length and without a separator, however the key looks. */
        keyHash: { type: 'string', required: true, validate: /^[0-9a-f]{64}$/ },
        requestHash: { type: 'string', required: true },
        orderId: { type: 'string', required: true },
        /** TTL: epoch seconds. */
        expiresAt: { type: 'number', required: true },
      },
      indexes: { primary: { pk: key('pk', ['customerId', 'keyHash']), sk: key('sk', []) } },
    },
    binding,
  );
