import { type Item, keyText } from './change-log';
import type { EngineStreams, StreamsOptions } from './engine';
import { type StreamRecord, TTL_IDENTITY } from './logged-streams';

/** How long a delete of the sweeper is remembered: far longer than a reader takes to come to it. */
const REMEMBERED_MS = 10 * 60 * 1_000;

/** DynamoDB Local tells the minute of a change only. */
const MINUTE_SECONDS = 60;

/** Of so many records it is remembered when they were first seen. */
const REMEMBERED = 10_000;

/**
 * An engine's own streams, with three mends: DynamoDB Local writes a name that no SDK knows for what its TTL deletes, it
 * tells the minute of a change, and no engine knows what the sweeper deletes.
 */
export class PassedStreams implements EngineStreams {
  private readonly expired = new Map<string, number>();
  /** Epoch seconds, by sequence number. */
  private readonly seen = new Map<string, number>();

  constructor(private readonly options: StreamsOptions) {}

  async answer(operation: string, input: object): Promise<object | undefined> {
    if (operation !== 'GetRecords') return undefined;
    const { Records = [], ...rest } = await this.options.ask<{ Records?: StreamRecord[] }>(operation, input);
    return { ...rest, Records: Records.map((record) => this.mended(record)) };
  }

  async expire(_table: string, key: Item, remove: () => Promise<void>): Promise<void> {
    const now = Date.now();
    for (const [text, at] of this.expired) if (at < now - REMEMBERED_MS) this.expired.delete(text);
    const text = keyText(key);
    const before = this.expired.get(text);
    this.expired.set(text, now);
    try {
      await remove();
    } catch (error) {
      // Another sweep may have deleted it meanwhile.
      if (before === undefined) this.expired.delete(text);
      throw error;
    }
  }

  /** DynamoDB Local does not slow down with the records it keeps. */
  async trim(): Promise<void> {}

  close(): void {}

  private mended(record: StreamRecord): StreamRecord {
    const { dynamodb } = record;
    const isTtl = (record.eventName as string) === 'UNKNOWN_TO_SDK_VERSION';
    const isExpiry = isTtl || (record.eventName === 'REMOVE' && this.expired.has(keyText(dynamodb.Keys)));
    return {
      ...record,
      eventName: isTtl ? 'REMOVE' : record.eventName,
      awsRegion: this.options.region,
      dynamodb: { ...dynamodb, ApproximateCreationDateTime: this.options.timeOf(this.secondOf(dynamodb)) },
      ...(isExpiry && { userIdentity: TTL_IDENTITY }),
    };
  }

  /** When a change was first seen, if that was in its minute: the platform reads changes as they are written. */
  private secondOf({ SequenceNumber, ApproximateCreationDateTime: minute }: StreamRecord['dynamodb']): number {
    const now = Math.floor(Date.now() / 1_000);
    const first = this.seen.get(SequenceNumber) ?? now;
    this.seen.set(SequenceNumber, first);
    const [oldest] = this.seen.keys();
    if (this.seen.size > REMEMBERED && oldest !== undefined) this.seen.delete(oldest);
    return Math.abs(first - minute) <= MINUTE_SECONDS ? first : minute;
  }
}
