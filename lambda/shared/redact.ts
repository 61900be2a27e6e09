/**
 * Anything that a user's e-mail may be (lambda/users/user-input.ts), also as it stands in a URL, but for a path with a scope of npm.
 * The lengths keep the search linear in a text of any length; what is accepted as an address here has 254 characters.
 */
const EMAIL = /[^\s@<>()[\]\\,;:"]{0,253}[^\s@<>()[\]\\,;:"/](?:@|%40)[^\s@<>()[\]\\,;:"]{1,254}/g;

/** A JSON Web Token, whole or its beginning: the base64 of `{"` is `eyJ`. */
const JWT = /eyJ[\w-]+(?:\.[\w-]*)*/g;

/**
 * Takes e-mail addresses and tokens out of a text. It is the last line of defence of the log: what is known to hold one is
 * not logged in the first place.
 */
export const redact = (text: string): string => text.replace(JWT, '[token]').replace(EMAIL, '[e-mail]');
