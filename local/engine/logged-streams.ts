import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ApiError } from './api';
import type { Change, ChangeLog, Item, Stream } from './change-log';
import type { EngineStreams, StreamsOptions, WireReply } from './engine';
import { itemBytes } from './item-bytes';

/** GetRecords answers at most so much. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html */
const MAX_RECORDS = 1_000;
const MAX_BYTES = 1024 * 1024;

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html */
const ITERATOR_MS = 15 * 60 * 1_000;

/** A stream keeps its records for a day. So many are kept here, whatever their age, that nobody fills a disk. */
const KEPT = { seconds: 24 * 60 * 60, records: 100_000 };

/** ListStreams and DescribeStream answer at most so much. */
const MAX_LISTED = 100;

const VIEWS = ['NEW_AND_OLD_IMAGES', 'NEW_IMAGE', 'OLD_IMAGE', 'KEYS_ONLY'];

/** What a call about a table says of its stream. */
interface TableInput {
  TableName?: string;
  StreamSpecification?: { StreamEnabled?: boolean; StreamViewType?: string };
}

/** A table as the engine describes it. */
interface TableDescription extends TableInput {
  KeySchema?: object[];
  LatestStreamArn?: string;
}

/** The request of any of the operations. */
interface StreamsInput {
  TableName?: string;
  ExclusiveStartStreamArn?: string;
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
  private adopted: Promise<void> | undefined;

  constructor(
    private readonly log: ChangeLog,
    private readonly options: StreamsOptions,
    private readonly kept = KEPT,
  ) {}

  /** What DynamoDB would answer. @throws ApiError */
  async answer(operation: string, input: StreamsInput): Promise<object | undefined> {
    this.adopted ??= this.adopt();
    await this.adopted;
    switch (operation) {
      case 'ListStreams':
        return this.listStreams(input);
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

  /**
   * Hands on a call about a table. The engine is told to record both images, whatever the view: without them nobody could tell a write
   * that changed nothing, for which DynamoDB makes no record in any view.
   */
  async ofTable(operation: string, body: Buffer, pass: (body: Buffer) => Promise<WireReply>): Promise<WireReply> {
    const input = JSON.parse(body.toString('utf8')) as TableInput;
    const { StreamEnabled, StreamViewType: view = '' } = input.StreamSpecification ?? {};
    const isMade = StreamEnabled === true && VIEWS.includes(view);
    const before = this.log.lastId();
    const reply = await pass(isMade ? json({ ...input, StreamSpecification: { StreamEnabled, StreamViewType: VIEWS[0] } }) : body);
    if (reply.status !== 200) return reply;
    const answer = JSON.parse(reply.body.toString('utf8')) as { Table?: TableDescription; TableDescription?: TableDescription };
    const described = answer.Table ?? answer.TableDescription;
    const { LatestStreamArn: arn, StreamSpecification, TableName: table = '', KeySchema } = described ?? {};
    if (operation === 'DeleteTable' || (operation === 'UpdateTable' && StreamEnabled === false)) this.log.endStream(table, now());
    if (isMade && arn !== undefined) {
      this.log.addStream({ arn, table, view, keySchema: JSON.stringify(KeySchema), createdAt: now(), after: before });
    }
    const stream = this.log.streams().find((known) => known.arn === arn);
    if (!stream || !StreamSpecification) return reply;
    StreamSpecification.StreamViewType = stream.view;
    return { ...reply, body: json(answer) };
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

  /** Takes in the streams of an earlier version, which asked the engine for them; forgets those that ended long ago. */
  private async adopt(): Promise<void> {
    const { ask } = this.options;
    this.log.forgetStreams(now() - this.kept.seconds);
    const known = new Set(this.log.streams().map(({ arn }) => arn));
    const { Streams = [] } = await ask<{ Streams?: { StreamArn: string; TableName: string }[] }>('ListStreams', {});
    for (const { StreamArn, TableName: table } of Streams.filter(({ StreamArn }) => !known.has(StreamArn))) {
      const { StreamDescription } = await ask<{ StreamDescription: { StreamViewType: string; KeySchema?: object[] } }>('DescribeStream', { StreamArn });
      const { StreamViewType: view, KeySchema = [] } = StreamDescription;
      this.log.addStream({ arn: StreamArn, table, view, keySchema: JSON.stringify(KeySchema), createdAt: now(), after: 0 });
    }
  }

  /** @throws ApiError where there is none */
  private stream(arn: string): Stream {
    const stream = this.log.streams().find((known) => known.arn === arn);
    if (!stream) throw new ApiError('ResourceNotFoundException', `Requested resource not found: Stream: ${arn} not found`);
    return stream;
  }

  private listStreams({ TableName, Limit = MAX_LISTED, ExclusiveStartStreamArn = '' }: StreamsInput): object {
    expectLimit(Limit, MAX_LISTED);
    const found = this.log.streams().filter(({ arn, table }) => arn > ExclusiveStartStreamArn && (TableName === undefined || table === TableName));
    const Streams = found.slice(0, Limit).map(({ arn, table }) => ({ StreamArn: arn, TableName: table, StreamLabel: labelOf(arn) }));
    return { Streams, ...(found.length > Limit && { LastEvaluatedStreamArn: Streams.at(-1)?.StreamArn }) };
  }

  private describeStream({ StreamArn = '', ExclusiveStartShardId, Limit = MAX_LISTED }: StreamsInput): object {
    expectLimit(Limit, MAX_LISTED);
    const stream = this.stream(StreamArn);
    const ShardId = shardOf(StreamArn);
    const SequenceNumberRange = {
      StartingSequenceNumber: sequenceNumber(this.log.range(stream)?.first ?? this.horizon(stream) + 1),
      ...(stream.until !== null && { EndingSequenceNumber: sequenceNumber(stream.until) }),
    };
    return {
      StreamDescription: {
        StreamArn,
        StreamLabel: labelOf(StreamArn),
        StreamStatus: stream.until === null ? 'ENABLED' : 'DISABLED',
        StreamViewType: stream.view,
        CreationRequestDateTime: this.options.timeOf(stream.createdAt),
        TableName: stream.table,
        KeySchema: JSON.parse(stream.keySchema) as object[],
        Shards: ExclusiveStartShardId === ShardId ? [] : [{ ShardId, SequenceNumberRange }],
      },
    };
  }

  private getShardIterator({ StreamArn = '', ShardId, ShardIteratorType, SequenceNumber }: StreamsInput): object {
    const stream = this.stream(StreamArn);
    if (ShardId !== shardOf(StreamArn)) {
      throw new ApiError('ResourceNotFoundException', `Requested resource not found: Shard ${ShardId} in Stream ${StreamArn}`);
    }
    const after = this.positionOf(stream, ShardIteratorType, SequenceNumber);
    return { ShardIterator: iteratorText({ arn: StreamArn, after, at: Date.now() }) };
  }

  /** The id behind which the changes of a stream are kept. */
  private horizon({ table, after }: Stream): number {
    return Math.max(after, this.log.trimmedTo(table));
  }

  private positionOf(stream: Stream, type: string | undefined, sequence: string | undefined): number {
    if (type === 'TRIM_HORIZON') return 0;
    if (type === 'LATEST') return this.log.range(stream)?.last ?? this.horizon(stream);
    if (type !== 'AT_SEQUENCE_NUMBER' && type !== 'AFTER_SEQUENCE_NUMBER') {
      throw new ApiError('ValidationException', `The ShardIteratorType is ${type}; there is none of this name.`);
    }
    const after = changeId(sequence) - (type === 'AT_SEQUENCE_NUMBER' ? 1 : 0);
    if (after < this.horizon(stream)) throw trimmed();
    if (after > Math.max(this.log.lastId(), this.horizon(stream))) throw new ApiError('ValidationException', `Invalid SequenceNumber: ${sequence} is beyond the newest record`);
    return after;
  }

  private getRecords({ ShardIterator = '', Limit = MAX_RECORDS }: StreamsInput): object {
    const { arn, after, at } = readIterator(ShardIterator);
    if (Date.now() - at > ITERATOR_MS) {
      throw new ApiError('ExpiredIteratorException', 'Iterator expired. It was created more than 15 minutes ago.');
    }
    expectLimit(Limit, MAX_RECORDS);
    const stream = this.stream(arn);
    if (after !== 0 && after < this.horizon(stream)) throw trimmed();
    const Records: StreamRecord[] = [];
    let last = after;
    let bytes = 0;
    // A page of writes that changed nothing would look like the end to who reads it.
    for (let page = this.log.read(stream, last, Limit); page.length > 0 && Records.length === 0; page = this.log.read(stream, last, Limit)) {
      for (const change of page) {
        if (!changesNothing(change)) {
          const record = this.record(change, stream);
          bytes += record.dynamodb.SizeBytes;
          if (Records.length > 0 && bytes > MAX_BYTES) break;
          Records.push(record);
        }
        last = change.id;
      }
    }
    const isAtEnd = stream.until !== null && (Records.length === 0 || last >= stream.until);
    return { Records, ...(!isAtEnd && { NextShardIterator: iteratorText({ arn, after: last, at: Date.now() }) }) };
  }

  private record({ id, eventName, keys, createdAt, isExpiry, ...images }: Change, { arn, view }: Stream): StreamRecord {
    const newImage = view.startsWith('NEW_') ? images.newImage : undefined;
    const oldImage = view.includes('OLD_') ? images.oldImage : undefined;
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

/** The label in a stream's ARN: `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL`. */
const labelOf = (streamArn: string): string => streamArn.split('/')[3] ?? '';

const now = (): number => Math.floor(Date.now() / 1_000);

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));

const trimmed = () => new ApiError('TrimmedDataAccessException', 'The operation attempted to read past the oldest stream record in a shard.');

/** @throws ApiError for a limit that DynamoDB refuses */
function expectLimit(limit: number, most: number): void {
  const value = `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must have value`;
  if (!Number.isInteger(limit) || limit < 1) throw new ApiError('ValidationException', `${value} greater than or equal to 1`);
  if (limit > most) throw new ApiError('ValidationException', `${value} less than or equal to ${most}`);
}

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
