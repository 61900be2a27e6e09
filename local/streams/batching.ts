import type { ConsumerPorts, ShardSource, SourceRecord } from './consumer';
import type { MappingSettings } from './mapping';

/** The most that an invocation takes: 6 MB. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const PAYLOAD_LIMIT_BYTES = 6 * 1_024 * 1_024;
const ENVELOPE_BYTES = JSON.stringify({ Records: [] }).length;

/** Records that matched the filters. */
export interface Batch {
  records: readonly SourceRecord[];
  /** The last record that is done with when these are, whether it is among them or was filtered out behind them. */
  through: string;
}

/**
 * Collects the next batch of a shard: until it is full, or until its window ends, or, without a window, until there are
 * no more records. A batch is filled after filtering, which AWS does not document.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching
 *
 * @param after the sequence number to read behind; undefined for the beginning of the shard
 * @returns undefined when there is nothing to read; a batch without records when all that there is was filtered out
 */
export async function collectBatch(
  settings: MappingSettings,
  source: ShardSource,
  ports: Pick<ConsumerPorts, 'now' | 'wait'>,
  after: string | undefined,
  signal: AbortSignal,
): Promise<Batch | undefined> {
  const records: SourceRecord[] = [];
  let bytes = ENVELOPE_BYTES;
  let through = after;
  let end = Infinity;
  while (!signal.aborted) {
    const page = await source.read(through, settings.batchSize - records.length);
    for (const record of page) {
      if (settings.matches(record.event)) {
        const size = Buffer.byteLength(JSON.stringify(record.event)) + (records.length > 0 ? 1 : 0);
        if (records.length > 0 && bytes + size > PAYLOAD_LIMIT_BYTES) return { records, through: through as string };
        if (records.length === 0) end = ports.now() + settings.windowSeconds * 1_000;
        records.push(record);
        bytes += size;
      }
      through = record.sequenceNumber;
    }
    if (records.length >= settings.batchSize) break;
    if (page.length > 0) continue;
    const left = end - ports.now();
    if (records.length === 0 || left <= 0) break;
    await untilMoreOr(left, source, ports, signal);
  }
  return through === undefined || through === after ? undefined : { records, through };
}

/** Waits until there may be more, or for so many milliseconds. */
async function untilMoreOr(ms: number, source: ShardSource, { wait }: Pick<ConsumerPorts, 'wait'>, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  const waits = [source.changed(either), wait(ms, either)];
  try {
    await Promise.race(waits);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    done.abort();
    await Promise.allSettled(waits);
  }
}
