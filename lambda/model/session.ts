import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/** A user's session. Shares the overloaded gsi1 with User: each reads its own access pattern from it. */
export const session = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'Session', version: '1' },
      attributes: {
        userId: { type: 'string', required: true },
        sessionId: { type: 'string', required: true },
        createdAt: { type: 'string', required: true },
        /** TTL: epoch seconds. */
        expiresAt: { type: 'number', required: true },
      },
      indexes: {
        primary: { collection: 'account', pk: key('pk', ['userId']), sk: key('sk', ['sessionId']) },
        bySessionId: { index: 'gsi1', pk: key('gsi1pk', ['sessionId']), sk: key('gsi1sk', []) },
      },
    },
    binding,
  );
