import type { Store } from '#model/store';
import type { DataAccess } from './data-access';

/** The entities whose items lie in a partition of their user, and the attribute that holds the user's id. */
export const OWN_ENTITIES = {
  User: 'userId',
  CustomerStats: 'userId',
  CartItem: 'userId',
  Session: 'userId',
  Order: 'customerId',
  OrderEvent: 'customerId',
} as const satisfies Partial<Record<keyof Store['entities'], string>>;

/** What a client may do in the partitions of its user. */
export const OWN_READS = ['BatchGetItem', 'GetItem', 'Query'] as const;

/** The same as a row of a catalogue. */
export const OWN_ACCESS: DataAccess = Object.fromEntries(Object.keys(OWN_ENTITIES).map((entity) => [entity, OWN_READS]));

/** A user's partitions in one table. */
export interface OwnPartitions {
  tableName: string;
  /** The values of the partition key, as the model composes them. */
  keys: string[];
  /** The local indexes that the entities are read by: their partitions are the table's. */
  localIndexes: string[];
}

/**
 * The partitions of one user, table by table. A partition is readable as a whole, so whatever else the model may put there is
 * the user's to read too.
 *
 * @param userId the id, or a policy variable that stands for it
 * @throws Error when the partition key of an entity is made of anything but the user's id
 */
export function ownPartitions({ entities }: Pick<Store, 'entities'>, userId: string, own: Readonly<Record<string, string>> = OWN_ENTITIES): OwnPartitions[] {
  const byTable = new Map<string, { keys: Set<string>; localIndexes: Set<string> }>();
  for (const [name, attribute] of Object.entries(own)) {
    const entity = (entities as Record<string, unknown>)[name] as KeyedEntity;
    const { primary, ...secondary } = entity.schema.indexes;
    const tableName = entity.getTableName() ?? '';
    const { keys, localIndexes } = byTable.get(tableName) ?? { keys: new Set(), localIndexes: new Set() };
    byTable.set(tableName, { keys, localIndexes });
    keys.add(partitionKey(name, entity, attribute, userId));
    for (const { index, pk } of Object.values(secondary)) {
      if (index !== undefined && pk.field === primary?.pk.field) localIndexes.add(index);
    }
  }
  return [...byTable].map(([tableName, { keys, localIndexes }]) => ({ tableName, keys: [...keys], localIndexes: [...localIndexes].sort() }));
}

function partitionKey(name: string, { schema, query }: KeyedEntity, attribute: string, userId: string): string {
  const composite = schema.indexes.primary?.pk.composite ?? [];
  if (composite.join() !== attribute) {
    throw new Error(
      `The partition key of ${name} is made of ${composite.join(', ')}, not of ${attribute} alone: a condition on it would open more or ` +
        'less than one user\'s partition. Take the entity out of OWN_ENTITIES (lib/own-partitions.ts).',
    );
  }
  const key = query.primary?.({ [attribute]: userId }).params().ExpressionAttributeValues[':pk'];
  const prefix = key?.slice(0, -userId.length);
  // What IAM would take for a wildcard or a variable must not come from the model.
  if (key === undefined || prefix === undefined || prefix + userId !== key || /[*?]|\$\{/.test(prefix)) {
    throw new Error(`The model composes the partition key of ${name} as ${JSON.stringify(key)}, which is not a fixed text before the user's id.`);
  }
  return key;
}

/** What is read of an ElectroDB entity. */
interface KeyedEntity {
  getTableName(): string | undefined;
  readonly schema: { readonly indexes: Readonly<Record<string, { readonly index?: string; readonly pk: { readonly field: string; readonly composite: readonly string[] } }>> };
  readonly query: Readonly<
    Record<string, (key: Readonly<Record<string, string>>) => { params(): { ExpressionAttributeValues: Readonly<Record<string, string>> } }>
  >;
}
