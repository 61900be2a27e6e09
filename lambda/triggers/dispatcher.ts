import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { countingCalls } from '#shared/consumed-capacity';
import { embeddedMetrics } from '#shared/embedded-metrics';
import { failureOf } from '#shared/failure';
import { logger } from '#shared/logger';
import { backoff } from '#shared/retry';
import type { Effect, EventName } from './effect';
import { type FailureClass, failureClass } from './failure-class';
import { markRefused } from './once';
import { giveUp } from './on-failure-queue';
import { readRecord } from './stream-record';

/** What an effect may take, its retries included, and what is left for the answer. */
const EFFECT_MS = 10_000;
const ANSWER_MS = 1_000;

/** What Lambda hands over; a redrive says that it is one. */
interface StreamEvent extends DynamoDBStreamEvent {
  /** What the set-up refuses is answered as failed then: its message is in the on-failure queue, and stays there. */
  readonly isRedrive?: boolean;
}

/**
 * Makes the Lambda handler that reads a stream: for each record, in its order, the effects that concern it. The effects of
 * a record run side by side and fail on their own. The class of a failure decides what becomes of the record:
 * - A passing failure makes it fail, and Lambda delivers again from there on.
 * - What the set-up refuses is put on the on-failure queue.
 * - What a service refuses for good is reported.
 * The last two hold up none of the records behind.
 *
 * So each effect is idempotent, and a record that fails ends the batch: those behind it come again anyway. The effects of it
 * that were done are remembered as long as the environment lives, so that one that fails repeats no other.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export function dispatcher(effects: readonly Effect[]) {
  const name = process.env.POWERTOOLS_SERVICE_NAME ?? 'dispatcher';
  const metrics = embeddedMetrics('batch', name);
  const refusalMetrics = embeddedMetrics('refusal', name);
  /** Of the records that failed last, by event id: the names of the effects that were done. */
  const doneBefore = new Map<string, ReadonlySet<string>>();

  /** Deals with a record. @returns whether those behind it may follow */
  async function deal(record: DynamoDBRecord, end: number, isRedrive: boolean, context: Context): Promise<boolean> {
    const failures = await runEffects(effects, record, end, doneBefore, (line) =>
      logger.error('An effect was refused for good', { ...line, ...refusalMetrics({ EffectsRefused: 1 }) }),
    );
    if (failures.size === 0) return true;
    // What passes is retried first: one delivery then does all that is left, or one message names it.
    if (isRedrive || failures.has('passing')) return false;
    return giveUp(record, context);
  }

  return ({ Records, isRedrive = false }: StreamEvent, context: Context): Promise<DynamoDBBatchResponse> =>
    countingCalls(async (consumed) => {
      const started = Date.now();
      const end = started + context.getRemainingTimeInMillis() - ANSWER_MS;
      let done = 0;
      for (const record of Records) {
        // Too late for another record: it comes again, with time of its own.
        if (done > 0 && Date.now() + EFFECT_MS > end) break;
        if (!(await deal(record, end, isRedrive, context))) break;
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

/**
 * Runs what a record causes.
 * @param onRefused is told once of each effect that is refused for good
 * @returns how it failed, without what was refused for good
 */
async function runEffects(
  effects: readonly Effect[],
  record: DynamoDBRecord,
  end: number,
  doneBefore: Map<string, ReadonlySet<string>>,
  onRefused: (line: object) => void,
): Promise<ReadonlySet<FailureClass>> {
  const { eventID, eventName, dynamodb } = record;
  let entity: string | undefined;
  const failures = new Set<FailureClass>();
  // Not its keys: that of an e-mail's claim is the address.
  const line = (error: unknown, effect?: string) => ({
    effect,
    failureClass: failureClass(error),
    eventId: eventID,
    eventName,
    entity,
    sequenceNumber: dynamodb?.SequenceNumber,
    ...failureOf(error),
  });
  const failed = (error: unknown, effect?: string) => {
    failures.add(failureClass(error));
    logger.error('A stream record failed', line(error, effect));
  };
  // The mapping's filters leave it out; a redrive hands over what lies between two records.
  if (eventName === 'REMOVE' && dynamodb?.OldImage && !dynamodb.OldImage.__edb_e__) return failures;
  const now = Date.now();
  const invocation = { now, deadline: Math.min(now + EFFECT_MS, end) };
  let eventId: string;
  try {
    ({ entity, eventId } = readRecord(record, 'KEYS_ONLY'));
  } catch (error) {
    failed(error);
    return failures;
  }
  const concerned = effects.filter((effect) => effect.entity === entity && effect.on.includes(eventName as EventName));
  const done = new Set(doneBefore.get(eventId));
  const attempt = async (effect: Effect) => {
    try {
      await untilItPasses(invocation.deadline, () => effect.run(readRecord(record, effect.view), invocation));
    } catch (error) {
      if (failureClass(error) !== 'final') throw error;
      if (await markRefused(effect.name, eventId, invocation)) onRefused(line(error, effect.name));
    }
  };
  await Promise.all(
    concerned.map(async (effect) => {
      if (done.has(effect.name)) return;
      try {
        await attempt(effect);
        done.add(effect.name);
      } catch (error) {
        failed(error, effect.name);
      }
    }),
  );
  doneBefore.delete(eventId);
  if (failures.size > 0) remember(doneBefore, eventId, done);
  return failures;
}

/** Repeats an effect while its failures are passing: what is over by the deadline uses up no retry of the mapping. */
async function untilItPasses(deadline: number, run: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (failureClass(error) !== 'passing' || !(await backoff(attempt, deadline))) throw error;
    }
  }
}

/** A record that fails is tried again soon or given up: few are remembered. */
const REMEMBERED = 100;

function remember(doneBefore: Map<string, ReadonlySet<string>>, eventId: string, done: ReadonlySet<string>): void {
  doneBefore.set(eventId, done);
  const [oldest] = doneBefore.keys();
  if (doneBefore.size > REMEMBERED && oldest !== undefined) doneBefore.delete(oldest);
}
