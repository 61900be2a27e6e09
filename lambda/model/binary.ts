/*
 * ElectroDB has no binary and no binary set. The attributes are of its type `any`, with these as their `set` and `get`:
 * outside the model a binary is base64 text, as in DynamoDB's own JSON; inside it is bytes, which the document client
 * marshalls to B, and a Set of bytes, which it marshalls to BS.
 */

export const toBytes = (base64?: string) => (base64 === undefined ? undefined : Buffer.from(base64, 'base64')) as never;

export const toBase64 = (bytes?: unknown) =>
  bytes instanceof Uint8Array ? Buffer.from(bytes).toString('base64') : undefined;

export const toByteSet = (list?: string[]) =>
  (list === undefined ? undefined : new Set(list.map((base64) => Buffer.from(base64, 'base64')))) as never;

export const toBase64List = (bytes?: unknown) =>
  bytes instanceof Set ? [...bytes].map((entry) => Buffer.from(entry as Uint8Array).toString('base64')) : undefined;
