import { ApiError, callApi } from '../engine/api';
import type { Engine } from '../engine/engine';
import type { StreamRecord } from '../engine/logged-streams';
import type { ShardSource, SourceRecord } from './consumer';

/** Nothing tells of what another process writes past the gateway, so the stream is read again after this. */
const IDLE_MS = 1_000;

interface Shard {
  ShardId: string;
  ParentShardId?: string;
  SequenceNumberRange: { StartingSequenceNumber?: string; EndingSequenceNumber?: string };
}

/**
 * The stream of a table on an engine: its shards one behind the other, since no engine has two that are open. It is read
 * when something was written, which takes a few milliseconds, where AWS polls four times a second.
 */
export class TableStream implements ShardSource {
  private shard: Shard | undefined;
  /** Where the last read ended. */
  private next: { after: string | undefined; iterator: string } | undefined;
  private written = 0;
  private writtenAtRead = -1;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly engine: Engine,
    private readonly streamArn: string,
    /** The machine's second of a record, from the store's: a record does not grow old when the store's clock is moved. */
    private readonly machineTime: (epochSeconds: number) => number,
    private readonly toEvent: (record: StreamRecord, streamArn: string) => SourceRecord['event'] = lambdaEvent,
    /** The name of its shard, where it stands for another stream. */
    private readonly shardName?: string,
  ) {
    engine.onWrite(() => {
      this.written++;
      for (const wake of this.waiting) wake();
    });
  }

  get shardId(): string {
    return this.shardName ?? this.shard?.ShardId ?? '';
  }

  async read(after: string | undefined, limit: number): Promise<readonly SourceRecord[]> {
    this.writtenAtRead = this.written;
    try {
      return await this.readPage(after, Math.min(limit, 1_000));
    } catch (error) {
      // An iterator that expired, or a shard that is gone: begin anew where the reader stands.
      this.next = undefined;
      this.shard = undefined;
      throw error;
    }
  }

  changed(signal: AbortSignal): Promise<void> {
    if (this.written !== this.writtenAtRead || signal.aborted) return Promise.resolve();
    return new Promise((done) => {
      const wake = () => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        done();
      };
      const timer = setTimeout(wake, IDLE_MS);
      this.waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  /** Whether a sequence number can be read from: it is one, and not of the future. */
  async has(sequenceNumber: string): Promise<boolean> {
    if (typeof sequenceNumber !== 'string' || !/^\d+$/.test(sequenceNumber)) return false;
    try {
      await this.read(sequenceNumber, 1);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.name === 'ValidationException') return false;
      throw error;
    }
  }

  /** The sequence number of the newest record; undefined where there is none. */
  async latest(): Promise<string | undefined> {
    let last: string | undefined;
    for (;;) {
      const page = await this.read(last, 1_000);
      if (page.length === 0) return last;
      last = page.at(-1)?.sequenceNumber;
    }
  }

  private async readPage(after: string | undefined, limit: number): Promise<readonly SourceRecord[]> {
    for (;;) {
      this.shard ??= await this.shardAfter(after);
      if (!this.shard) return [];
      const iterator = this.next && this.next.after === after ? this.next.iterator : await this.iterator(this.shard, after);
      const page = await this.call<{ Records: StreamRecord[]; NextShardIterator?: string }>('GetRecords', {
        ShardIterator: iterator,
        Limit: limit,
      });
      const last = page.Records.at(-1)?.dynamodb.SequenceNumber ?? after;
      this.next = page.NextShardIterator === undefined ? undefined : { after: last, iterator: page.NextShardIterator };
      if (page.Records.length > 0 || this.next) return page.Records.map((record) => this.sourceRecord(record));
      const child = (await this.shards()).find(({ ParentShardId }) => ParentShardId === this.shard?.ShardId);
      if (!child) return [];
      this.shard = child;
    }
  }

  private sourceRecord(record: StreamRecord): SourceRecord {
    const { SequenceNumber: sequenceNumber, ApproximateCreationDateTime } = record.dynamodb;
    return { sequenceNumber, arrivedAt: this.machineTime(ApproximateCreationDateTime) * 1_000, event: this.toEvent(record, this.streamArn) };
  }

  /** The shard that holds what comes behind a sequence number: the oldest one that has not ended before it. */
  private async shardAfter(after: string | undefined): Promise<Shard | undefined> {
    const shards = await this.shards();
    const order = (sequence: string) => BigInt(sequence);
    return shards.find(({ SequenceNumberRange: { EndingSequenceNumber: end } }) =>
      after === undefined || end === undefined || order(end) > order(after),
    );
  }

  private async shards(): Promise<Shard[]> {
    const { StreamDescription } = await this.call<{ StreamDescription: { Shards: Shard[] } }>('DescribeStream', {
      StreamArn: this.streamArn,
    });
    return StreamDescription.Shards;
  }

  private async iterator({ ShardId, SequenceNumberRange }: Shard, after: string | undefined): Promise<string> {
    const { StartingSequenceNumber: start } = SequenceNumberRange;
    const isInShard = after !== undefined && (start === undefined || BigInt(after) >= BigInt(start));
    const { ShardIterator } = await this.call<{ ShardIterator: string }>('GetShardIterator', {
      StreamArn: this.streamArn,
      ShardId,
      ...(isInShard ? { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: after } : { ShardIteratorType: 'TRIM_HORIZON' }),
    });
    return ShardIterator;
  }

  private call<Output>(operation: string, input: object): Promise<Output> {
    return callApi<Output>(this.engine, operation, input, 'DynamoDBStreams');
  }
}

/** A record as Lambda hands it on. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html */
function lambdaEvent({ userIdentity, ...record }: StreamRecord, eventSourceARN: string): SourceRecord['event'] {
  return {
    ...record,
    ...(userIdentity && { userIdentity: { type: userIdentity.Type, principalId: userIdentity.PrincipalId } }),
    eventSourceARN,
  };
}
