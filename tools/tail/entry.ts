import { OperationType, type _Record as StreamRecord, StreamViewType } from '@aws-sdk/client-dynamodb-streams';
import { type Change, changesBetween } from './changes';
import { type Image } from '../dynamodb-json';
import { isOwnOfElectroDb, type Owner, ownerOf } from './entities';

/** A record of a stream, read. */
export interface Entry {
  eventID: string;
  eventName: OperationType;
  sequenceNumber: string;
  shardId: string;
  /** ISO 8601, to the second, as AWS tells it. */
  at: string | undefined;
  table: string;
  owner: Owner | undefined;
  keys: Image;
  /** Of a MODIFY with one image only, every attribute: what the other one held is not known. */
  changes: Change[];
  newImage: Image | undefined;
  oldImage: Image | undefined;
  view: StreamViewType | undefined;
  /** Whether DynamoDB deleted the item because its time to live had passed. */
  ttl: boolean;
}

export function readRecord({ dynamodb = {}, eventID = '', eventName, userIdentity }: StreamRecord, table: string, shardId: string): Entry {
  const { Keys: keys = {}, NewImage: newImage, OldImage: oldImage, ApproximateCreationDateTime: at } = dynamodb;
  const owner = ownerOf(keys, newImage ?? oldImage);
  // The key is shown for itself.
  const isHidden = (name: string) => name in keys || (owner !== undefined && isOwnOfElectroDb(name));
  return {
    eventID,
    eventName: eventName ?? 'MODIFY',
    sequenceNumber: dynamodb.SequenceNumber ?? '',
    shardId,
    at: at?.toISOString().replace('.000Z', 'Z'),
    table,
    owner,
    keys,
    changes: changesBetween(oldImage, newImage, isHidden),
    newImage,
    oldImage,
    view: dynamodb.StreamViewType,
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    ttl: eventName === 'REMOVE' && userIdentity?.Type === 'Service' && userIdentity.PrincipalId === 'dynamodb.amazonaws.com',
  };
}
