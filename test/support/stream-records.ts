import { marshall } from '@aws-sdk/util-dynamodb';
import type { AttributeValue, DynamoDBRecord } from 'aws-lambda';
import type { StreamView } from '../../lambda/triggers/stream-record';

/** An item as ElectroDB writes it: `written(...)` of the samples, or what was read from a table. */
type Item = Readonly<Record<string, unknown>>;

/** What changed: an item that came, one that went, or both. */
export interface ItemChange {
  before?: Item;
  after?: Item;
  /** `NEW_AND_OLD_IMAGES` unless given. */
  view?: StreamView;
  /** Of the record; unless given, one that no other has. */
  eventId?: string;
  /** ISO time; the stream rounds it down to the second. */
  at?: string;
  /** Whether TTL deleted the item. */
  isExpiry?: boolean;
}

const MORNING = '2026-11-25T10:00:00.000Z';

let records = 0;

/**
 * The record of a change, as Lambda hands it over.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
export function streamRecord({ before, after, view = 'NEW_AND_OLD_IMAGES', at = MORNING, ...more }: ItemChange): DynamoDBRecord {
  const { pk, sk } = (after ?? before)!;
  const number = ++records;
  const hasNew = view === 'NEW_IMAGE' || view === 'NEW_AND_OLD_IMAGES';
  const hasOld = view === 'OLD_IMAGE' || view === 'NEW_AND_OLD_IMAGES';
  return {
    eventID: more.eventId ?? `event-${number}`,
    eventName: before ? (after ? 'MODIFY' : 'REMOVE') : 'INSERT',
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN: 'arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/2026-11-25T00:00:00.000',
    dynamodb: {
      ApproximateCreationDateTime: Math.floor(Date.parse(at) / 1_000),
      Keys: image({ pk, sk }),
      ...(hasNew && after && { NewImage: image(after) }),
      ...(hasOld && before && { OldImage: image(before) }),
      SequenceNumber: String(number).padStart(21, '1'),
      SizeBytes: 100,
      StreamViewType: view,
    },
    ...(more.isExpiry && { userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } }),
  };
}

/** An item in Lambda's JSON: as DynamoDB's, with binaries as base64. */
const image = (item: Item): Record<string, AttributeValue> => {
  const plain = Object.fromEntries(Object.entries(item).map(([name, value]) => [name, withPlainSets(value)]));
  return JSON.parse(JSON.stringify(marshall(plain, { removeUndefinedValues: true }), base64)) as Record<string, AttributeValue>;
};

/** Without a client ElectroDB has sets of its own. */
const withPlainSets = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'wrapperName' in value && 'values' in value ? new Set(value.values as unknown[]) : value;

/** JSON.stringify asks a Buffer for its own form before it asks this. */
const base64 = (_: string, value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  const { type, data } = (value ?? {}) as { type?: unknown; data?: number[] };
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data).toString('base64') : value;
};
