import type { _Record } from '@aws-sdk/client-dynamodb-streams';
import { imageToJson } from '../dynamodb-json';

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
      ...(Keys && { Keys: imageToJson(Keys) }),
      ...(NewImage && { NewImage: imageToJson(NewImage) }),
      ...(OldImage && { OldImage: imageToJson(OldImage) }),
    },
    ...(userIdentity && { userIdentity: { type: userIdentity.Type, principalId: userIdentity.PrincipalId } }),
    eventSourceARN,
  };
}
