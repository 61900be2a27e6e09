import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ApiError } from './api';
import type { Change, ChangeLog, Item } from './change-log';
import type { EngineStreams, StreamsOptions } from './engine';
import { itemBytes } from './item-bytes';

/** GetRecords answers at most so much. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html */
const MAX_RECORDS = 1_000;
const MAX_BYTES = 1024 * 1024;

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html */
const ITERATOR_MS = 15 * 60 * 1_000;

/** A stream keeps its records for a day. So many are kept here, whatever their age, that nobody fills a disk. */
const KEPT = { seconds: 24 * 60 * 60, records: 100_000 };

/** A stream as the engine describes it, as far as it is right. */
interface StreamDescription {
  StreamArn: string;
  StreamViewType: string;
}

/** The request of any of the operations. */
interface StreamsInput {
  StreamArn?: string;
  ExclusiveStartShardId?: string;
  ShardId?: string;
  ShardIteratorType?: string;
  SequenceNumber?: string;
  ShardIterator?: string;
  Limit?: number;
}

/** Where an iterator stands; its text is this as JSON. */
interface IteratorState {
  arn: string;
  view: string;
  /** The id of the change before the next one. */
  after: number;
  /** When it was made, epoch milliseconds. */
  at: number;
}

/**
 * DynamoDB Streams on the change log of an engine whose own streams are unlike DynamoDB's: one open shard for each table,
 * sequence numbers of 21 digits, event ids that are used once, no records of writes that changed nothing.
 */
export class LoggedStreams implements EngineStreams {
  constructor(
    private readonly log: ChangeLog,
    private readonly options: StreamsOptions,
    private readonly kept = KEPT,
  ) {}

  /** What DynamoDB would answer; undefined for an operation that the engine answers rightly. @throws ApiError */
  async answer(operation: string, input: StreamsInput): Promise<object | undefined> {
    switch (operation) {
      case 'DescribeStream':
        return this.describeStream(input);
      case 'GetShardIterator':
        return this.getShardIterator(input);
      case 'GetRecords':
        return this.getRecords(input);
      default:
        return undefined;
    }
  }

  expire(table: string, key: Item, remove: () => Promise<void>): Promise<void> {
    return this.log.expire(table, key, remove);
  }

  /** Deletes what was read by all who must, and is older than a stream keeps it. */
  async trim(table: string, behind: string): Promise<void> {
    const old = this.log.lastOld(table, Math.floor(Date.now() / 1_000) - this.kept.seconds, this.kept.records);
    const upTo = Math.min(changeId(behind), old);
    if (upTo > this.log.trimmedTo(table)) await this.log.trim(table, upTo);
  }

  close(): void {
    this.log.close();
  }

  /** The stream as the engine describes it. @throws ApiError */
  private async describe(input: StreamsInput): Promise<StreamDescription> {
    const { StreamDescription } = await this.options.ask<{ StreamDescription: StreamDescription }>('DescribeStream', input);
    return StreamDescription;
  }

  private async describeStream({ StreamArn = '', ExclusiveStartShardId }: StreamsInput): Promise<object> {
    const description = await this.describe({ StreamArn });
    const ShardId = shardOf(StreamArn);
    const first = sequenceNumber(this.log.range(tableOf(StreamArn))?.first ?? 0);
    const Shards = ExclusiveStartShardId === ShardId ? [] : [{ ShardId, SequenceNumberRange: { StartingSequenceNumber: first } }];
    return { StreamDescription: { ...description, Shards } };
  }

  private async getShardIterator({ StreamArn = '', ShardId, ShardIteratorType, SequenceNumber }: StreamsInput): Promise<object> {
    const { StreamViewType } = await this.describe({ StreamArn });
    if (ShardId !== shardOf(StreamArn)) {
      throw new ApiError('ResourceNotFoundException', `Requested resource not found: Shard ${ShardId} in Stream ${StreamArn}`);
    }
    const after = this.positionOf(tableOf(StreamArn), ShardIteratorType, SequenceNumber);
    return { ShardIterator: iteratorText({ arn: StreamArn, view: StreamViewType, after, at: Date.now() }) };
  }

  private positionOf(table: string, type: string | undefined, sequence: string | undefined): number {
    if (type === 'TRIM_HORIZON') return 0;
    if (type === 'LATEST') return this.log.range(table)?.last ?? this.log.trimmedTo(table);
    if (type !== 'AT_SEQUENCE_NUMBER' && type !== 'AFTER_SEQUENCE_NUMBER') {
      throw new ApiError('ValidationException', `The ShardIteratorType is ${type}; there is none of this name.`);
    }
    const after = changeId(sequence) - (type === 'AT_SEQUENCE_NUMBER' ? 1 : 0);
    if (after < this.log.trimmedTo(table)) {
      throw new ApiError('TrimmedDataAccessException', 'The operation attempted to read past the oldest stream record in a shard.');
    }
    return after;
  }

  private getRecords({ ShardIterator = '', Limit = MAX_RECORDS }: StreamsInput): object {
    const { arn, view, after, at } = readIterator(ShardIterator);
    if (Date.now() - at > ITERATOR_MS) {
      throw new ApiError('ExpiredIteratorException', 'Iterator expired. It was created more than 15 minutes ago.');
    }
    if (!Number.isInteger(Limit) || Limit < 1 || Limit > MAX_RECORDS) {
      throw new ApiError('ValidationException', `The Limit is ${Limit}; allowed: 1 to ${MAX_RECORDS}.`);
    }
    const table = tableOf(arn);
    if (after !== 0 && after < this.log.trimmedTo(table)) {
      throw new ApiError('TrimmedDataAccessException', 'The operation attempted to read past the oldest stream record in a shard.');
    }
    const Records: StreamRecord[] = [];
    let last = after;
    let bytes = 0;
    // A page of writes that changed nothing would look like the end to who reads it.
    for (let page = this.log.read(table, last, Limit); page.length > 0 && Records.length === 0; page = this.log.read(table, last, Limit)) {
      for (const change of page) {
        if (!changesNothing(change)) {
          const record = this.record(change, arn, view);
          bytes += record.dynamodb.SizeBytes;
          if (Records.length > 0 && bytes > MAX_BYTES) break;
          Records.push(record);
        }
        last = change.id;
      }
    }
    return { Records, NextShardIterator: iteratorText({ arn, view, after: last, at: Date.now() }) };
  }

  private record({ id, eventName, keys, newImage, oldImage, createdAt, isExpiry }: Change, arn: string, view: string): StreamRecord {
    return {
      eventID: createHash('md5').update(`${arn} ${id}`).digest('hex'),
      eventName,
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: this.options.region,
      dynamodb: {
        ApproximateCreationDateTime: this.options.timeOf(createdAt),
        Keys: keys,
        ...(newImage && { NewImage: newImage }),
        ...(oldImage && { OldImage: oldImage }),
        SequenceNumber: sequenceNumber(id),
        SizeBytes: [keys, newImage, oldImage].reduce((sum, item) => sum + (item ? itemBytes(item) : 0), 0),
        StreamViewType: view,
      },
      ...(isExpiry && { userIdentity: TTL_IDENTITY }),
    };
  }
}

/** Who deletes what has expired, as the Streams API writes it; Lambda's event has it with small letters. */
export const TTL_IDENTITY = { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' };

/** A record as GetRecords answers it. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html */
export interface StreamRecord {
  eventID: string;
  eventName: Change['eventName'];
  eventVersion: string;
  eventSource: string;
  awsRegion: string;
  dynamodb: {
    /** Epoch seconds. */
    ApproximateCreationDateTime: number;
    Keys: Item;
    NewImage?: Item;
    OldImage?: Item;
    SequenceNumber: string;
    SizeBytes: number;
    StreamViewType: string;
  };
  userIdentity?: { Type: string; PrincipalId: string };
}

/** The table in a stream's ARN: `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL`. */
const tableOf = (streamArn: string): string => streamArn.split('/')[1] ?? '';

const shardOf = (streamArn: string): string =>
  `shardId-${'0'.repeat(20)}-${createHash('md5').update(streamArn).digest('hex').slice(0, 8)}`;

/** 21 digits, so that text order is the order of the changes. */
const sequenceNumber = (id: number): string => `1${String(id).padStart(20, '0')}`;

/** @throws ApiError for what is no sequence number */
function changeId(sequence: string | undefined): number {
  if (!/^1\d{20}$/.test(sequence ?? '')) throw new ApiError('ValidationException', `Invalid SequenceNumber: ${sequence}`);
  return Number((sequence as string).slice(1));
}

const iteratorText = (iterator: IteratorState): string => Buffer.from(JSON.stringify(iterator)).toString('base64url');

/** @throws ApiError for what is no iterator */
function readIterator(text: string): IteratorState {
  try {
    const iterator = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as IteratorState;
    if (typeof iterator.arn === 'string' && typeof iterator.after === 'number') return iterator;
  } catch {
    // It is none, as one that is JSON and something else.
  }
  throw new ApiError('ValidationException', 'Invalid ShardIterator');
}

/**
 * DynamoDB writes no record for a write that changes nothing, dynoxide does. Sets have no order, and the engine writes
 * attributes in any.
 */
function changesNothing({ eventName, newImage, oldImage }: Change): boolean {
  return eventName === 'MODIFY' && newImage !== undefined && isDeepStrictEqual(unordered(newImage), unordered(oldImage));
}

function unordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, SETS.has(name) && isTextList(entry) ? [...entry].sort() : unordered(entry)]),
  );
}

const SETS = new Set(['SS', 'NS', 'BS']);
/** An attribute may be named as a set is; its value is a map then. */
const isTextList = (value: unknown): value is string[] => Array.isArray(value) && value.every((entry) => typeof entry === 'string');
