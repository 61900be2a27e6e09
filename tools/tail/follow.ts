import { setMaxListeners } from 'node:events';
import type { _Record as StreamRecord, DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { type Checkpoint, type Position, readCheckpoint, writeCheckpoint } from './checkpoint';
import { OutputClosed } from './output';
import { patience, Stopped } from './patience';
import { readShard, shardIterator } from './read-shard';
import { describeStream, type Stream, shardsToBegin } from './shards';

export const STARTS = ['checkpoint', 'trim-horizon', 'latest'] as const;
export type Start = (typeof STARTS)[number];

/** What is handled where it is met. */
const EXPECTED = ['ExpiredIteratorException', 'TrimmedDataAccessException', 'ResourceNotFoundException'];

export interface FollowOptions {
  client: DynamoDBStreamsClient;
  streamArn: string;
  table: string;
  from: Start;
  /** Where the checkpoint is kept. */
  file: string;
  /** Ends it in order: what is being printed is printed, and the checkpoint is written. */
  stop: AbortSignal;
  /** The service's time in epoch milliseconds, as its last answer told it. */
  now(): number;
  status(line: string): void;
  /** Resolves when the record is printed. */
  print(record: StreamRecord, shardId: string): Promise<void>;
  beforeRetry?(): Promise<void>;
  /** How often it looks for new shards; at once when a shard ends. */
  discoverEveryMs?: number;
}

/**
 * Prints the records of a stream until it is stopped, or until nobody reads the output: an item's changes in their
 * order, and independent shards at the same time.
 *
 * The checkpoint follows what is printed, so what was printed last before a kill comes again, and nothing is left out.
 * @throws UserError
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { client, streamArn, table, from, file, status, print, now, beforeRetry, discoverEveryMs = 5_000 } = options;
  const ending = new AbortController();
  const stop = ending.signal;
  setMaxListeners(0, stop);
  const patiently = patience({ stop, status, beforeRetry }, EXPECTED);

  const checkpoint: Checkpoint = { table, streamArn, shards: {}, ...(from === 'checkpoint' && readCheckpoint(file)) };
  const positions = checkpoint.shards;
  const begins = from === 'latest' ? 'now on' : Object.keys(positions).length > 0 ? 'the checkpoint on' : 'the oldest record on';
  let isSaved = true;
  const save = () => {
    if (!isSaved) writeCheckpoint(file, checkpoint);
    isSaved = true;
  };
  const moveTo = (id: string, position: Position | undefined) => {
    if (position) positions[id] = position;
    else delete positions[id];
    isSaved = false;
  };

  const alarm = new Alarm();
  const end = () => {
    ending.abort();
    alarm.ring();
  };
  if (options.stop.aborted) end();
  options.stop.addEventListener('abort', end, { once: true });

  const reading = new Map<string, Promise<void>>();
  const gone = new Set<string>();
  let failure: unknown;
  const context = { client, streamArn, patiently, stop, status, print, moveTo, onPage: save };
  const begin = async (id: string, latest: string | undefined): Promise<void> => {
    try {
      const how = await readShard(context, id, positions[id] ?? {}, latest);
      if (how === 'gone') gone.add(id);
      reading.delete(id);
      if (how === 'finished') alarm.ring();
    } catch (error) {
      failure ??= error;
      end();
    }
  };

  /** What was read of shards that are not there any more need not be known any longer. */
  const forget = ({ shards }: Stream) => {
    const listed = new Set(shards.map(({ id }) => id));
    for (const id of gone) {
      if (!listed.has(id)) status(`lost: the shard ${id} was trimmed before it was read to its end`);
    }
    gone.clear();
    for (const id of Object.keys(positions)) {
      if (!listed.has(id) && !reading.has(id)) moveTo(id, undefined);
    }
  };

  /**
   * Takes up every open shard at its end. There is no sequence number to keep for it before the first record comes. To
   * find one, the shard would have to be read up to there, which may be hours of records; the iterator itself is good
   * for 15 minutes only. So the time is kept, by the service's clock and from before the iterators: whoever is killed
   * before the first record reads the shard from TRIM_HORIZON and leaves out what is older.
   */
  const takeUpAtLatest = async (stream: Stream): Promise<Map<string, string | undefined>> => {
    const since = now();
    const iterators = await Promise.all(
      stream.shards.map(async ({ id, isOpen }): Promise<[string, string | undefined]> => {
        moveTo(id, isOpen ? { since } : { finished: true });
        const iterator = isOpen ? await shardIterator(context, id, { ShardIteratorType: 'LATEST' }) : undefined;
        return [id, iterator];
      }),
    );
    return new Map(iterators);
  };

  try {
    let stream = await describeStream(client, streamArn, patiently);
    const latest = from === 'latest' ? await takeUpAtLatest(stream) : undefined;
    // Now it takes the place of an earlier one, though nothing may come for long.
    isSaved = false;
    save();
    status(`following ${table}, ${stream.view ?? 'no view type'}, from ${begins}; Ctrl-C ends it`);
    while (!stop.aborted) {
      forget(stream);
      for (const { id } of shardsToBegin(stream.shards, positions, (shard) => reading.has(shard))) {
        reading.set(id, begin(id, latest?.get(id)));
        latest?.delete(id);
      }
      save();
      await alarm.wait(discoverEveryMs);
      if (!stop.aborted) stream = await describeStream(client, streamArn, patiently);
    }
  } catch (error) {
    if (!(error instanceof Stopped)) failure ??= error;
  } finally {
    end();
    await Promise.all(reading.values());
    options.stop.removeEventListener('abort', end);
  }
  save();
  if (failure !== undefined && !(failure instanceof OutputClosed)) throw failure;
}

/** A wait that ends when it is rung; a ring while nobody waits ends the next wait. */
class Alarm {
  private isRung = false;
  private wake = () => {};

  ring(): void {
    this.isRung = true;
    this.wake();
  }

  async wait(ms: number): Promise<void> {
    if (!this.isRung) {
      await new Promise<void>((done) => {
        const timer = setTimeout(done, ms);
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
    this.isRung = false;
  }
}
