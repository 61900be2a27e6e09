import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';

/**
 * Guards that an e-mail belongs to one user: written in the transaction that writes the User.
 * A GSI on the e-mail could not do this, since an index knows no conditions and lags behind its table.
 */
export const emailClaim = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'EmailClaim', version: '1' },
      attributes: {
        /** Normalised: in lower case. */
        email: { type: 'string', required: true },
        userId: { type: 'string', required: true },
        claimedAt: { type: 'string', required: true },
      },
      indexes: { primary: { pk: key('pk', ['email']), sk: key('sk', []) } },
    },
    binding,
  );

/**
 * The form in which e-mails are compared: `Ann@Example.com` and `ann@example.com` are one. New addresses differ in case only. A
 * profile of an earlier release may have blanks around its address, and letters that are not ASCII.
 */
export function normaliseEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}
