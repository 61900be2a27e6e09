import { convertToNative } from '@aws-sdk/util-dynamodb';
import type { AttributeValue as AttributeJson, DynamoDBRecord } from 'aws-lambda';
import type { EntityItem } from 'electrodb';
import { isSafeNumber } from 'lossless-json';
import { entityInKey } from '#model/entity-in-key';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';

/** What a stream's records hold beside the keys. */
export type StreamView = 'KEYS_ONLY' | 'NEW_IMAGE' | 'OLD_IMAGE' | 'NEW_AND_OLD_IMAGES';

type Entities = typeof store.entities;
export type EntityName = keyof Entities;
type ItemOf<Name extends EntityName> = EntityItem<Entities[Name]>;

type NewImage<Name extends EntityName, View> = View extends 'NEW_IMAGE' | 'NEW_AND_OLD_IMAGES' ? { newImage: ItemOf<Name> } : object;
type OldImage<Name extends EntityName, View> = View extends 'OLD_IMAGE' | 'NEW_AND_OLD_IMAGES' ? { oldImage: ItemOf<Name> } : object;

/**
 * One change of an item of an entity, with the images that the stream's view holds: code for `KEYS_ONLY` has no image to
 * read, and a REMOVE never has a new one.
 */
export type Change<Name extends EntityName, View extends StreamView> = {
  /** The same each time the record is delivered, and of no other record. */
  eventId: string;
  sequenceNumber: string;
  /** ISO time of the change, rounded down to the second. */
  at: string;
  entity: Name;
  /** The attributes of the primary key, as they are in the table. */
  keys: Readonly<Record<string, unknown>>;
} & (
  | ({ eventName: 'INSERT' } & NewImage<Name, View>)
  | ({ eventName: 'MODIFY' } & NewImage<Name, View> & OldImage<Name, View>)
  | ({
      eventName: 'REMOVE';
      /** Whether TTL deleted it. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html */
      isExpiry: boolean;
    } & OldImage<Name, View>)
);

/**
 * A record that no code here can work with: it names the record, and what is wrong with it. Not its keys, which may hold an
 * e-mail or a session's id: what is thrown is logged.
 */
export class BadRecord extends Error {
  constructor(what: string, record: DynamoDBRecord) {
    super(`${what}: ${record.eventName}, event ${record.eventID}`);
    this.name = 'BadRecord';
  }
}

/**
 * Reads a record of a stream, as Lambda hands it over, with the images that a view has; one that the record has and the
 * view has not is left out.
 *
 * Numbers beyond what JavaScript holds exactly are `{ value: text }`, binaries are bytes, sets are as the entity has them.
 * @throws BadRecord for an unknown entity or version, an image that lacks what its entity requires, or one that the stream does not hold
 */
export function readRecord<View extends StreamView>(record: DynamoDBRecord, view: View): Change<EntityName, View> {
  const { eventName, eventID, dynamodb: { Keys, SequenceNumber, ApproximateCreationDateTime } = {} } = record;
  if (!eventName || !eventID || !Keys || !SequenceNumber || ApproximateCreationDateTime === undefined) {
    throw new BadRecord('Not a stream record', record);
  }
  const keys = toNative(Keys);
  const entity = entityOf(record, keys);
  const images = {
    ...(HAS_NEW.has(view) && eventName !== 'REMOVE' && { newImage: imageOf('NewImage', entity, record) }),
    ...(HAS_OLD.has(view) && eventName !== 'INSERT' && { oldImage: imageOf('OldImage', entity, record) }),
  };
  return {
    eventId: eventID,
    sequenceNumber: SequenceNumber,
    at: isoTime(ApproximateCreationDateTime * 1_000),
    entity,
    keys,
    eventName,
    ...(eventName === 'REMOVE' && { isExpiry: isExpiry(record) }),
    ...images,
  } as unknown as Change<EntityName, View>;
}

const HAS_NEW = new Set<StreamView>(['NEW_IMAGE', 'NEW_AND_OLD_IMAGES']);
const HAS_OLD = new Set<StreamView>(['OLD_IMAGE', 'NEW_AND_OLD_IMAGES']);

function entityOf(record: DynamoDBRecord, keys: Readonly<Record<string, unknown>>): EntityName {
  const { NewImage, OldImage } = record.dynamodb ?? {};
  const image = NewImage ?? OldImage;
  const { name, version } = image ? { name: image.__edb_e__?.S, version: image.__edb_v__?.S } : (entityInKey(String(keys.sk)) ?? {});
  if (name === undefined || !Object.hasOwn(store.entities, name)) {
    throw new BadRecord(name === undefined ? 'An item of no entity' : `An item of the unknown entity ${name}`, record);
  }
  const known = store.entities[name as EntityName].schema.model.version;
  if (version !== known) throw new BadRecord(`An item of ${name} in version ${version}; known is ${known}`, record);
  return name as EntityName;
}

/** @throws BadRecord where it is not there, or lacks an attribute that its entity requires */
function imageOf(name: 'NewImage' | 'OldImage', entity: EntityName, record: DynamoDBRecord): unknown {
  const image = record.dynamodb?.[name];
  if (!image) throw new BadRecord(`The stream (${record.dynamodb?.StreamViewType}) has no ${name}`, record);
  const definition = store.entities[entity] as unknown as AnyEntity;
  const { data } = definition.parse({ Item: toNative(image) });
  if (!data) throw new BadRecord(`The ${name} is no item of ${entity}`, record);
  for (const [attribute, { required, type }] of Object.entries(definition.schema.attributes)) {
    const value = data[attribute];
    const isRight = value === undefined ? !required : hasType(value, type);
    if (!isRight) throw new BadRecord(`The ${name} of ${entity} has ${value === undefined ? 'no' : 'a wrong'} ${attribute}`, record);
  }
  return data;
}

interface AnyEntity {
  parse(response: { Item: object }): { data: Record<string, unknown> | null };
  schema: { attributes: Readonly<Record<string, { required?: boolean; type: unknown }>> };
}

/** Plain values, lists and enumerations: the effects compute with them, and the bus promises them. */
function hasType(value: unknown, type: unknown): boolean {
  if (Array.isArray(type)) return type.includes(value);
  if (type === 'list') return Array.isArray(value);
  return type === 'string' || type === 'number' || type === 'boolean' ? typeof value === type : true;
}

const isExpiry = ({ userIdentity }: DynamoDBRecord): boolean => {
  const identity = userIdentity as { type?: string; principalId?: string } | undefined;
  return identity?.type === 'Service' && identity.principalId === 'dynamodb.amazonaws.com';
};

/** An image as JavaScript values. Lambda's JSON has binaries as base64. */
function toNative(image: Readonly<Record<string, AttributeJson>>): Record<string, unknown> {
  const options = { wrapNumbers: exactNumber } as never;
  return Object.fromEntries(Object.entries(image).map(([name, value]) => [name, convertToNative(withBytes(value) as never, options)]));
}

function withBytes(value: AttributeJson): object {
  if (value.B !== undefined) return { B: Buffer.from(value.B, 'base64') };
  if (value.BS !== undefined) return { BS: value.BS.map((member) => Buffer.from(member, 'base64')) };
  if (value.L !== undefined) return { L: value.L.map(withBytes) };
  if (value.M !== undefined) return { M: Object.fromEntries(Object.entries(value.M).map(([name, entry]) => [name, withBytes(entry)])) };
  return value;
}

/** DynamoDB keeps 38 digits, a JavaScript number 15 to 17. */
const exactNumber = (text: string): number | { value: string } => (isSafeNumber(text) ? Number(text) : { value: text });
