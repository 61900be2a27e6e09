import type { _Record, AttributeValue } from '@aws-sdk/client-dynamodb-streams';

/**
 * A record of the Streams API in the shape in which Lambda hands it to a function: times in seconds, binaries in base64,
 * the identity with small letters.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
export function lambdaRecord({ dynamodb, userIdentity, ...record }: _Record, eventSourceARN: string): object {
  const { ApproximateCreationDateTime: time, Keys, NewImage, OldImage, ...change } = dynamodb ?? {};
  return {
    ...record,
    dynamodb: {
      ...change,
      ...(time && { ApproximateCreationDateTime: Math.floor(time.getTime() / 1_000) }),
      ...(Keys && { Keys: imageJson(Keys) }),
      ...(NewImage && { NewImage: imageJson(NewImage) }),
      ...(OldImage && { OldImage: imageJson(OldImage) }),
    },
    ...(userIdentity && { userIdentity: { type: userIdentity.Type, principalId: userIdentity.PrincipalId } }),
    eventSourceARN,
  };
}

const imageJson = (image: Record<string, AttributeValue>): object =>
  Object.fromEntries(Object.entries(image).map(([name, value]) => [name, valueJson(value)]));

function valueJson(value: AttributeValue): object {
  if (value.B !== undefined) return { B: base64(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(base64) };
  if (value.L !== undefined) return { L: value.L.map(valueJson) };
  if (value.M !== undefined) return { M: imageJson(value.M) };
  return value;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
