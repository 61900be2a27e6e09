import { randomUUID } from 'node:crypto';
import { failureOf } from './batch-response';
import { collectBatch } from './batching';
import type { MappingSettings } from './mapping';
import { type Discarded, onFailureRecord, type OnFailureRecord } from './on-failure-record';

/** Between tries of the same batch, and of anything else that failed. */
const BACKOFF_MS = { first: 25, most: 150 };

/** One record of a shard, as it will be in the event. */
export interface SourceRecord {
  sequenceNumber: string;
  /** Epoch ms. */
  arrivedAt: number;
  event: { readonly [key: string]: unknown };
}

/** A shard of a stream. */
export interface ShardSource {
  readonly shardId: string;
  /** Records behind `after` (from the beginning of the shard when undefined), in order; empty when there are none now. */
  read(after: string | undefined, limit: number): Promise<readonly SourceRecord[]>;
  /** Resolves when there may be more than at the last read; at the latest when the signal aborts. */
  changed(signal: AbortSignal): Promise<void>;
}

/** What an invocation ended in. */
export type Invoked =
  /** The payload is the JSON that the function answered. */
  { payload: string } | { error: { errorType: string; errorMessage: string } };

/** What a consumer needs of the platform. */
export interface ConsumerPorts {
  /** Rejects when the function could not be invoked, which uses up no retry. */
  invoke(event: { Records: object[] }): Promise<{ requestId: string } & Invoked>;
  /** Called only when the mapping has an on-failure destination. */
  sendOnFailure(record: OnFailureRecord): Promise<void>;
  /** The sequence number up to which every record is done with: delivered, filtered out or discarded. */
  checkpoint: { get(): string | undefined; set(sequenceNumber: string): void };
  /** Epoch ms. */
  now(): number;
  /** Ends early when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  onDiscard?(record: OnFailureRecord, records: readonly SourceRecord[]): void;
  /** Told of what failed and is tried again: a read of the shard, the start of an invocation, a send. */
  onError?(error: unknown): void;
}

/**
 * Delivers the records of one shard to a function as an event source mapping of Lambda does: in order and at least once;
 * a batch that fails blocks those behind it until it succeeds or is discarded.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 *
 * Runs until the signal aborts; resolves then, after the invocation under way has ended.
 */
export async function consume(
  settings: MappingSettings,
  functionArn: string,
  source: ShardSource,
  ports: ConsumerPorts,
  signal: AbortSignal,
): Promise<void> {
  await new Consumer(settings, functionArn, source, ports, signal).run();
}

/** A batch, or what is left of one. */
interface Part {
  records: readonly SourceRecord[];
  /** How often these records were tried, without a split between. */
  tries: number;
  /** How many of MaximumRetryAttempts are used up. */
  retries: number;
  /** How many invocations had these records, and the last of them. */
  invokeCount: number;
  last: Discarded['last'];
}

class Consumer {
  private position: string | undefined;

  constructor(
    private readonly settings: MappingSettings,
    private readonly functionArn: string,
    private readonly source: ShardSource,
    private readonly ports: ConsumerPorts,
    private readonly signal: AbortSignal,
  ) {
    this.position = ports.checkpoint.get();
  }

  async run(): Promise<void> {
    while (!this.signal.aborted) {
      const batch = await this.untilDone(() => collectBatch(this.settings, this.source, this.ports, this.position, this.signal));
      if (batch === 'aborted') return;
      if (!batch) await this.untilDone(() => this.source.changed(this.signal));
      else if ((await this.deliver(batch.records)) === 'aborted') return;
      else this.pass(batch.through);
    }
  }

  private async deliver(records: readonly SourceRecord[]): Promise<'aborted' | undefined> {
    const parts: Part[] = records.length === 0 ? [] : [{ records, tries: 0, retries: 0, invokeCount: 0, last: undefined }];
    for (let part = parts.shift(); part; part = parts.shift()) {
      const left = await this.attempt(part);
      if (left === 'aborted') return left;
      parts.unshift(...left);
    }
    return undefined;
  }

  /** @returns what is left to do of these records, in order */
  private async attempt(part: Part): Promise<readonly Part[] | 'aborted'> {
    const { records } = part;
    if (part.tries > 0) await this.backOff(part.tries - 1);
    if (this.signal.aborted) return 'aborted';
    const old = this.countTooOld(records);
    if (old > 0) {
      const left = records.slice(old);
      const discarded = await this.discard({ ...part, records: records.slice(0, old), condition: 'RecordAgeExceeded' });
      return discarded ?? (left.length > 0 ? [{ ...part, records: left, tries: 0 }] : []);
    }
    const answer = await this.invoke(records);
    if (!answer) return [{ ...part, tries: part.tries + 1 }];
    const failure = failureOf(answer, records, this.settings.reportsItemFailures);
    const succeeded = records.slice(0, failure?.from).at(-1);
    if (succeeded) this.pass(succeeded.sequenceNumber);
    if (!failure) return [];
    // What failed may have been ended with the platform: it is no try.
    if (this.signal.aborted) return 'aborted';
    return this.afterFailure(failure.from, {
      ...part,
      records: records.slice(failure.from),
      invokeCount: part.invokeCount + 1,
      last: { requestId: answer.requestId, functionError: failure.functionError },
    });
  }

  /**
   * Splits where the function says that it failed, or else in the middle; what is not split uses up a retry. AWS does not
   * document where it splits when the function names the first record: here that is the middle too.
   *
   * @param from how many records before these the function reported as done
   */
  private async afterFailure(from: number, failed: Part): Promise<readonly Part[] | 'aborted'> {
    const { records, retries, tries } = failed;
    const { bisect, maximumRetryAttempts } = this.settings;
    if (bisect && from > 0) return [{ ...failed, tries: 0 }];
    if (bisect && records.length > 1) {
      const middle = Math.ceil(records.length / 2);
      return [records.slice(0, middle), records.slice(middle)].map((half) => ({ ...failed, records: half, tries: 0 }));
    }
    if (maximumRetryAttempts !== -1 && retries >= maximumRetryAttempts) {
      return (await this.discard({ ...failed, condition: 'RetryAttemptsExhausted' })) ?? [];
    }
    return [{ ...failed, tries: tries + 1, retries: retries + 1 }];
  }

  private async invoke(records: readonly SourceRecord[]) {
    try {
      return await this.ports.invoke({ Records: records.map(({ event }) => event) });
    } catch (error) {
      this.ports.onError?.(error);
      return undefined;
    }
  }

  /** How many of the first records are older than the mapping takes. */
  private countTooOld(records: readonly SourceRecord[]): number {
    const { maximumRecordAgeSeconds } = this.settings;
    if (maximumRecordAgeSeconds === -1) return 0;
    const oldest = this.ports.now() - maximumRecordAgeSeconds * 1_000;
    const young = records.findIndex(({ arrivedAt }) => arrivedAt >= oldest);
    return young === -1 ? records.length : young;
  }

  private async discard(discarded: Discarded): Promise<'aborted' | undefined> {
    const { settings, ports, functionArn } = this;
    const record = onFailureRecord(discarded, {
      functionArn,
      streamArn: settings.eventSourceArn,
      shardId: this.source.shardId,
      requestId: randomUUID(),
      now: ports.now(),
    });
    if (settings.onFailure !== undefined) {
      const sent = await this.untilDone(() => ports.sendOnFailure(record));
      if (sent === 'aborted') return sent;
    }
    ports.onDiscard?.(record, discarded.records);
    this.pass(discarded.records.at(-1)?.sequenceNumber as string);
    return undefined;
  }

  /** These records and all before them are done with. */
  private pass(sequenceNumber: string): void {
    if (this.position === sequenceNumber) return;
    this.position = sequenceNumber;
    this.ports.checkpoint.set(sequenceNumber);
  }

  private async untilDone<Value>(act: () => Promise<Value>): Promise<Value | 'aborted'> {
    for (let tries = 0; ; tries++) {
      try {
        return await act();
      } catch (error) {
        if (this.signal.aborted) return 'aborted';
        this.ports.onError?.(error);
      }
      await this.backOff(tries);
      if (this.signal.aborted) return 'aborted';
    }
  }

  private async backOff(tries: number): Promise<void> {
    try {
      await this.ports.wait(Math.min(BACKOFF_MS.first * 2 ** tries, BACKOFF_MS.most), this.signal);
    } catch (error) {
      if (!this.signal.aborted) throw error;
    }
  }
}
