import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/** Marks a stream event as done, in the transaction of an effect that is not idempotent by its own keys. */
export const processedEvent = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'ProcessedEvent', version: '1' },
      attributes: {
        /** The effect's name: letters and dashes, so that it cannot hold the separator of the key. */
        effect: { type: 'string', required: true, validate: /^[A-Za-z-]+$/ },
        eventId: { type: 'string', required: true },
        processedAt: { type: 'string', required: true },
        /** TTL: epoch seconds, 48 hours after the event, twice what a stream keeps. */
        expiresAt: { type: 'number', required: true },
      },
      indexes: { primary: { pk: key('pk', ['effect', 'eventId']), sk: key('sk', []) } },
    },
    binding,
  );
