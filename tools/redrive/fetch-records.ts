import { setTimeout as sleep } from 'node:timers/promises';
import {
  type _Record,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
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
 * Reads the records from a batch's first to its last. Those that the mapping's filters left out are among them.
 * @throws Error when the last does not come
 */
export async function fetchRecords(client: DynamoDBStreamsClient, batch: Batch): Promise<Fetched> {
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

/** The record, the shard or the whole stream: all end after 24 hours. */
const isGone = (error: unknown) => ['TrimmedDataAccessException', 'ResourceNotFoundException'].includes((error as Error).name);

async function read(
  client: DynamoDBStreamsClient,
  { streamArn, shardId, start, end }: Batch,
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
    // Where the first record is gone the last may be too, and then nothing comes.
    if (from === 'TRIM_HORIZON' && empty === EMPTY_PAGES) return found;
    if (Date.now() > until) throw new Error('the stream does not answer the last record');
    if (empty > 0) await sleep(PAUSE_MS);
    iterator = NextShardIterator;
  }
  // A shard that has ended has no more.
  return found;
}
