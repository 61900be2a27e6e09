import { type AlarmKind, type AlarmRow, mathOf, metricOf } from './alarm';
import { ownMetric } from './functions';

/** A DAX cluster. */
export interface WatchedCache {
  /** What its alarms are named after: its own name is generated. */
  readonly name: string;
  readonly clusterName: string;
  readonly nodeType: string;
  /** The flows that use it. */
  readonly flows: readonly string[];
}

/**
 * Its metrics are there only while they are not zero, so what is divided is filled with zeros.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/dax-metrics-dimensions-dax.html
 */
const NAMESPACE = 'AWS/DAX';

/** A metric of the whole cluster. */
export const cacheMetric = ({ clusterName }: WatchedCache, name: string, statistic: string, minutes?: number) =>
  metricOf(NAMESPACE, name, { ClusterId: clusterName }, statistic, minutes);

const KINDS = {
  misses: {
    name: 'few-hits',
    metrics: ['ItemCacheHits', 'ItemCacheMisses'],
    raised: 'less than 50 % for half an hour: by then a cache is warm',
    evaluation: { datapoints: 6, of: 6, minutes: 5 },
    below: true,
    means: 'The item cache seldom has what is asked for.',
    first: 'See whether it evicts (too small) or its TTL is short for how often a product is asked for; docs/dax.md says when DAX is worth it.',
    graph: 'item cache, hits (%)',
  },
  failed: {
    name: 'failed',
    metrics: ['FailedRequestCount', 'TotalRequestCount'],
    raised: '5 % of all requests: conditions that were not met are among them',
    evaluation: { datapoints: 3, of: 3, minutes: 5 },
    means: 'Requests to the cluster fail, by their own fault or by its.',
    first: 'Compare ErrorRequestCount (the request: its role, its condition, throttling) and FaultRequestCount (the cluster) on the dashboard.',
    graph: 'failed (%)',
  },
  faults: {
    name: 'faults',
    metrics: ['FaultRequestCount'],
    raised: 'any, more than once',
    evaluation: { datapoints: 2, of: 3, minutes: 5 },
    means: 'The cluster has internal errors. Reads go to DynamoDB meanwhile.',
    first: 'See the events of the cluster, and whether a node is being replaced.',
    graph: 'faults',
  },
  unanswered: {
    name: 'unanswered',
    metrics: ['DaxUnanswered'],
    raised: 'ten, more than once: one now and then is a connection that was closed',
    evaluation: { datapoints: 2, of: 3, minutes: 5 },
    means: 'The functions get no answer of the cluster, which it cannot count itself: reads wait for it and go to DynamoDB, writes of products answer 503.',
    first: 'See whether its nodes are there, and what its network rejected (the flow log). To go around it take DAX_ENDPOINT away: docs/deploy.md.',
    graph: 'without an answer',
  },
  evicts: {
    name: 'evicts',
    metrics: ['EvictedSize'],
    raised: 'any for half an hour: a full cache evicts now and then',
    evaluation: { datapoints: 6, of: 6, minutes: 5 },
    means: 'The cluster makes room all the time: what is asked for does not fit.',
    first: 'Take a larger node type; more nodes do not help, since each has all of it.',
    graph: 'evicted (bytes)',
  },
  busy: {
    name: 'busy',
    metrics: ['CPUUtilization'],
    raised: '80 % on average: the others must bear it when a node fails',
    evaluation: { datapoints: 3, of: 3, minutes: 5 },
    means: 'The cluster is near what its processors can do.',
    first: 'Add a node, since reads are shared among them; for writes take a larger node type.',
    graph: 'CPU (%)',
  },
} as const satisfies Record<string, AlarmKind>;

/** Every kind in this file. */
export const CACHE_KINDS: readonly AlarmKind[] = Object.values(KINDS);

/** The alarms on a cluster. */
export function cacheAlarms(cache: WatchedCache): AlarmRow[] {
  const metric = (kind: AlarmKind, name: string, statistic: string) => cacheMetric(cache, name, statistic, kind.evaluation.minutes);
  const percent = (kind: AlarmKind, expression: string, using: Record<string, string>) =>
    mathOf(expression, Object.fromEntries(Object.entries(using).map(([id, name]) => [id, metric(kind, name, 'Sum')])), `${kind.name} (%)`, kind.evaluation.minutes);
  const rows = [
    { kind: KINDS.misses, metric: percent(KINDS.misses, '100 * FILL(hits, 0) / (FILL(hits, 0) + FILL(misses, 0))', { hits: 'ItemCacheHits', misses: 'ItemCacheMisses' }), threshold: 50 },
    { kind: KINDS.failed, metric: percent(KINDS.failed, '100 * FILL(failed, 0) / all', { failed: 'FailedRequestCount', all: 'TotalRequestCount' }), threshold: 5 },
    { kind: KINDS.faults, metric: metric(KINDS.faults, 'FaultRequestCount', 'Sum'), threshold: 1 },
    {
      kind: KINDS.unanswered,
      metric: mathOf(
        'SUM(METRICS())',
        Object.fromEntries(cache.flows.map((flow, index) => [`m${index}`, ownMetric(flow, 'DaxUnanswered', 'Sum', KINDS.unanswered.evaluation.minutes)])),
        KINDS.unanswered.name,
        KINDS.unanswered.evaluation.minutes,
      ),
      threshold: 10,
    },
    { kind: KINDS.evicts, metric: metric(KINDS.evicts, 'EvictedSize', 'Average'), threshold: 1 },
    { kind: KINDS.busy, metric: metric(KINDS.busy, 'CPUUtilization', 'Average'), threshold: 80 },
  ];
  return rows.map((row) => ({ ...row, of: cache.name }));
}
