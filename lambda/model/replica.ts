/**
 * What may be done on the replica of a region that is not the home region. Everything else is done in the home region, from
 * wherever it is asked: conditions and transactions hold in one region only, and of two writes to one item the last one wins.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
 *
 * - `read`: written in the home region only, so a replica lags behind it, and is never wrong for good.
 * - `write`: one user's own, and the last writer may win.
 */
export const ON_REPLICA = {
  User: 'read',
  CustomerStats: 'read',
  Product: 'read',
  CartItem: 'write',
  Session: 'write',
} as const satisfies Record<string, 'read' | 'write'>;

const READS = ['get', 'query'] as const;
const WRITES = ['put', 'patch', 'delete'] as const;

type Methods<Entity, Name extends keyof Entity> = { readonly [Each in Name]: Entity[Each] };

/** The reads of an entity. */
export const readOnly = <Entity extends Record<(typeof READS)[number], unknown>>(entity: Entity): Methods<Entity, (typeof READS)[number]> =>
  methodsOf(entity, READS);

/** The reads of an entity, and the writes of one item. It is no Entity any more: a transaction works where its first entity does. */
export const singleItems = <Entity extends Record<(typeof READS)[number] | (typeof WRITES)[number], unknown>>(
  entity: Entity,
): Methods<Entity, (typeof READS)[number] | (typeof WRITES)[number]> => methodsOf(entity, [...READS, ...WRITES]);

function methodsOf<Entity extends Record<Name, unknown>, Name extends string>(entity: Entity, names: readonly Name[]): Methods<Entity, Name> {
  const bound = (value: unknown) => (typeof value === 'function' ? (value.bind(entity) as unknown) : value);
  return Object.fromEntries(names.map((name) => [name, bound(entity[name])])) as Methods<Entity, Name>;
}
