import type { CapacityConfig } from '../config';
import { type AlarmKind, type AlarmRow, metricOf } from './alarm';

/**
 * Why DynamoDB throttles, and in which capacity mode it can. Each reason has a metric for reads and one for writes.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TroubleshootingThrottling-cloudwatch.html
 */
const REASONS = [
  {
    name: 'hot-key',
    metric: 'KeyRangeThroughputThrottleEvents',
    modes: ['on-demand', 'provisioned'],
    because: ({ ofPartition }) => `one range of keys wants more than the ${ofPartition} units a second of a partition.`,
    first: () => 'See in Contributor Insights which key it is, and spread it over more partition keys, as statusShards does.',
  },
  {
    name: 'ceiling',
    metric: 'MaxOnDemandThroughputThrottleEvents',
    modes: ['on-demand'],
    because: () => 'they are more than the ceiling.',
    first: ({ kind }) => `See on the dashboard which flow uses the units; if it is meant to, raise max${kind}Units.`,
  },
  {
    name: 'account-limit',
    metric: 'AccountLimitThrottleEvents',
    modes: ['on-demand'],
    because: () => "they are more than the account's quota of one table or index in this region.",
    first: () => 'Ask for more in Service Quotas (DynamoDB, table-level throughput).',
  },
  {
    name: 'provisioned',
    metric: 'ProvisionedThroughputThrottleEvents',
    modes: ['provisioned'],
    because: () => 'they are more than is provisioned, and auto-scaling takes minutes to follow.',
    first: ({ kind }) => `Raise min${kind}Units to what such a burst begins with, or max${kind}Units where it is reached.`,
  },
] as const satisfies readonly Reason[];

interface Reason {
  readonly name: string;
  readonly metric: string;
  readonly modes: readonly CapacityConfig['mode'][];
  readonly because: (throttled: Throttled) => string;
  readonly first: (throttled: Throttled) => string;
}

interface Throttled {
  readonly name: string;
  readonly kind: 'Read' | 'Write';
  readonly ofPartition: string;
  readonly what: string;
  readonly graph: string;
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html */
export const READS: Throttled = { name: 'reads', kind: 'Read', ofPartition: '3,000 read', what: 'Reads are throttled:', graph: 'throttled' };
export const WRITES: Throttled = { name: 'writes', kind: 'Write', ofPartition: '1,000 write', what: 'Writes are throttled:', graph: 'throttled' };
/**
 * An index that cannot take the writes of its table makes DynamoDB throttle these: the metric is the index's, the calls that
 * fail are the table's.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/gsi-throttling.html
 */
export const BACK_PRESSURE: Throttled = {
  ...WRITES,
  name: 'back-pressure',
  what: 'Writes to the table are throttled, since this index cannot take them:',
  graph: 'back-pressure: throttled writes of the table',
};

const throttling = (throttled: Throttled, reason: Reason): AlarmKind => ({
  name: `${throttled.name}-${reason.name}`,
  metrics: [`${throttled.kind}${reason.metric}`],
  raised: 'any, for minutes: what is throttled for a moment the SDK repeats',
  evaluation: { datapoints: 3, of: 5, minutes: 1 },
  means: `${throttled.what} ${reason.because(throttled)}`,
  first: reason.first(throttled),
  graph: throttled.graph,
});

/** Every kind in this file. */
export const THROTTLING_KINDS: readonly AlarmKind[] = [READS, WRITES, BACK_PRESSURE].flatMap((throttled) => REASONS.map((reason) => throttling(throttled, reason)));

/**
 * The alarms on throttled requests, for each reason that the capacity mode has.
 * @param of the table, or the index
 */
export function throttlingAlarms(mode: CapacityConfig['mode'], of: string, dimensions: Record<string, string>, throttled: readonly Throttled[]): AlarmRow[] {
  const reasons = (REASONS as readonly Reason[]).filter(({ modes }) => modes.includes(mode));
  return throttled.flatMap((requests) =>
    reasons.map((reason) => {
      const kind = throttling(requests, reason);
      return { kind, of, metric: metricOf('AWS/DynamoDB', `${requests.kind}${reason.metric}`, dimensions, 'Sum', kind.evaluation.minutes), threshold: 1 };
    }),
  );
}
