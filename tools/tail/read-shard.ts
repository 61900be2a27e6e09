import { setTimeout as sleep } from 'node:timers/promises';
import {
  type _Record as StreamRecord,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  type GetRecordsOutput,
  GetShardIteratorCommand,
  type ShardIteratorType,
} from '@aws-sdk/client-dynamodb-streams';
import type { Position } from './checkpoint';
import { type Patiently, Stopped } from './patience';

/** The pace at which Lambda polls a shard too: four times a second. */
const IDLE_MS = 250;

/** ApproximateCreationDateTime is rounded to the second: what is shown may be older than the start by this, never lost. */
const ROUNDING_MS = 1_000;

interface ReadContext {
  client: DynamoDBStreamsClient;
  streamArn: string;
  patiently: Patiently;
  stop: AbortSignal;
  status(line: string): void;
  /** Resolves when the record is printed. */
  print(record: StreamRecord, shardId: string): Promise<void>;
  /** What is before the position is printed. */
  moveTo(shardId: string, position: Position): void;
  /** A page is printed: a good moment to write the checkpoint. */
  onPage(): void;
}

/** How reading a shard ended: it has no more records, it is not there any more, or `stop`. */
type End = 'finished' | 'gone' | 'stopped';

/**
 * Prints the records of a shard from a position on, until the shard ends.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
 *
 * @param latest an iterator of the type LATEST, for a position that was taken with it
 */
export async function readShard(context: ReadContext, shardId: string, start: Position, latest?: string): Promise<End> {
  const { client, patiently, stop, status, print, moveTo, onPage } = context;
  let position = start;
  let iterator = latest;
  // What comes by an iterator of the type LATEST is new, whatever its time says.
  let isOld = (record: StreamRecord) => latest === undefined && isOlder(record, position.since);
  const idle = () => sleep(IDLE_MS, undefined, { signal: stop }).catch(() => undefined);
  while (!stop.aborted) {
    let page: GetRecordsOutput;
    try {
      iterator ??= await iteratorAt(context, shardId, position);
      const ShardIterator = iterator;
      page = await patiently(`the records of ${shardId}`, (abortSignal) =>
        client.send(new GetRecordsCommand({ ShardIterator }), { abortSignal }),
      );
    } catch (error) {
      if (error instanceof Stopped) return 'stopped';
      const { name } = error as Error;
      if (name === 'ResourceNotFoundException') return 'gone';
      if (name === 'TrimmedDataAccessException') {
        const which = position.after ? `after ${position.after}` : 'at its begin';
        status(`lost: records of ${shardId} ${which} were trimmed before they were read; going on at the oldest that is left`);
        position = position.since === undefined ? {} : { since: position.since };
        moveTo(shardId, position);
      } else if (name !== 'ExpiredIteratorException') {
        throw error;
      }
      iterator = undefined;
      isOld = (record) => isOlder(record, position.since);
      // A service that answers so each time is not asked without a pause.
      await idle();
      continue;
    }
    const records = page.Records ?? [];
    for (const record of records) {
      if (stop.aborted) return 'stopped';
      const after = record.dynamodb?.SequenceNumber;
      if (isOld(record)) {
        position = { ...position, after };
      } else {
        await print(record, shardId);
        position = { after };
      }
      moveTo(shardId, position);
    }
    iterator = page.NextShardIterator;
    if (iterator === undefined) moveTo(shardId, { ...position, finished: true });
    if (iterator === undefined || records.length > 0) onPage();
    if (iterator === undefined) return 'finished';
    if (records.length === 0) await idle();
  }
  return 'stopped';
}

/** @throws Stopped, ResourceNotFoundException, TrimmedDataAccessException */
export async function shardIterator(
  { client, streamArn, patiently }: Pick<ReadContext, 'client' | 'streamArn' | 'patiently'>,
  shardId: string,
  at: { ShardIteratorType: ShardIteratorType; SequenceNumber?: string },
): Promise<string | undefined> {
  const command = new GetShardIteratorCommand({ StreamArn: streamArn, ShardId: shardId, ...at });
  const { ShardIterator } = await patiently(`an iterator of ${shardId}`, (abortSignal) => client.send(command, { abortSignal }));
  return ShardIterator;
}

const iteratorAt = (context: ReadContext, shardId: string, { after }: Position) =>
  shardIterator(
    context,
    shardId,
    after ? { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: after } : { ShardIteratorType: 'TRIM_HORIZON' },
  );

function isOlder({ dynamodb }: StreamRecord, since: number | undefined): boolean {
  const at = dynamodb?.ApproximateCreationDateTime?.getTime();
  return since !== undefined && at !== undefined && at < Math.floor(since / 1_000) * 1_000 - ROUNDING_MS;
}
