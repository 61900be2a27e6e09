import * as z from 'zod/mini';
import { jsonObject, text } from '#shared/input';

/** Kept as typed, any script; 254 characters are the most that SMTP carries (RFC 5321). */
const EMAIL = /^\s*[^\s@<>()[\]\\,;:"]+@[^\s@<>()[\]\\,;:".]+(\.[^\s@<>()[\]\\,;:".]+)*\s*$/;
export const email = text(254).check(z.regex(EMAIL, 'must be an e-mail address'));

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
