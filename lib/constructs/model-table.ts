import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import { Construct } from 'constructs';
import type { CapacityConfig } from '../config';

/** What is read of an ElectroDB entity: its public schema, and (see `keyType`) one internal field. */
export interface ModelEntity {
  readonly schema: {
    readonly model: { readonly entity: string };
    readonly attributes: Readonly<Record<string, { readonly type: unknown; readonly field?: string }>>;
    readonly indexes: Readonly<Record<string, ModelIndex>>;
  };
}

interface ModelIndex {
  readonly index?: string;
  readonly type?: string;
  readonly projection?: 'all' | 'keys_only' | readonly string[];
  readonly pk: IndexKey;
  readonly sk?: IndexKey;
}

interface IndexKey {
  readonly field: string;
  readonly composite: readonly string[];
}

/** The keys and indexes of one table, as its entities together define them. */
export interface TableSchema {
  partitionKey: dynamodb.Attribute;
  sortKey: dynamodb.Attribute;
  globalSecondaryIndexes: dynamodb.GlobalSecondaryIndexPropsV2[];
  localSecondaryIndexes: dynamodb.LocalSecondaryIndexProps[];
  timeToLiveAttribute?: string;
}

/** ElectroDB's own attributes: an item read from an index is only recognised as its entity's with them. */
const OWNERSHIP = ['__edb_e__', '__edb_v__'];

/** Every entity with this attribute expires by it. */
const TTL_ATTRIBUTE = 'expiresAt';

/**
 * Derives a table from the entities that live in it, so that no index is written down twice.
 *
 * - An index on the table's own partition key is a local one, any other a global one.
 * - Entities that share an index must agree on its keys; what it projects is the union of what they ask for.
 *
 * @throws Error naming both entities, when two define one key or index differently; and what DynamoDB would refuse
 */
export function tableSchema(entities: readonly ModelEntity[]): TableSchema {
  const indexes = new Map<string, SharedIndex>();
  for (const entity of entities) {
    for (const [pattern, definition] of Object.entries(entity.schema.indexes)) {
      const name = definition.index ?? '';
      const mine = readIndex(entity, pattern, definition);
      const shared = indexes.get(name);
      if (!shared) indexes.set(name, mine);
      else indexes.set(name, join(name, shared, mine));
    }
  }
  const table = indexes.get('');
  if (!table?.sk) throw new Error('The entities define no primary index with a sort key.');
  const secondary = [...indexes].filter(([name]) => name !== '').sort(([a], [b]) => a.localeCompare(b));
  const isLocal = ([, index]: [string, SharedIndex]) => index.pk.name === table.pk.name;
  requireWithin(secondary.filter((entry) => !isLocal(entry)), MAX_GLOBAL_INDEXES, 'global');
  requireWithin(secondary.filter(isLocal), MAX_LOCAL_INDEXES, 'local');
  const notSeconds = entities.find(({ schema: { attributes } }) => TTL_ATTRIBUTE in attributes && !isSeconds(attributes[TTL_ATTRIBUTE]));
  if (notSeconds) {
    throw new Error(`${notSeconds.schema.model.entity}.${TTL_ATTRIBUTE} is no number of that name in the table; DynamoDB's TTL takes epoch seconds only.`);
  }
  const keys = new Set([...indexes.values()].flatMap(({ pk, sk }) => [pk.name, ...(sk ? [sk.name] : [])]));

  return {
    partitionKey: table.pk,
    sortKey: table.sk,
    globalSecondaryIndexes: secondary
      .filter((entry) => !isLocal(entry))
      .map(([indexName, index]) => ({
        indexName,
        partitionKey: index.pk,
        ...(index.sk && { sortKey: index.sk }),
        ...projection(index, keys),
      })),
    localSecondaryIndexes: secondary.filter(isLocal).map(([indexName, index]) => {
      if (!index.sk) throw new Error(`Index ${indexName} of ${index.definedBy} is local and has no sort key.`);
      return { indexName, sortKey: index.sk, ...projection(index, keys) };
    }),
    ...(entities.some(({ schema }) => TTL_ATTRIBUTE in schema.attributes) && { timeToLiveAttribute: TTL_ATTRIBUTE }),
  };
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html */
const isSeconds = (attribute: { readonly type: unknown; readonly field?: string } | undefined) =>
  attribute?.type === 'number' && (attribute.field ?? TTL_ATTRIBUTE) === TTL_ATTRIBUTE;

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
const MAX_GLOBAL_INDEXES = 20;
const MAX_LOCAL_INDEXES = 5;
const MAX_KEY_ATTRIBUTES = 4;

/** @throws Error naming the index that is too many, and who asks for it */
function requireWithin(indexes: readonly [string, SharedIndex][], most: number, kind: 'global' | 'local'): void {
  const [name, index] = indexes[most] ?? [];
  if (!index) return;
  throw new Error(
    `The table would have ${indexes.length} ${kind} secondary indexes, ${name} of ${index.definedBy} among them; DynamoDB takes ${most}. ` +
      'Let entities share one (overload its keys), or give up an access pattern.',
  );
}

interface SharedIndex {
  /** The entity and access pattern that defined it first, as `Order.byStatus`. */
  definedBy: string;
  pk: dynamodb.Attribute;
  sk?: dynamodb.Attribute;
  projected: 'all' | Set<string>;
}

function readIndex(entity: ModelEntity, pattern: string, definition: ModelIndex): SharedIndex {
  const definedBy = `${entity.schema.model.entity}.${pattern}`;
  if (definition.type === 'composite') {
    for (const [part, key] of [['partition', definition.pk], ['sort', definition.sk]] as const) {
      const count = key?.composite.length ?? 0;
      if (count > MAX_KEY_ATTRIBUTES) throw new Error(`${definedBy} has ${count} attributes in its ${part} key; DynamoDB takes ${MAX_KEY_ATTRIBUTES}.`);
    }
    throw new Error(`${definedBy} has multi-attribute keys; this project composes keys as text (docs/decisions).`);
  }
  const key = (part: 'pk' | 'sk', field: string) => ({ name: field, type: keyType(entity, definition.index ?? '', part) });
  const { projection = 'all' } = definition;
  return {
    definedBy,
    pk: key('pk', definition.pk.field),
    ...(definition.sk && { sk: key('sk', definition.sk.field) }),
    projected:
      projection === 'all'
        ? 'all'
        : new Set(projection === 'keys_only' ? [] : projection.map((name) => entity.schema.attributes[name]?.field ?? name)),
  };
}

function join(name: string, shared: SharedIndex, mine: SharedIndex): SharedIndex {
  const describe = ({ pk, sk }: SharedIndex) =>
    [pk, sk].map((key) => (key ? `${key.name} (${key.type})` : 'no sort key')).join(' / ');
  if (describe(shared) !== describe(mine)) {
    throw new Error(
      `${name === '' ? 'The primary key' : `Index ${name}`} is ${describe(shared)} in ${shared.definedBy}, ` +
        `but ${describe(mine)} in ${mine.definedBy}. Entities of one table must agree.`,
    );
  }
  const all = shared.projected === 'all' || mine.projected === 'all';
  return { ...shared, projected: all ? 'all' : new Set([...(shared.projected as Set<string>), ...(mine.projected as Set<string>)]) };
}

function projection({ projected }: SharedIndex, keys: ReadonlySet<string>) {
  if (projected === 'all') return { projectionType: dynamodb.ProjectionType.ALL };
  const nonKeyAttributes = [...projected].filter((field) => !keys.has(field));
  if (nonKeyAttributes.length === 0) return { projectionType: dynamodb.ProjectionType.KEYS_ONLY };
  return {
    projectionType: dynamodb.ProjectionType.INCLUDE,
    nonKeyAttributes: [...nonKeyAttributes, ...OWNERSHIP],
  };
}

/**
 * Whether a key field holds text or a number. ElectroDB decides this from the attributes and keeps it in an internal
 * field; the contract test of the model would fail if it were read wrongly.
 */
function keyType(entity: ModelEntity, index: string, part: 'pk' | 'sk'): dynamodb.AttributeType {
  const { prefixes } = (entity as unknown as { model: { prefixes: Record<string, Record<string, { cast?: string }>> } }).model;
  const cast = prefixes[index]?.[part]?.cast;
  if (cast !== 'string' && cast !== 'number') {
    throw new Error(`ElectroDB no longer tells the type of ${part} of ${entity.schema.model.entity}'s index '${index}'.`);
  }
  return cast === 'number' ? dynamodb.AttributeType.NUMBER : dynamodb.AttributeType.STRING;
}

export interface ModelTableProps {
  /** Explicit, since functions in other regions name the table without a reference to its stack. */
  readonly tableName: string;
  readonly entities: readonly ModelEntity[];
  readonly streamView: keyof typeof dynamodb.StreamViewType;
  readonly capacity: CapacityConfig;
  /** The regions of the other replicas. */
  readonly replicaRegions: readonly string[];
  /** Every change goes here as well, once more than to the table's own stream. */
  readonly kinesisStream?: kinesis.IStream;
  readonly encryption: dynamodb.TableEncryptionV2;
  /** RETAIN also protects the table from deletion. */
  readonly removalPolicy: RemovalPolicy;
}

/**
 * A table whose keys, indexes, projections and TTL come from the ElectroDB entities that live in it. Recovery, protection,
 * insights, capacity and the app's tags are those of every replica: TableV2 hands them on.
 */
export class ModelTable extends Construct {
  readonly table: dynamodb.TableV2;
  /** The names of its global indexes. */
  readonly globalIndexes: readonly string[];

  constructor(scope: Construct, id: string, props: ModelTableProps) {
    super(scope, id);
    const { capacity, removalPolicy } = props;
    const { globalSecondaryIndexes, ...schema } = tableSchema(props.entities);
    const warm = capacity.warm && {
      warmThroughput: {
        ...(capacity.warm.read !== undefined && { readUnitsPerSecond: capacity.warm.read }),
        ...(capacity.warm.write !== undefined && { writeUnitsPerSecond: capacity.warm.write }),
      },
    };
    this.globalIndexes = globalSecondaryIndexes.map(({ indexName }) => indexName);
    this.table = new dynamodb.TableV2(this, 'Table', {
      tableName: props.tableName,
      ...schema,
      // An index without a ceiling of its own has none, whatever the table's is.
      globalSecondaryIndexes: globalSecondaryIndexes.map((index) => ({ ...index, ...ceilings(capacity), ...warm })),
      billing: billing(capacity),
      ...warm,
      replicas: props.replicaRegions.map((region) => ({ region })),
      dynamoStream: dynamodb.StreamViewType[props.streamView],
      ...(props.kinesisStream && { kinesisStream: props.kinesisStream }),
      encryption: props.encryption,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true, recoveryPeriodInDays: 35 },
      contributorInsightsSpecification: { enabled: true, mode: dynamodb.ContributorInsightsMode.THROTTLED_KEYS },
      removalPolicy,
      deletionProtection: removalPolicy === RemovalPolicy.RETAIN,
    });
  }
}

const ceilings = ({ mode, read, write }: CapacityConfig) =>
  mode === 'on-demand' ? { maxReadRequestUnits: read.max, maxWriteRequestUnits: write.max } : {};

function billing(capacity: CapacityConfig): dynamodb.Billing {
  if (capacity.mode === 'on-demand') return dynamodb.Billing.onDemand(ceilings(capacity));
  const scaled = ({ min, max, seed }: CapacityConfig['read']) =>
    dynamodb.Capacity.autoscaled({
      minCapacity: min,
      maxCapacity: max,
      seedCapacity: seed,
      targetUtilizationPercent: capacity.targetUtilization,
    });
  return dynamodb.Billing.provisioned({ readCapacity: scaled(capacity.read), writeCapacity: scaled(capacity.write) });
}
