import type { AlarmKind, AlarmRow } from './alarm';
import { CACHE_KINDS, cacheAlarms, type WatchedCache } from './cache';
import { apiAlarms, concurrencyAlarms, FUNCTION_KINDS, functionAlarms, mappingAlarms, type WatchedConsumer, type WatchedFlow } from './functions';
import { QUEUE_KINDS, queueAlarms, type WatchedQueue } from './queues';
import { indexAlarms, replicationAlarms, TABLE_KINDS, tableAlarms, type WatchedTable } from './tables';

/** What of the store is in one region. */
export interface WatchedRegion {
  /** What every name begins with. */
  readonly prefix: string;
  readonly apiId: string;
  readonly flows: readonly WatchedFlow[];
  /** In the home region only, and so are the queues. */
  readonly consumers: readonly WatchedConsumer[];
  readonly queues: readonly WatchedQueue[];
  readonly tables: readonly WatchedTable[];
  readonly cache?: WatchedCache;
}

/** The alarms on one resource, or on some that are looked at together; `of` is a heading for a person. */
export interface WatchedAlarms {
  readonly of: string;
  readonly alarms: readonly AlarmRow[];
}

/** What alarms a region has, by what one looks for: each is a row of its dashboard. */
export const CONCERNS = {
  'API and flows': ({ apiId, flows, prefix }) => [
    { of: 'API', alarms: apiAlarms(prefix, apiId) },
    { of: 'Flows', alarms: flows.flatMap(functionAlarms) },
    { of: 'All functions', alarms: concurrencyAlarms(prefix) },
  ],
  Tables: ({ tables }) => tables.map((table) => ({ of: table.tableName, alarms: tableAlarms(table) })),
  Indexes: ({ tables }) =>
    tables.flatMap((table) => table.globalIndexes.map((index) => ({ of: `${table.tableName}, ${index}`, alarms: indexAlarms(table, index) }))),
  Replication: ({ tables }) => [{ of: 'Tables', alarms: tables.flatMap(replicationAlarms) }],
  'Streams and consumers': ({ consumers }) => [
    { of: 'Consumers', alarms: consumers.flatMap((consumer) => [...functionAlarms(consumer), ...mappingAlarms(consumer)]) },
  ],
  Queues: ({ queues }) => [{ of: 'Queues', alarms: queues.flatMap(queueAlarms) }],
  DAX: ({ cache }) => (cache ? [{ of: cache.name, alarms: cacheAlarms(cache) }] : []),
} as const satisfies Record<string, (region: WatchedRegion) => WatchedAlarms[]>;

export type Concern = keyof typeof CONCERNS;

/** Every kind of alarm that there is: the rows of docs/observability.md. */
export const ALARM_KINDS: readonly AlarmKind[] = [...TABLE_KINDS, ...FUNCTION_KINDS, ...QUEUE_KINDS, ...CACHE_KINDS];
