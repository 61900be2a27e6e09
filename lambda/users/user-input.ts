import * as z from 'zod/mini';
import { isEmailAddress } from '#model/email-address';
import { jsonObject, text } from '#shared/input';

/** Kept as typed. */
export const email = z
  .string('must be text')
  .check(z.refine(isEmailAddress, 'must be an e-mail address of ASCII characters, as ann@example.com, with a domain in Punycode'));

export const newUser = z.strictObject({
  email,
  name: text(200),
  phone: z.optional(text(100)),
  preferences: z.optional(jsonObject(4_096)),
});

/** A change of a profile; null removes what a profile may lack. */
export const userChange = z
  .partial(
    z.strictObject({ email, name: text(200), phone: z.nullable(text(100)), preferences: z.nullable(jsonObject(4_096)) }),
  )
  .check(z.refine((change) => Object.keys(change).length > 0, 'changes nothing'));
