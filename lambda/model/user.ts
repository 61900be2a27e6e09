import { CustomAttributeType, Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/** The profile of one user. `userId` is the token's `sub`. */
export const user = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'User', version: '1' },
      attributes: {
        userId: { type: 'string', required: true },
        /** As typed. What is compared is the EmailClaim. */
        email: { type: 'string', required: true },
        name: { type: 'string', required: true },
        phone: { type: 'string' },
        preferences: { type: CustomAttributeType<Record<string, unknown>>('any') },
        signedUpAt: { type: 'string', required: true, readOnly: true },
        /** YYYY-MM of `signedUpAt`. */
        signupMonth: { type: 'string', required: true, readOnly: true },
        shard: { type: 'number', required: true, readOnly: true },
        updatedAt: { type: 'string', required: true },
        version: { type: 'number', required: true },
      },
      indexes: {
        primary: { collection: 'account', pk: key('pk', ['userId']), sk: key('sk', []) },
        bySignupMonth: {
          index: 'gsi1',
          pk: key('gsi1pk', ['signupMonth', 'shard']),
          sk: key('gsi1sk', ['signedUpAt', 'userId']),
        },
      },
    },
    binding,
  );
