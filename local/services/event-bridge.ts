import { randomUUID } from 'node:crypto';
import { ACCOUNT_ID } from '../resolve';
import type { AsyncInvocations } from './async-invocations';
import type { Outbox } from './outbox';
import type { Queues } from './queues';
import { busName, type Envelope, type Rule } from './rules';
import { jsonInput, jsonProtocol, type StandIn, ServiceError, targetOperation, MOST_JSON_BYTES } from './service';

const json = jsonProtocol('com.amazonaws.events', '1.1');

const MOST_ENTRIES = 10;
/** Of a date. */
const MOST_SECONDS = 8.64e12;
/** 1 MB since January 2026: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html */
const MOST_BYTES = 1024 * 1024;

/**
 * EventBridge's PutEvents, and what its rules do with the events.
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
export function eventBridgeService(options: {
  region: string;
  /** Their names. */
  buses: readonly string[];
  rules: readonly Rule[];
  outbox: Outbox;
  queues: Queues;
  asyncInvocations: AsyncInvocations;
  now(): number;
}): StandIn<'events'> {
  const { region, buses, rules, outbox, queues, asyncInvocations, now } = options;

  const busArn = (name: string) => `arn:aws:events:${region}:${ACCOUNT_ID}:event-bus/${name}`;

  const accept = (entry: Entry, bus: string, detail: Record<string, unknown>): string => {
    const event: Envelope = {
      version: '0',
      id: randomUUID(),
      'detail-type': String(entry.DetailType),
      source: String(entry.Source),
      account: ACCOUNT_ID,
      time: new Date(entry.Time === undefined ? now() : entry.Time * 1_000).toISOString().replace(/\.\d+/, ''),
      region,
      resources: entry.Resources ?? [],
      detail,
    };
    const matching = rules.filter((rule) => rule.bus === bus && rule.matches(event));
    outbox.add({
      kind: 'event',
      eventId: typeof detail.eventId === 'string' ? detail.eventId : event.id,
      bus,
      source: event.source,
      detailType: event['detail-type'],
      detail,
      rules: matching.map(({ name }) => name),
    });
    for (const { kind, arn, input } of matching.flatMap(({ targets }) => targets)) {
      if (kind === 'queue') queues.send(arn, input(event));
      if (kind === 'function') asyncInvocations.invoke(arn, input(event));
    }
    return event.id;
  };

  return {
    maxBodyBytes: MOST_JSON_BYTES,
    protocol: json,
    faults: {
      name: 'events',
      throttled: new ServiceError('ThrottlingException', 'Rate exceeded'),
      internalError: new ServiceError('InternalException', 'Internal exception.', 500),
    },
    operationOf: targetOperation,
    operations: {
      ListEventBuses(call) {
        call.authorize({ action: 'events:ListEventBuses', resource: '*' });
        const { NamePrefix = '' } = jsonInput(call) as { NamePrefix?: string };
        const found = buses.filter((name) => name.startsWith(NamePrefix));
        return json.reply({ EventBuses: found.map((Name) => ({ Name, Arn: busArn(Name) })) });
      },

      ListRules(call) {
        const { NamePrefix = '', EventBusName = 'default' } = jsonInput(call) as { NamePrefix?: string; EventBusName?: string };
        const bus = busName(EventBusName);
        call.authorize({ action: 'events:ListRules', resource: '*' });
        if (!buses.includes(bus)) throw new ServiceError('ResourceNotFoundException', `Event bus ${bus} does not exist.`);
        const found = rules.filter((rule) => rule.bus === bus && rule.name.startsWith(NamePrefix));
        const Rules = found.map(({ name, pattern }) => ({
          Name: name,
          Arn: `arn:aws:events:${region}:${ACCOUNT_ID}:rule/${bus === 'default' ? '' : `${bus}/`}${name}`,
          EventPattern: pattern,
          State: 'ENABLED',
          EventBusName: bus,
        }));
        return json.reply({ Rules });
      },

      PutEvents(call) {
        const Entries = entriesOf(jsonInput(call).Entries);
        if (Entries.length < 1 || Entries.length > MOST_ENTRIES) {
          throw new ServiceError('ValidationException', `Entries must have 1 to ${MOST_ENTRIES} members, not ${Entries.length}.`);
        }
        const named = Entries.map(({ EventBusName = 'default' }) => busName(EventBusName));
        const needs = [...new Set(named)].map((bus) => ({
          action: 'events:PutEvents',
          resource: busArn(bus),
        }));
        call.authorize(...needs);
        if (Entries.reduce((sum, entry) => sum + sizeOf(entry), 0) > MOST_BYTES) {
          throw new ServiceError('ValidationException', 'Total size of the entries in the request is over the limit.');
        }
        const results = Entries.map((entry, at) => {
          const bus = named[at] as string;
          const checked = check(entry);
          if ('ErrorCode' in checked) return checked;
          if (!buses.includes(bus)) {
            return { ErrorCode: 'ResourceNotFoundException', ErrorMessage: `Event bus ${bus} does not exist.` };
          }
          return { EventId: accept(entry, bus, checked.detail) };
        });
        return json.reply({ Entries: results, FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length });
      },
    },
  };
}

/**
 * The entries, each of which has the types that EventBridge reads: a request that it cannot read sends none of them.
 * @throws ServiceError SerializationException
 */
function entriesOf(entries: unknown): Entry[] {
  const isText = (value: unknown) => value === undefined || typeof value === 'string';
  const isEntry = (entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return false;
    const { Time, Resources, ...texts } = entry as Record<string, unknown>;
    const isTime = Time === undefined || (typeof Time === 'number' && Math.abs(Time) <= MOST_SECONDS);
    const areTexts = [texts.Source, texts.DetailType, texts.Detail, texts.EventBusName].every(isText);
    return isTime && areTexts && (Resources === undefined || (Array.isArray(Resources) && Resources.every((arn) => typeof arn === 'string')));
  };
  if (entries === undefined || entries === null) return [];
  if (Array.isArray(entries) && entries.every(isEntry)) return entries as Entry[];
  throw new ServiceError('SerializationException', 'Entries must be a list of entries; each has texts, a Time in epoch seconds and a list of Resources.');
}

/** The detail of an entry, or what is wrong with the entry. */
function check(entry: Entry): { detail: Record<string, unknown> } | { ErrorCode: string; ErrorMessage: string } {
  const missing = (['Source', 'DetailType', 'Detail'] as const).find((name) => !entry[name]);
  if (missing) {
    const ErrorMessage = `Parameter ${missing} is not valid. Reason: ${missing} is a required argument.`;
    return { ErrorCode: 'InvalidArgument', ErrorMessage };
  }
  if (entry.Source?.startsWith('aws.')) {
    return { ErrorCode: 'NotAuthorizedForSource', ErrorMessage: 'Not authorized for the source.' };
  }
  let detail: unknown;
  try {
    detail = JSON.parse(entry.Detail ?? '');
  } catch {
    detail = undefined;
  }
  if (typeof detail !== 'object' || detail === null || Array.isArray(detail)) {
    return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
  }
  return { detail: detail as Record<string, unknown> };
}

/** In bytes. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html */
function sizeOf({ Time, Source = '', DetailType = '', Detail = '', Resources = [] }: Entry): number {
  const bytes = [Source, DetailType, Detail, ...Resources].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes + (Time === undefined ? 0 : 14);
}

interface Entry {
  /** Epoch seconds. */
  Time?: number;
  Source?: string;
  DetailType?: string;
  Detail?: string;
  Resources?: string[];
  EventBusName?: string;
}
