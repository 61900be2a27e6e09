import type { CapacityConfig } from '../config';
import type { Operation } from '../data-access';
import { type AlarmKind, type AlarmRow, type Evaluation, mathOf, metricOf } from './alarm';

/** A table in one region. Its local indexes have no metrics of their own: they use the table's capacity. */
export interface WatchedTable {
  readonly tableName: string;
  readonly globalIndexes: readonly string[];
  readonly capacity: CapacityConfig;
  /** What functions call there. A replica that nobody calls has none. */
  readonly operations: readonly Operation[];
  /** The regions that its changes go to. */
  readonly otherRegions: readonly string[];
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html */
const NAMESPACE = 'AWS/DynamoDB';

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
const READS: Throttled = { name: 'reads', kind: 'Read', ofPartition: '3,000 read', what: 'Reads are throttled:', graph: 'throttled' };
const WRITES: Throttled = { name: 'writes', kind: 'Write', ofPartition: '1,000 write', what: 'Writes are throttled:', graph: 'throttled' };
/**
 * An index that cannot take the writes of its table makes DynamoDB throttle these: the metric is the index's, the calls that
 * fail are the table's.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/gsi-throttling.html
 */
const BACK_PRESSURE: Throttled = {
  ...WRITES,
  name: 'back-pressure',
  what: 'Writes to the table are throttled, since this index cannot take them:',
  graph: 'back-pressure: throttled writes of the table',
};

const throttling = (throttled: Throttled, reason: Reason): AlarmKind => ({
  name: `${throttled.name}-${reason.name}`,
  metrics: [`${throttled.kind}${reason.metric}`],
  raised: 'any, for minutes: what is throttled for a moment the SDK repeats',
  evaluation: [3, 5, 1],
  means: `${throttled.what} ${reason.because(throttled)}`,
  first: reason.first(throttled),
  graph: throttled.graph,
});

const KINDS = {
  readErrors: systemErrors('read'),
  writeErrors: systemErrors('write'),
  latency: {
    name: 'latency',
    metrics: ['SuccessfulRequestLatency'],
    raised: 'p99 of 50 ms for one item, 100 for several, 200 for a transaction, 500 for a page of a Scan: some ten times what is usual',
    evaluation: [3, 3, 5],
    means: 'An operation that succeeds is slow in DynamoDB itself, network and retries not counted.',
    first: 'See in the AWS Health Dashboard whether DynamoDB has trouble; if not, whether items or pages have grown.',
    graph: 'latency, p99 (ms)',
  },
  readsNearCeiling: nearCeiling('read'),
  writesNearCeiling: nearCeiling('write'),
  readsNearProvisioned: nearProvisioned('read'),
  writesNearProvisioned: nearProvisioned('write'),
  replication: {
    name: 'replication',
    metrics: ['ReplicationLatency'],
    raised: 'an average of 30 s, where a second is usual: a person notices that a cart lags',
    evaluation: [3, 3, 5],
    means: "Changes come late to the other region: its carts, sessions and product pages are older than they say.",
    first: 'See whether the replica is throttled there (its alarms), and the AWS Health Dashboard of both regions.',
    graph: 'replication latency (ms)',
  },
} as const satisfies Record<string, AlarmKind>;

function systemErrors(kind: 'read' | 'write'): AlarmKind {
  return {
    name: `${kind}-errors`,
    metrics: ['SystemErrors'],
    raised: 'any, more than once: a single one the SDK repeats',
    evaluation: [2, 3, 5],
    means: `DynamoDB answers ${kind}s with internal errors (500).`,
    first: 'See in the AWS Health Dashboard whether DynamoDB has trouble; there is nothing to repair here.',
    graph: 'internal errors',
  };
}

function nearCeiling(kind: 'read' | 'write'): AlarmKind {
  return {
    name: `${kind}s-near-ceiling`,
    metrics: [`Consumed${capital(kind)}CapacityUnits`],
    raised: '80 % of the ceiling on average over the minute: its seconds differ, and some are throttled before all are',
    evaluation: [5, 5, 1],
    means: `${capital(kind)} units are near the ceiling, beyond which DynamoDB throttles.`,
    first: `See on the dashboard which flow uses them; if it is meant to, raise max${capital(kind)}Units.`,
    graph: 'units a minute',
  };
}

function nearProvisioned(kind: 'read' | 'write'): AlarmKind {
  return {
    name: `${kind}s-near-provisioned`,
    metrics: [`Consumed${capital(kind)}CapacityUnits`, `Provisioned${capital(kind)}CapacityUnits`],
    raised: 'half-way between the share that auto-scaling aims at (targetUtilization) and all of it',
    evaluation: [3, 3, 5],
    means: `More ${kind} units are used than auto-scaling aims at, and it does not follow: it is at its maximum, or cannot.`,
    first: `Raise max${capital(kind)}Units where it is reached; else see why auto-scaling fails (its activities in Application Auto Scaling).`,
    graph: 'used of what is provisioned (%)',
  };
}

/** Every kind in this file. */
export const TABLE_KINDS: readonly AlarmKind[] = [
  ...[READS, WRITES, BACK_PRESSURE].flatMap((throttled) => REASONS.map((reason) => throttling(throttled, reason))),
  ...Object.values(KINDS),
];

/** p99 in milliseconds: what one operation may take. */
const LATENCY_MS: Record<Operation, number> = {
  GetItem: 50,
  PutItem: 50,
  UpdateItem: 50,
  DeleteItem: 50,
  BatchGetItem: 100,
  BatchWriteItem: 100,
  ExecuteStatement: 100,
  Query: 100,
  ExecuteTransaction: 200,
  TransactWriteItems: 200,
  Scan: 500,
};

const READ_OPERATIONS: readonly Operation[] = ['BatchGetItem', 'ExecuteStatement', 'GetItem', 'Query', 'Scan'];

/** Of the ceiling. */
const NEAR = 0.8;

const REPLICATION_MS = 30_000;

/** The alarms on a table, or on its replica: what its indexes have of their own is `indexAlarms`. */
export function tableAlarms(table: WatchedTable): AlarmRow[] {
  const { tableName, operations } = table;
  const TableName = tableName;
  const errors = (kind: AlarmKind, of: readonly Operation[]): AlarmRow[] => {
    if (of.length === 0) return [];
    const using = Object.fromEntries(
      of.map((Operation) => [`of${Operation}`, metricOf(NAMESPACE, 'SystemErrors', { TableName, Operation }, 'Sum', kind.evaluation)]),
    );
    return [{ kind, of: tableName, metric: mathOf(`SUM([${Object.keys(using).join(', ')}])`, using, kind.name, kind.evaluation), threshold: 1 }];
  };
  return [
    ...throttleAlarms(table, tableName, { TableName }, [READS, WRITES]),
    ...capacityAlarms(table, tableName, { TableName }),
    ...errors(KINDS.readErrors, operations.filter((operation) => READ_OPERATIONS.includes(operation))),
    ...errors(KINDS.writeErrors, operations.filter((operation) => !READ_OPERATIONS.includes(operation))),
    ...operations.map((Operation) => ({
      kind: KINDS.latency,
      of: tableName,
      detail: Operation,
      metric: metricOf(NAMESPACE, 'SuccessfulRequestLatency', { TableName, Operation }, 'p99', KINDS.latency.evaluation),
      threshold: LATENCY_MS[Operation],
    })),
  ];
}

/** The alarms on a global index, which has a capacity and partitions of its own. */
export function indexAlarms(table: WatchedTable, index: string): AlarmRow[] {
  const dimensions = { TableName: table.tableName, GlobalSecondaryIndexName: index };
  const of = `${table.tableName}-${index}`;
  return [...throttleAlarms(table, of, dimensions, [READS, BACK_PRESSURE]), ...capacityAlarms(table, of, dimensions)];
}

/** The alarms on what a table sends to its replicas. Each region has the metrics of what it sends. */
export function replicationAlarms({ tableName, otherRegions }: WatchedTable): AlarmRow[] {
  const kind = KINDS.replication;
  return otherRegions.map((ReceivingRegion) => ({
    kind,
    of: tableName,
    detail: ReceivingRegion,
    metric: metricOf(NAMESPACE, 'ReplicationLatency', { TableName: tableName, ReceivingRegion }, 'Average', kind.evaluation),
    threshold: REPLICATION_MS,
  }));
}

function throttleAlarms({ capacity }: WatchedTable, of: string, dimensions: Record<string, string>, throttled: Throttled[]): AlarmRow[] {
  const reasons = (REASONS as readonly Reason[]).filter(({ modes }) => modes.includes(capacity.mode));
  return throttled.flatMap((requests) =>
    reasons.map((reason) => {
      const kind = throttling(requests, reason);
      return { kind, of, metric: metricOf(NAMESPACE, kind.metrics[0] as string, dimensions, 'Sum', kind.evaluation), threshold: 1 };
    }),
  );
}

function capacityAlarms({ capacity }: WatchedTable, of: string, dimensions: Record<string, string>): AlarmRow[] {
  const metric = (name: string, statistic: string, evaluation: Evaluation) => metricOf(NAMESPACE, name, dimensions, statistic, evaluation);
  const rows = (onDemand: AlarmKind, provisioned: AlarmKind, { max }: CapacityConfig['read']): AlarmRow => {
    const kind = capacity.mode === 'on-demand' ? onDemand : provisioned;
    const [, , minutes] = kind.evaluation;
    const [consumedName, provisionedName] = kind.metrics as [string, string?];
    const consumed = metric(consumedName, 'Sum', kind.evaluation);
    if (provisionedName === undefined) return { kind, of, metric: consumed, threshold: NEAR * max * minutes * 60 };
    const [used, given] = [`of${consumedName}`, `of${provisionedName}`];
    const using = { [used]: consumed, [given]: metric(provisionedName, 'Average', kind.evaluation) };
    const percent = mathOf(`100 * ${used} / PERIOD(${used}) / ${given}`, using, `${kind.name} (%)`, kind.evaluation);
    return { kind, of, metric: percent, threshold: (capacity.targetUtilization + 100) / 2 };
  };
  return [
    rows(KINDS.readsNearCeiling, KINDS.readsNearProvisioned, capacity.read),
    rows(KINDS.writesNearCeiling, KINDS.writesNearProvisioned, capacity.write),
  ];
}

function capital<Text extends string>(text: Text): Capitalize<Text> {
  return `${text[0]?.toUpperCase()}${text.slice(1)}` as Capitalize<Text>;
}
