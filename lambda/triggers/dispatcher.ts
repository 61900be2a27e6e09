import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { countingCalls } from '#shared/consumed-capacity';
import { embeddedMetrics } from '#shared/embedded-metrics';
import { failureOf } from '#shared/failure';
import { logger } from '#shared/logger';
import type { Effect, EventName } from './effect';
import { readRecord } from './stream-record';

/** What an effect may take, its retries included, and what is left for the answer. */
const EFFECT_MS = 10_000;
const ANSWER_MS = 1_000;

/**
 * Makes the Lambda handler that reads a stream: for each record, in its order, the effects that concern it. The effects of
 * a record run side by side and fail on their own; one that failed makes the record fail, and Lambda deliver again from
 * there on. So each effect is idempotent, and a record that fails ends the batch: those behind it come again anyway. The
 * effects of it that were done are remembered as long as the environment lives, so that one that fails repeats no other.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export function dispatcher(effects: readonly Effect[]) {
  const metrics = embeddedMetrics('batch', process.env.POWERTOOLS_SERVICE_NAME ?? 'dispatcher');
  /** Of the records that failed last, by event id: the names of the effects that were done. */
  const doneBefore = new Map<string, ReadonlySet<string>>();
  return ({ Records }: DynamoDBStreamEvent, context: Context): Promise<DynamoDBBatchResponse> =>
    countingCalls(async (consumed) => {
      const started = Date.now();
      const end = started + context.getRemainingTimeInMillis() - ANSWER_MS;
      let done = 0;
      for (const record of Records) {
        // Too late for another record: it comes again, with time of its own.
        if (done > 0 && Date.now() + EFFECT_MS > end) break;
        if (!(await runEffects(effects, record, end, doneBefore))) break;
        done++;
      }
      const failed = Records[done];
      const { readUnits: ReadUnits, writeUnits: WriteUnits } = consumed;
      logger.info('batch', {
        records: Records.length,
        done,
        latencyMs: Date.now() - started,
        ...consumed,
        ...metrics({ StreamRecords: done, StreamFailures: failed ? 1 : 0, ReadUnits, WriteUnits }),
      });
      return { batchItemFailures: failed ? [{ itemIdentifier: failed.dynamodb?.SequenceNumber ?? '' }] : [] };
    });
}

/** Runs what a record causes. @returns whether all was done */
async function runEffects(
  effects: readonly Effect[],
  record: DynamoDBRecord,
  end: number,
  doneBefore: Map<string, ReadonlySet<string>>,
): Promise<boolean> {
  const { eventID, eventName, dynamodb } = record;
  let entity: string | undefined;
  // Not its keys: that of an e-mail's claim is the address.
  const failure = (error: unknown, effect?: string) =>
    logger.error('A stream record failed', {
      effect,
      eventId: eventID,
      eventName,
      entity,
      sequenceNumber: dynamodb?.SequenceNumber,
      ...failureOf(error),
    });
  // The mapping's filters leave it out; a redrive hands over what lies between two records.
  if (eventName === 'REMOVE' && dynamodb?.OldImage && !dynamodb.OldImage.__edb_e__) return true;
  const now = Date.now();
  const invocation = { now, deadline: Math.min(now + EFFECT_MS, end) };
  let eventId: string;
  try {
    ({ entity, eventId } = readRecord(record, 'KEYS_ONLY'));
  } catch (error) {
    failure(error);
    return false;
  }
  const concerned = effects.filter((effect) => effect.entity === entity && effect.on.includes(eventName as EventName));
  const done = new Set(doneBefore.get(eventId));
  await Promise.all(
    concerned.map(async (effect) => {
      if (done.has(effect.name)) return;
      try {
        await effect.run(readRecord(record, effect.view), invocation);
        done.add(effect.name);
      } catch (error) {
        failure(error, effect.name);
      }
    }),
  );
  const isDone = concerned.every(({ name }) => done.has(name));
  doneBefore.delete(eventId);
  if (!isDone) remember(doneBefore, eventId, done);
  return isDone;
}

/** A record that fails is tried again soon or given up: few are remembered. */
const REMEMBERED = 100;

function remember(doneBefore: Map<string, ReadonlySet<string>>, eventId: string, done: ReadonlySet<string>): void {
  doneBefore.set(eventId, done);
  const [oldest] = doneBefore.keys();
  if (doneBefore.size > REMEMBERED && oldest !== undefined) doneBefore.delete(oldest);
}
