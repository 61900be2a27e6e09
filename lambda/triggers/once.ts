import type { Invocation } from '#shared/http';
import { untilAnswered, writeOnCondition } from '#shared/retry';
import { store } from '#shared/store';
import { isoTime, ttlSeconds } from '#shared/time';

const { ProcessedEvent } = store.entities;

/** Twice what a stream keeps. */
const TWO_DAYS_SECONDS = 48 * 60 * 60;

/** The marker that an effect was done for an event. */
export const processed = (effect: string, eventId: string, now: number) => ({
  effect,
  eventId,
  processedAt: isoTime(now),
  expiresAt: ttlSeconds(now, TWO_DAYS_SECONDS),
});

/**
 * Does what cannot be in a transaction (a mail) unless it was done for the event, and marks it afterwards: a crash between
 * the two does it twice, never not at all.
 */
export async function once(
  effect: string,
  eventId: string,
  { now, deadline }: Invocation,
  act: () => Promise<void>,
  entities = { ProcessedEvent },
): Promise<void> {
  const { data } = await untilAnswered(deadline, () => entities.ProcessedEvent.get({ effect, eventId }).go({ consistent: true }));
  if (data) return;
  await act();
  await untilAnswered(deadline, () => entities.ProcessedEvent.put(processed(effect, eventId, now)).go());
}

/**
 * Marks that an effect was refused for good for an event, as `once` marks what was done.
 * @returns false where it was marked before, and so was reported
 */
export async function markRefused(
  effect: string,
  eventId: string,
  { now, deadline }: Invocation,
  entities = { ProcessedEvent },
): Promise<boolean> {
  const marked = await writeOnCondition(deadline, () => entities.ProcessedEvent.create(processed(effect, eventId, now)).go());
  return marked.done || marked.mayBeOwn;
}
