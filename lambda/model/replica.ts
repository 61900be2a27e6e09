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

/** What an entity that is only read on a replica has there. */
export interface ReadOnly<Entity extends { get: unknown; query: unknown }> {
  readonly get: Entity['get'];
  readonly query: Entity['query'];
}

/** The reads of an entity, and nothing that writes. */
export const readOnly = <Entity extends { get: unknown; query: unknown }>(entity: Entity): ReadOnly<Entity> => ({
  get: (entity.get as (...args: unknown[]) => unknown).bind(entity) as Entity['get'],
  query: entity.query,
});
