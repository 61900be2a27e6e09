import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry, type PutEventsResultEntry } from '@aws-sdk/client-eventbridge';
import type * as z from 'zod/mini';
import { env } from '#shared/env';
import type { Invocation } from '#shared/http';
import { type BUS_EVENTS, type BusEventType, SCHEMA_VERSION, SOURCE } from './bus-events';
import { FinalRefusal } from './failure-class';
import { abortAt, sdkOptions } from './sdk-options';
import type { Change, EntityName, StreamView } from './stream-record';

const bus = new EventBridgeClient(sdkOptions);

/**
 * No region takes less in an entry; most take 1 MB. Nothing that the API takes comes near: an order of 50 lines is less than 70 KB.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
 */
const LEAST_LIMIT_BYTES = 256 * 1024;

/** What the bus may answer to an entry that is too large. */
const INVALID = new Set(['ValidationException', 'InvalidArgument', 'RequestEntityTooLargeException']);

/**
 * Puts an event on the store's bus. It may come twice to who listens, with the same `eventId` each time: that of the
 * stream's record.
 * @throws FinalRefusal when the event is too large
 * @throws Error when the bus does not take it for another reason
 */
export async function publish<Type extends BusEventType>(
  type: Type,
  { eventId, at }: Pick<Change<EntityName, StreamView>, 'eventId' | 'at'>,
  data: Omit<z.output<(typeof BUS_EVENTS)[Type]>, 'schemaVersion' | 'eventId' | 'at'>,
  { deadline }: Pick<Invocation, 'deadline'>,
): Promise<void> {
  const entry = {
    EventBusName: env('EVENT_BUS'),
    Source: SOURCE,
    DetailType: type,
    Time: new Date(at),
    Detail: JSON.stringify({ schemaVersion: SCHEMA_VERSION, eventId, at, ...data }),
  };
  try {
    await put(entry, deadline);
  } catch (error) {
    const isTooLarge = error instanceof Error && INVALID.has(error.name) && Buffer.byteLength(entry.Detail) > LEAST_LIMIT_BYTES;
    throw isTooLarge ? new FinalRefusal(error) : error;
  }
}

async function put(entry: PutEventsRequestEntry, deadline: number): Promise<void> {
  const { Entries = [] } = await bus.send(new PutEventsCommand({ Entries: [entry] }), abortAt(deadline));
  // The call succeeds even where an entry does not.
  const refused = Entries.find(({ ErrorCode }) => ErrorCode !== undefined);
  if (refused) throw entryError(`The event bus did not take ${entry.DetailType}`, refused);
}

/**
 * The error of an entry, in the form in which the SDK throws that of a call.
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
 */
function entryError(what: string, { ErrorCode = '', ErrorMessage = '' }: PutEventsResultEntry): Error {
  const isInternal = ErrorCode.startsWith('Internal');
  return Object.assign(new Error(`${what}: ${ErrorCode} ${ErrorMessage}`), { name: ErrorCode, ...(isInternal && { $retryable: {} }) });
}
