import { setTimeout as sleep } from 'node:timers/promises';
import {
  type _Record,
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type Shard,
  type ShardIteratorType,
} from '@aws-sdk/client-dynamodb-streams';
import type { Batch } from './on-failure-record';

/** The records of a batch, as far as the stream still has them. */
interface Fetched {
  records: _Record[];
  /** Whether the stream has given up the first of them: it keeps records for 24 hours. */
  isTrimmed: boolean;
}

/** An open shard may answer empty pages, and its iterator never ends. */
const PAUSE_MS = 200;
const EMPTY_PAGES = 10;
const LONGEST_MS = 60_000;

/**
 * Reads the records from a batch's first to its last. Those that the mapping's filters left out are among them. Where the
 * batch does not say its shard, each that may have it is looked into.
 * @throws Error when the last does not come
 */
export async function fetchRecords(client: DynamoDBStreamsClient, batch: Batch): Promise<Fetched> {
  const { shardId } = batch;
  if (shardId !== undefined) return fetchFrom(client, { ...batch, shardId, isFound: true });
  for (const candidate of await shardsWith(client, batch)) {
    const fetched = await fetchFrom(client, { ...batch, shardId: candidate, isFound: false }).catch(elsewhere);
    if (fetched && fetched.records.length > 0) return fetched;
  }
  return { records: [], isTrimmed: true };
}

/** A sequence number of another shard is not valid. */
function elsewhere(error: Error): undefined {
  if (error.name !== 'ValidationException') throw error;
}

interface Place extends Batch {
  shardId: string;
  /** Whether the records are known to be in that shard. */
  isFound: boolean;
}

async function fetchFrom(client: DynamoDBStreamsClient, batch: Place): Promise<Fetched> {
  try {
    return { records: await read(client, batch, 'AT_SEQUENCE_NUMBER'), isTrimmed: false };
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  try {
    return { records: await read(client, batch, 'TRIM_HORIZON'), isTrimmed: true };
  } catch (error) {
    if (isGone(error)) return { records: [], isTrimmed: true };
    throw error;
  }
}

/**
 * The shards that may have a batch, by the range of their sequence numbers: several, where a table has several partitions.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_DescribeStream.html
 */
async function shardsWith(client: DynamoDBStreamsClient, { streamArn, start }: Batch): Promise<string[]> {
  const number = BigInt(start);
  const mayHave = ({ SequenceNumberRange: { StartingSequenceNumber: first, EndingSequenceNumber: last } = {} }: Shard) =>
    (first === undefined || BigInt(first) <= number) && (last === undefined || number <= BigInt(last));
  const found: string[] = [];
  let page: string | undefined;
  try {
    do {
      const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn: streamArn, ExclusiveStartShardId: page }));
      found.push(...(StreamDescription?.Shards ?? []).filter(mayHave).flatMap(({ ShardId }) => ShardId ?? []));
      page = StreamDescription?.LastEvaluatedShardId;
    } while (page);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  return found;
}

/** The record, the shard or the whole stream: all end after 24 hours. */
const isGone = (error: unknown) => ['TrimmedDataAccessException', 'ResourceNotFoundException'].includes((error as Error).name);

async function read(
  client: DynamoDBStreamsClient,
  { streamArn, shardId, start, end, isFound }: Place,
  from: Extract<ShardIteratorType, 'AT_SEQUENCE_NUMBER' | 'TRIM_HORIZON'>,
): Promise<_Record[]> {
  const [first, last] = [BigInt(start), BigInt(end)];
  const found: _Record[] = [];
  const until = Date.now() + LONGEST_MS;
  let empty = 0;
  let { ShardIterator: iterator } = await client.send(
    new GetShardIteratorCommand({
      StreamArn: streamArn,
      ShardId: shardId,
      ShardIteratorType: from,
      ...(from === 'AT_SEQUENCE_NUMBER' && { SequenceNumber: start }),
    }),
  );
  while (iterator) {
    const { Records = [], NextShardIterator } = await client.send(new GetRecordsCommand({ ShardIterator: iterator }));
    for (const record of Records) {
      const sequence = BigInt(record.dynamodb?.SequenceNumber ?? 0);
      if (sequence >= first && sequence <= last) found.push(record);
      if (sequence >= last) return found;
    }
    empty = Records.length === 0 ? empty + 1 : 0;
    // Where the first record is gone, or was never in this shard, the last may be too, and then nothing comes.
    if ((from === 'TRIM_HORIZON' || !isFound) && empty === EMPTY_PAGES) return found;
    if (Date.now() > until) throw new Error('the stream does not answer the last record');
    if (empty > 0) await sleep(PAUSE_MS);
    iterator = NextShardIterator;
  }
  // A shard that has ended has no more.
  return found;
}
