import { createConversions, type Entity, type Schema } from 'electrodb';
import { entityInKey } from '#model/entity-in-key';
import { createStore } from '#model/store';
import type { Image } from '../dynamodb-json';

/** The domains of the store, each with a table of its own or all with one. */
export const DOMAINS = ['users', 'products', 'orders'] as const;
export type Domain = (typeof DOMAINS)[number];

/** An entity of the store, and the composite attributes of its primary key. */
export interface Owner {
  name: string;
  /** Undefined for an entity that the model does not have. */
  domain: Domain | undefined;
  key: [attribute: string, value: string][];
}

type AnyEntity = Entity<string, string, string, Schema<string, string, string>>;

// Bound to the domains' names instead of tables: what getTableName() answers is then the domain.
const ENTITIES = new Map<string, AnyEntity>(
  Object.entries(createStore({ users: 'users', products: 'products', orders: 'orders' }).entities as unknown as Record<string, AnyEntity>),
);

const KEY_FIELDS = new Set(
  [...ENTITIES.values()].flatMap(({ schema }) =>
    Object.values(schema.indexes as Record<string, { pk: Field; sk?: Field }>).flatMap(({ pk, sk }) => [pk.field, sk?.field]),
  ),
);

interface Field {
  field: string;
}

/** Attributes that ElectroDB keeps for itself: the fields of keys, and the markers of entity and version. */
export const isOwnOfElectroDb = (name: string): boolean => KEY_FIELDS.has(name) || name === '__edb_e__' || name === '__edb_v__';

/**
 * The entity that an item belongs to; undefined where the item is none of ElectroDB's.
 * The marker `__edb_e__` names it; where a stream shows keys only, the sort key does (`$collection#Entity_1#...`).
 */
export function ownerOf(keys: Image, image: Image | undefined): Owner | undefined {
  const name = image?.__edb_e__?.S ?? entityInKey(keys.sk?.S ?? '')?.name;
  if (name === undefined) return undefined;
  const entity = ENTITIES.get(name);
  if (!entity) return { name, domain: undefined, key: [] };
  return { name, domain: entity.getTableName() as Domain, key: compositeOf(entity, keys, image ?? {}) };
}

/** Values come from the image where there is one: in a key, a value that holds `#` cannot always be told from two. */
function compositeOf(entity: AnyEntity, keys: Image, image: Image): Owner['key'] {
  const texts = Object.fromEntries(Object.entries(keys).map(([name, value]) => [name, value.S ?? '']));
  let composite: Record<string, unknown> | undefined;
  try {
    composite = createConversions(entity).byAccessPattern.primary?.fromKeys.toComposite(texts) as Record<string, unknown> | undefined;
  } catch {
    return [];
  }
  return Object.entries(composite ?? {}).map(([name, value]) => [name, image[name]?.S ?? image[name]?.N ?? String(value)]);
}
