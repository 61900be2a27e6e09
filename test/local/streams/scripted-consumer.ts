import { consume, type ConsumerPorts, type Invoked, type ShardSource, type SourceRecord } from '../../../local/streams/consumer';
import { readMapping } from '../../../local/streams/mapping';
import type { OnFailureRecord } from '../../../local/streams/on-failure-record';

export const STREAM_ARN = 'arn:aws:dynamodb:eu-west-1:000000000000:table/Orders/stream/2026-01-01T00:00:00.000';
export const FUNCTION_ARN = 'arn:aws:lambda:eu-west-1:000000000000:function:on-order';
export const START = Date.parse('2026-01-01T00:00:10.500Z');

export const record = (sequenceNumber: string, event: object = {}, arrivedAt = START): SourceRecord => ({
  sequenceNumber,
  arrivedAt,
  event: { id: sequenceNumber, ...event },
});
export const records = (...sequenceNumbers: string[]) => sequenceNumbers.map((sequenceNumber) => record(sequenceNumber));

export const OK: Invoked = { payload: 'null' };
export const THROWN: Invoked = { error: { errorType: 'Error', errorMessage: 'poison' } };
export const failing = (...identifiers: unknown[]): Invoked => ({
  payload: JSON.stringify({ batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })) }),
});

/** A function that throws for any batch with one of these records. */
export const poisonedBy =
  (...poison: string[]) =>
  (batch: readonly string[]) =>
    batch.some((id) => poison.includes(id)) ? THROWN : OK;

interface Script {
  properties?: object;
  records?: readonly SourceRecord[];
  checkpoint?: string;
  /** @param n how many invocations there were before */
  answer?: (batch: readonly string[], n: number, run: Run) => Invoked | Promise<Invoked>;
  sendOnFailure?: (record: OnFailureRecord, run: Run) => Promise<void>;
  wait?: (ms: number, signal: AbortSignal, run: Run) => Promise<void>;
  read?: (run: Run) => Promise<void>;
}

/** What a run of the consumer did; it ends when the consumer has nothing to read, or when a script aborts it. */
export class Run {
  readonly controller = new AbortController();
  readonly shard: SourceRecord[];
  /** The records of every invocation. */
  readonly invocations: string[][] = [];
  readonly sent: OnFailureRecord[] = [];
  readonly discarded: string[][] = [];
  readonly checkpoints: string[] = [];
  readonly waits: number[] = [];
  readonly errors: unknown[] = [];
  /** What happened, in order. */
  readonly log: string[] = [];
  now = START;

  constructor(private readonly script: Script) {
    this.shard = [...(script.records ?? [])];
  }

  async toEnd(): Promise<this> {
    const { properties, answer, sendOnFailure, wait, read, checkpoint } = this.script;
    const settings = readMapping('Mapping', {
      EventSourceArn: STREAM_ARN,
      FunctionName: 'on-order',
      StartingPosition: 'TRIM_HORIZON',
      ...properties,
    });
    const source: ShardSource = {
      shardId: 'shardId-1',
      read: async (after, limit) => {
        await read?.(this);
        const start = this.shard.findIndex(({ sequenceNumber }) => sequenceNumber === after) + 1;
        return this.shard.slice(start, start + limit);
      },
      changed: async (signal) => {
        // A signal of the consumer's own is a batching window's.
        if (signal === this.controller.signal) this.controller.abort();
      },
    };
    const ports: ConsumerPorts = {
      invoke: async ({ Records }) => {
        const batch = Records.map((event) => (event as { id: string }).id);
        const n = this.invocations.push(batch) - 1;
        this.log.push(`invoke ${batch.join(' ')}`);
        return { requestId: `request-${n}`, ...(await (answer?.(batch, n, this) ?? OK)) };
      },
      sendOnFailure: async (failure) => {
        await sendOnFailure?.(failure, this);
        this.sent.push(failure);
      },
      checkpoint: {
        get: () => this.checkpoints.at(-1) ?? checkpoint,
        set: (sequenceNumber) => {
          this.checkpoints.push(sequenceNumber);
          this.log.push(`checkpoint ${sequenceNumber}`);
        },
      },
      now: () => this.now,
      wait: async (ms, signal) => {
        this.waits.push(ms);
        if (wait) return wait(ms, signal, this);
        this.now += ms;
      },
      onDiscard: (_failure, batch) => {
        this.discarded.push(batch.map(({ sequenceNumber }) => sequenceNumber));
      },
      onError: (error) => this.errors.push(error),
    };
    await consume(settings, FUNCTION_ARN, source, ports, this.controller.signal);
    return this;
  }
}

export const run = (script: Script): Promise<Run> => new Run(script).toEnd();
