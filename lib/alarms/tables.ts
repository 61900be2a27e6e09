import type { CapacityConfig } from '../config';
import type { Operation } from '../data-access';
import { type AlarmKind, type AlarmRow, mathOf, metricOf } from './alarm';
import { BACK_PRESSURE, READS, THROTTLING_KINDS, throttlingAlarms, WRITES } from './throttling';

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

const KINDS = {
  readErrors: systemErrors('Read'),
  writeErrors: systemErrors('Write'),
  latency: {
    name: 'latency',
    metrics: ['SuccessfulRequestLatency'],
    raised: 'p99 of 50 ms for one item, 100 for several, 200 for a transaction, 500 for a page of a Scan: some ten times what is usual',
    evaluation: { datapoints: 3, of: 3, minutes: 5 },
    means: 'An operation that succeeds is slow in DynamoDB itself, network and retries not counted.',
    first: 'See in the AWS Health Dashboard whether DynamoDB has trouble; if not, whether items or pages have grown.',
    graph: 'latency, p99 (ms)',
  },
  readsNearCeiling: nearCeiling('Read'),
  writesNearCeiling: nearCeiling('Write'),
  readsNearProvisioned: nearProvisioned('Read'),
  writesNearProvisioned: nearProvisioned('Write'),
  replication: {
    name: 'replication',
    metrics: ['ReplicationLatency'],
    raised: 'an average of 30 s, where a second is usual: a person notices that a cart lags',
    evaluation: { datapoints: 3, of: 3, minutes: 5 },
    means: 'Changes come late to the other region: its carts, sessions and product pages are older than they say.',
    first: 'See whether the replica is throttled there (its alarms), and the AWS Health Dashboard of both regions.',
    graph: 'replication latency (ms)',
  },
} as const satisfies Record<string, AlarmKind>;

function systemErrors(kind: 'Read' | 'Write'): AlarmKind {
  return {
    name: `${kind.toLowerCase()}-errors`,
    metrics: ['SystemErrors'],
    raised: 'any, more than once: a single one the SDK repeats',
    evaluation: { datapoints: 2, of: 3, minutes: 5 },
    means: `DynamoDB answers ${kind.toLowerCase()}s with internal errors (500).`,
    first: 'See in the AWS Health Dashboard whether DynamoDB has trouble; there is nothing to repair here.',
    graph: 'internal errors',
  };
}

function nearCeiling(kind: 'Read' | 'Write'): AlarmKind {
  return {
    name: `${kind.toLowerCase()}s-near-ceiling`,
    metrics: [`Consumed${kind}CapacityUnits`],
    raised: '80 % of the ceiling on average over the minute: its seconds differ, and some are throttled before all are',
    evaluation: { datapoints: 5, of: 5, minutes: 1 },
    means: `${kind} units are near the ceiling, beyond which DynamoDB throttles.`,
    first: `See on the dashboard which flow uses them; if it is meant to, raise max${kind}Units.`,
    graph: 'units a minute',
  };
}

function nearProvisioned(kind: 'Read' | 'Write'): AlarmKind {
  return {
    name: `${kind.toLowerCase()}s-near-provisioned`,
    metrics: [`Consumed${kind}CapacityUnits`, `Provisioned${kind}CapacityUnits`],
    raised: 'half-way between the share that auto-scaling aims at (targetUtilization) and all of it',
    evaluation: { datapoints: 3, of: 3, minutes: 5 },
    means: `More ${kind.toLowerCase()} units are used than auto-scaling aims at, and it does not follow: it is at its maximum, or cannot.`,
    first: `Raise max${kind}Units where it is reached; else see why auto-scaling fails (its activities in Application Auto Scaling).`,
    graph: 'used of what is provisioned (%)',
  };
}

/** Every kind of a table and its indexes. */
export const TABLE_KINDS: readonly AlarmKind[] = [...THROTTLING_KINDS, ...Object.values(KINDS)];

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

/** Percent of the ceiling. */
const NEAR = 80;

const REPLICATION_MS = 30_000;

/** The alarms on a table, or on its replica: what its indexes have of their own is `indexAlarms`. */
export function tableAlarms(table: WatchedTable): AlarmRow[] {
  const { tableName, operations } = table;
  const TableName = tableName;
  const errors = (kind: AlarmKind, of: readonly Operation[]): AlarmRow[] => {
    if (of.length === 0) return [];
    const using = Object.fromEntries(
      of.map((Operation) => [`of${Operation}`, metricOf(NAMESPACE, 'SystemErrors', { TableName, Operation }, 'Sum', kind.evaluation.minutes)]),
    );
    return [{ kind, of: tableName, metric: mathOf(`SUM([${Object.keys(using).join(', ')}])`, using, kind.name, kind.evaluation.minutes), threshold: 1 }];
  };
  return [
    ...throttlingAlarms(table.capacity.mode, tableName, { TableName }, [READS, WRITES]),
    ...capacityAlarms(table, tableName, { TableName }),
    ...errors(KINDS.readErrors, operations.filter((operation) => READ_OPERATIONS.includes(operation))),
    ...errors(KINDS.writeErrors, operations.filter((operation) => !READ_OPERATIONS.includes(operation))),
    ...operations.map((Operation) => ({
      kind: KINDS.latency,
      of: tableName,
      detail: Operation,
      metric: metricOf(NAMESPACE, 'SuccessfulRequestLatency', { TableName, Operation }, 'p99', KINDS.latency.evaluation.minutes),
      threshold: LATENCY_MS[Operation],
    })),
  ];
}

/** The alarms on a global index, which has a capacity and partitions of its own. */
export function indexAlarms(table: WatchedTable, index: string): AlarmRow[] {
  const dimensions = { TableName: table.tableName, GlobalSecondaryIndexName: index };
  const of = `${table.tableName}-${index}`;
  return [...throttlingAlarms(table.capacity.mode, of, dimensions, [READS, BACK_PRESSURE]), ...capacityAlarms(table, of, dimensions)];
}

/** The alarms on what a table sends to its replicas. Each region has the metrics of what it sends. */
export function replicationAlarms({ tableName, otherRegions }: WatchedTable): AlarmRow[] {
  const kind = KINDS.replication;
  return otherRegions.map((ReceivingRegion) => ({
    kind,
    of: tableName,
    detail: ReceivingRegion,
    metric: metricOf(NAMESPACE, 'ReplicationLatency', { TableName: tableName, ReceivingRegion }, 'Average', kind.evaluation.minutes),
    threshold: REPLICATION_MS,
  }));
}

function capacityAlarms({ capacity }: WatchedTable, of: string, dimensions: Record<string, string>): AlarmRow[] {
  const rows = (onDemand: AlarmKind, provisioned: AlarmKind, { max }: CapacityConfig['read']): AlarmRow => {
    const kind = capacity.mode === 'on-demand' ? onDemand : provisioned;
    const { minutes } = kind.evaluation;
    const metric = (name: string, statistic: string) => metricOf(NAMESPACE, name, dimensions, statistic, minutes);
    const [consumedName, provisionedName] = kind.metrics as [string, string?];
    const consumed = metric(consumedName, 'Sum');
    if (provisionedName === undefined) return { kind, of, metric: consumed, threshold: (NEAR * max * 60 * minutes) / 100 };
    const [used, given] = [`of${consumedName}`, `of${provisionedName}`];
    const using = { [used]: consumed, [given]: metric(provisionedName, 'Average') };
    const percent = mathOf(`100 * ${used} / PERIOD(${used}) / ${given}`, using, `${kind.name} (%)`, minutes);
    return { kind, of, metric: percent, threshold: (capacity.targetUtilization + 100) / 2 };
  };
  return [
    rows(KINDS.readsNearCeiling, KINDS.readsNearProvisioned, capacity.read),
    rows(KINDS.writesNearCeiling, KINDS.writesNearProvisioned, capacity.write),
  ];
}
