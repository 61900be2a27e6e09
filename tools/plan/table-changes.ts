import { counted, type Finding, listed, type Note } from './finding';

/** What is read of an AWS::DynamoDB::GlobalTable or AWS::DynamoDB::Table. */
export interface TableProperties {
  TableName?: unknown;
  AttributeDefinitions?: { AttributeName: string; AttributeType: string }[];
  KeySchema?: KeySchema;
  GlobalSecondaryIndexes?: Index[];
  LocalSecondaryIndexes?: Index[];
  BillingMode?: string;
  Replicas?: { Region: string; DeletionProtectionEnabled?: boolean }[];
  StreamSpecification?: { StreamViewType?: string };
  TimeToLiveSpecification?: { Enabled?: boolean; AttributeName?: string };
  MultiRegionConsistency?: string;
  WarmThroughput?: WarmThroughput;
}

type KeySchema = { AttributeName: string; KeyType: string }[];

interface Index {
  IndexName: string;
  KeySchema: KeySchema;
  Projection?: { ProjectionType?: string; NonKeyAttributes?: string[] };
  WarmThroughput?: WarmThroughput;
}

interface WarmThroughput {
  ReadUnitsPerSecond?: number;
  WriteUnitsPerSecond?: number;
}

/** A table that is deployed, and what an update would make of it. */
export interface TableChange {
  where: string;
  /** The physical name, or the logical id where there is none. */
  name: string;
  /** Of the stack: the home region. */
  region: string;
  before: TableProperties;
  after: TableProperties;
}

/**
 * What DynamoDB and CloudFormation refuse of an update of a table, or take for another table.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
 */
export const tableFindings = (change: TableChange): Finding[] =>
  RULES.flatMap((rule) => rule(change).map((finding) => ({ where: change.where, ...finding })));

type Rule = (change: TableChange) => Omit<Finding, 'where'>[];

const MIGRATE =
  'Or add a second table under another construct id and name, copy the items, move the readers and writers, and remove this one in a ' +
  'release of its own.';

const tableName: Rule = ({ before, after }) => {
  if (text(before.TableName) === text(after.TableName)) return [];
  return [
    {
      what: `TableName changes from ${text(before.TableName)} to ${text(after.TableName)}: CloudFormation replaces the table`,
      why: 'A table cannot be renamed: the one of the new name is new and empty, and who names the old one fails.',
      instead: [`Keep the name ${text(before.TableName)}.`, MIGRATE],
    },
  ];
};

const key: Rule = ({ before, after }) => {
  if (keyText(before.KeySchema, before) === keyText(after.KeySchema, after)) return [];
  return [
    {
      what: `the key changes from ${keyText(before.KeySchema, before)} to ${keyText(after.KeySchema, after)}`,
      why: 'The key and the types of its attributes are fixed when a table is created: CloudFormation replaces it by a new, empty one.',
      instead: ['Keep the key; a global secondary index serves items under another one.', MIGRATE],
    },
  ];
};

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html */
const localIndexes: Rule = ({ before, after }) => {
  const { added, removed, changed } = indexChanges(before, after, 'LocalSecondaryIndexes');
  const names = ({ LocalSecondaryIndexes = [] }: TableProperties) => LocalSecondaryIndexes.map(({ IndexName }) => IndexName);
  const isReordered = added.length + removed.length + changed.length === 0 && listed(names(before)) !== listed(names(after));
  const what = [
    ...(added.length > 0 ? [`local secondary index ${listed(added)} is added`] : []),
    ...(removed.length > 0 ? [`local secondary index ${listed(removed)} is removed`] : []),
    ...changed.map((name) => `local secondary index ${name} changes ${fromTo(before, after, 'LocalSecondaryIndexes', name)}`),
    ...(isReordered ? [`the local secondary indexes stand in another order (${listed(names(after))})`] : []),
  ];
  if (what.length === 0) return [];
  return [
    {
      what: what.join('; '),
      why: 'Local secondary indexes are made with the table and stay as they are: CloudFormation replaces the table by a new, empty one.',
      instead: [
        ...(added.length > 0 ? ['Add a global secondary index: it can be added to a table that has items.'] : []),
        ...(removed.length > 0 ? ['Keep the index; one that nobody reads costs its writes and its storage.'] : []),
        ...(changed.length > 0 || isReordered ? ['Keep the index as it is.'] : []),
        MIGRATE,
      ],
    },
  ];
};

/** Nothing but the throughput of an index can be updated. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html */
const changedIndexes: Rule = ({ name: table, before, after }) =>
  indexChanges(before, after, 'GlobalSecondaryIndexes').changed.map((name) => ({
    what: `global secondary index ${name} changes in place ${fromTo(before, after, 'GlobalSecondaryIndexes', name)}`,
    why: 'The keys and the projection of an index are fixed when it is created; DynamoDB refuses to change them.',
    order: [
      `Leave ${name} as it is, add the new one under another name and deploy; wait until it is ACTIVE: ${statusCommand(table)}`,
      `Let the readers query the new index, and deploy.`,
      `Remove ${name}, and deploy.`,
    ],
  }));

/** "You can only create or delete one global secondary index in a single stack operation": of one table. */
const indexCount: Rule = ({ name: table, before, after }) => {
  const { added, removed } = indexChanges(before, after, 'GlobalSecondaryIndexes');
  if (added.length + removed.length < 2) return [];
  return [
    {
      what: `${added.length + removed.length} global secondary indexes change in one update: ${listChanges(added, removed)}`,
      why: 'DynamoDB creates or deletes one global secondary index of a table in an update, and CloudFormation sends all of them at once.',
      order: [
        ...added.map((name, index) =>
          index === 0
            ? `Deploy first with only ${name} added and nothing removed; wait until it is ACTIVE: ${statusCommand(table)}`
            : `Then with ${name} added too; wait until it is ACTIVE.`,
        ),
        ...(added.length > 0 && removed.length > 0 ? [`Let the readers of ${listed(removed)} query the new index, and deploy.`] : []),
        ...removed.map((name, index) => (added.length + index === 0 ? `Deploy first with only ${name} removed.` : `Then with ${name} removed.`)),
      ],
    },
  ];
};

const listChanges = (added: string[], removed: string[]) =>
  [...(added.length > 0 ? [`${listed(added)} added`] : []), ...(removed.length > 0 ? [`${listed(removed)} removed`] : [])].join(', ');

const statusCommand = (table: string) =>
  `aws dynamodb describe-table --table-name ${table} --query 'Table.GlobalSecondaryIndexes[].[IndexName,IndexStatus]'`;

/** "You can only add or remove a single replica in each update"; a strongly consistent table takes all at once. */
const replicas: Rule = ({ region, before, after }) => {
  const { added, removed } = replicaChanges(before, after, region);
  if (added.length + removed.length < 2 || after.MultiRegionConsistency === 'STRONG') return [];
  return [
    {
      what: `${added.length + removed.length} replicas change in one update: ${listChanges(added, removed)}`,
      why: 'CloudFormation adds or removes one replica of a global table in an update.',
      order: [...added.map((replica) => `${replica} added`), ...removed.map((replica) => `${replica} removed, once nobody reads there`)].map(
        (step, index) => (index === 0 ? `Deploy first with only ${step}, and nothing else changed.` : `Then with ${step}.`),
      ),
    },
  ];
};

const homeReplica: Rule = ({ region, before, after }) => {
  if (!regionsOf(before, region).includes(region) || regionsOf(after, region).includes(region)) return [];
  return [
    {
      what: `the replica of the home region ${region} is removed`,
      why: 'A global table must have a replica in the region of its stack; CloudFormation refuses to remove that one.',
      instead: [`Keep ${region} among the regions of the table.`],
    },
  ];
};

/** "You can only change the streams settings if your global table has only one replica." */
const streamView: Rule = ({ region, before, after }) => {
  const [from, to] = [before, after].map((table) => table.StreamSpecification?.StreamViewType);
  const most = Math.max(regionsOf(before, region).length, regionsOf(after, region).length);
  if (from === to || most < 2 || after.MultiRegionConsistency === 'STRONG') return [];
  const isGrowing = regionsOf(before, region).length < 2;
  return [
    {
      what: `the stream view changes from ${from ?? 'no stream'} to ${to ?? 'no stream'} of a table with ${counted(most, 'replica')}`,
      why: 'CloudFormation changes the stream of a global table only while it has one replica.',
      ...(isGrowing && to !== undefined
        ? { order: [`Deploy first with the stream view ${to} and no replica added.`, 'Then add the replicas, one in an update.'] }
        : { instead: [`Keep ${from ?? 'the table without a stream'}; or remove the replicas one by one, change the view, and add them again.`] }),
    },
  ];
};

/**
 * "You cannot change a global table's consistency mode after creation."
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GlobalTables.html
 */
const consistency: Rule = ({ before, after }) => {
  const [from, to] = [before, after].map(({ MultiRegionConsistency = 'EVENTUAL' }) => MultiRegionConsistency);
  if (from === to) return [];
  return [
    {
      what: `MultiRegionConsistency changes from ${from} to ${to}`,
      why: 'The consistency mode is chosen when a global table is created; a table that has items cannot become strongly consistent.',
      instead: [`Keep ${from}.`, MIGRATE],
    },
  ];
};

/** One change of TTL in an hour. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html */
const timeToLive: Rule = ({ before, after }) => {
  const [from, to] = [before, after].map(timeToLiveOf);
  if (from === undefined || to === undefined || from === to) return [];
  return [
    {
      what: `TTL moves from the attribute ${from} to ${to} in one update`,
      why: 'TTL must be disabled before it is enabled with another attribute, and DynamoDB takes one change of it in an hour.',
      order: ['Deploy first without TTL, and wait an hour.', `Then deploy with TTL on ${to}: what has a time in it that is past goes within days.`],
    },
  ];
};

/**
 * "Once increased, warm throughput values can't be decreased."
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html
 */
const warmThroughput: Rule = ({ before, after }) => {
  const of = ({ WarmThroughput: own, GlobalSecondaryIndexes: indexes = [] }: TableProperties) =>
    new Map([['the table', own], ...indexes.map((index) => [index.IndexName, index.WarmThroughput] as const)]);
  const now = of(after);
  return [...of(before)].flatMap(([name, warm]) =>
    (['ReadUnitsPerSecond', 'WriteUnitsPerSecond'] as const)
      .filter((unit) => (now.get(name)?.[unit] ?? Infinity) < (warm?.[unit] ?? 0))
      .map((unit) => ({
        what: `the warm throughput of ${name} goes down (${unit} from ${warm?.[unit]} to ${now.get(name)?.[unit]})`,
        why: 'DynamoDB refuses to decrease a warm throughput.',
        instead: [`Keep ${unit} at ${warm?.[unit]}, or leave WarmThroughput out.`],
      })),
  );
};

const RULES: readonly Rule[] = [
  tableName,
  key,
  localIndexes,
  changedIndexes,
  indexCount,
  replicas,
  homeReplica,
  streamView,
  consistency,
  timeToLive,
  warmThroughput,
];

/** What passes and takes time, costs or surprises. */
export function tableNotes({ where, name, region, before, after }: TableChange): Note[] {
  const { added, removed } = indexChanges(before, after, 'GlobalSecondaryIndexes');
  const regions = replicaChanges(before, after, region);
  const [viewBefore, viewAfter] = [before, after].map((table) => table.StreamSpecification?.StreamViewType);
  const [ttlBefore, ttlAfter] = [before, after].map(timeToLiveOf);
  const notes = [
    ...(added.length === 1
      ? [`index ${added[0]} is added: its backfill writes each item that it holds once; query it when it is ACTIVE: ${statusCommand(name)}`]
      : []),
    ...(removed.length === 1 ? [`index ${removed[0]} is removed: deploy first what no longer queries it`] : []),
    ...(regions.added.length === 1
      ? [`a replica in ${regions.added[0]} is added: it takes minutes to hours, and each write is charged in each region`]
      : []),
    ...(regions.removed.length === 1
      ? [
          `the replica in ${regions.removed[0]} is removed: who reads there must have moved${
            isProtected(before, regions.removed[0]) ? `, and it must be unprotected first: ${unprotectCommand(name, regions.removed[0])}` : ''
          }`,
        ]
      : []),
    ...(added.length + removed.length > 0 && regions.added.length + regions.removed.length > 0
      ? ['an index and a replica change in one update: AWS recommends one for the replica alone; one that fails may leave it behind']
      : []),
    ...(viewBefore !== viewAfter && viewBefore !== undefined
      ? [`the stream view changes from ${viewBefore} to ${viewAfter ?? 'no stream'}: the stream gets another ARN, and its consumers begin anew`]
      : []),
    ...(ttlBefore === undefined && ttlAfter !== undefined
      ? [`TTL is enabled on ${ttlAfter}: what has a time in it that is past goes within days`]
      : []),
    ...(ttlBefore !== undefined && ttlAfter === undefined
      ? [`TTL on ${ttlBefore} is disabled: nothing expires any more, and for an hour nothing can enable it again`]
      : []),
    ...(billing(before) === billing(after)
      ? []
      : [`billing switches from ${billing(before)} to ${billing(after)}: to on-demand, DynamoDB takes four switches in 24 hours`]),
  ];
  return notes.map((what) => ({ where, what }));
}

/** Deletion protection is of each replica. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables-bestpractices.html */
const isProtected = ({ Replicas = [] }: TableProperties, region: string | undefined) =>
  Replicas.some(({ Region, DeletionProtectionEnabled }) => Region === region && DeletionProtectionEnabled);

const unprotectCommand = (name: string, region: string | undefined) =>
  `aws dynamodb update-table --table-name ${name} --region ${region} --no-deletion-protection-enabled`;

const billing = ({ BillingMode = 'PROVISIONED' }: TableProperties) => BillingMode;

const text = (value: unknown) => (value === undefined ? 'a generated one' : typeof value === 'string' ? value : JSON.stringify(value));

const timeToLiveOf = ({ TimeToLiveSpecification: { Enabled, AttributeName } = {} }: TableProperties) => (Enabled ? AttributeName : undefined);

/** An AWS::DynamoDB::Table has no list of replicas. */
const regionsOf = ({ Replicas }: TableProperties, home: string) => Replicas?.map(({ Region }) => Region) ?? [home];

function replicaChanges(before: TableProperties, after: TableProperties, home: string) {
  const [was, is] = [regionsOf(before, home), regionsOf(after, home)];
  return { added: is.filter((region) => !was.includes(region)), removed: was.filter((region) => !is.includes(region)) };
}

type Kind = 'GlobalSecondaryIndexes' | 'LocalSecondaryIndexes';

function indexChanges(before: TableProperties, after: TableProperties, kind: Kind) {
  const [was, is] = [indexTexts(before, kind), indexTexts(after, kind)];
  return {
    added: [...is.keys()].filter((name) => !was.has(name)),
    removed: [...was.keys()].filter((name) => !is.has(name)),
    changed: [...is.keys()].filter((name) => was.has(name) && was.get(name) !== is.get(name)),
  };
}

const fromTo = (before: TableProperties, after: TableProperties, kind: Kind, name: string) =>
  `from ${indexTexts(before, kind).get(name)} to ${indexTexts(after, kind).get(name)}`;

/** Everything of an index that is fixed when it is created. The order of what it projects has no meaning. */
const indexTexts = (table: TableProperties, kind: Kind) =>
  new Map(
    (table[kind] ?? []).map(({ IndexName, KeySchema, Projection: { ProjectionType = 'ALL', NonKeyAttributes = [] } = {} }) => [
      IndexName,
      `${keyText(KeySchema, table)} ${ProjectionType}${NonKeyAttributes.length > 0 ? ` ${[...NonKeyAttributes].sort().join(' ')}` : ''}`,
    ]),
  );

/** As `pk (S) / sk (S)`. */
const keyText = (schema: KeySchema | undefined, { AttributeDefinitions = [] }: TableProperties) =>
  (schema ?? [])
    .map(({ AttributeName, KeyType }) => {
      const type = AttributeDefinitions.find((definition) => definition.AttributeName === AttributeName)?.AttributeType;
      return `${KeyType} ${AttributeName} (${type ?? 'no type'})`;
    })
    .join(' / ');
