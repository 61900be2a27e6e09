import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type * as z from 'zod/mini';
import { env } from '#shared/env';
import type { Invocation } from '#shared/http';
import { type BUS_EVENTS, type BusEventType, SCHEMA_VERSION, SOURCE } from './bus-events';
import { abortAt, sdkOptions } from './sdk-options';
import type { Change, EntityName, StreamView } from './stream-record';

const bus = new EventBridgeClient(sdkOptions);

/**
 * Puts an event on the store's bus. It may come twice to who listens, with the same `eventId` each time: that of the
 * stream's record.
 * @throws Error when the bus does not take it
 */
export async function publish<Type extends BusEventType>(
  type: Type,
  { eventId, at }: Pick<Change<EntityName, StreamView>, 'eventId' | 'at'>,
  data: Omit<z.output<(typeof BUS_EVENTS)[Type]>, 'schemaVersion' | 'eventId' | 'at'>,
  { deadline }: Pick<Invocation, 'deadline'>,
): Promise<void> {
  const { Entries = [] } = await bus.send(
    new PutEventsCommand({
      Entries: [
        {
          EventBusName: env('EVENT_BUS'),
          Source: SOURCE,
          DetailType: type,
          Time: new Date(at),
          Detail: JSON.stringify({ schemaVersion: SCHEMA_VERSION, eventId, at, ...data }),
        },
      ],
    }),
    abortAt(deadline),
  );
  // The call succeeds even where an entry does not.
  const refused = Entries.find(({ ErrorCode }) => ErrorCode !== undefined);
  if (refused) throw new Error(`The event bus did not take ${type}: ${refused.ErrorCode} ${refused.ErrorMessage ?? ''}`);
}
