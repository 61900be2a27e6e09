import type { Invocation } from '#shared/http';
import { untilAnswered } from '#shared/retry';
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
