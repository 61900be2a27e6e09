import type { AttributeValue } from '@aws-sdk/client-dynamodb-streams';

/** An item as DynamoDB sends it: numbers are text, with all their digits. */
export type Image = Record<string, AttributeValue>;

/**
 * A value in DynamoDB JSON, with binaries in Base64.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
 */
export function toJson(value: AttributeValue): object {
  if (value.B) return { B: base64(value.B) };
  if (value.BS) return { BS: value.BS.map(base64) };
  if (value.M) return { M: imageToJson(value.M) };
  if (value.L) return { L: value.L.map(toJson) };
  return value;
}

export const imageToJson = (image: Image): Record<string, object> =>
  Object.fromEntries(Object.entries(image).map(([name, value]) => [name, toJson(value)]));

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
