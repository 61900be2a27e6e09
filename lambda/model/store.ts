import { type DocumentClient, Service } from 'electrodb';
import { cartItem } from './cart-item';
import { customerStats } from './customer-stats';
import { emailClaim } from './email-claim';
import { idempotencyRecord } from './idempotency-record';
import { order } from './order';
import { orderEvent } from './order-event';
import { priceChange } from './price-change';
import { processedEvent } from './processed-event';
import { product } from './product';
import { readOnly, singleItems } from './replica';
import { session } from './session';
import { stock } from './stock';
import { stockMovement } from './stock-movement';
import { user } from './user';

/** The physical table of each domain. In the single-table layout all three name the same table. */
export interface TableNames {
  users: string;
  products: string;
  orders: string;
}

/**
 * The model, bound to tables and a client: every entity, and the ElectroDB Service that joins them.
 * Without a client the model can be read (keys, indexes, `.params()`) but not run: that is how the CDK app uses it.
 *
 * `entities` work in the home region, whichever region the function runs in. What may be done on the region's own replica
 * as well is in `replica`, and nothing else is: a flow that does not ask for it cannot be wrong, only slower.
 *
 * Entities are made on first use. One takes about a millisecond of a cold start, and no flow needs all thirteen.
 *
 * Products are read by many and written by few, so they are what is cached: `cached` reads them as buyers do, `writeThrough`
 * writes them so that those reads see it. Without a cache these are the replica and the home region, as they are. ElectroDB sends a
 * transaction with the client of its first entity, so one that writes through names Product first.
 *
 * @param client a client of the home region
 * @param others `replica` makes a client of the region that the function runs in, where that is not the home region;
 *   `cache` is one that caches what it reads and writes in the home region, where the function runs there
 */
export function createStore(tables: TableNames, client?: DocumentClient, others: { replica?: () => DocumentClient; cache?: DocumentClient } = {}) {
  const { replica: replicaClient, cache } = others;
  const entities = createEntities(tables, () => client);
  let own: DocumentClient | undefined;
  const near = replicaClient ? createEntities(tables, () => (own ??= replicaClient())) : entities;
  const through = cache ? createEntities(tables, () => cache) : undefined;
  const cached = onFirstUse({ Product: () => readOnly((through ?? near).Product) });
  const writeThrough = onFirstUse({ Product: () => (through ?? entities).Product });
  const replica = onFirstUse({
    CartItem: () => singleItems(near.CartItem),
    Session: () => singleItems(near.Session),
    /** The collection of a user: profile, statistics, cart, sessions. */
    account: () => {
      const { User, CustomerStats, CartItem, Session } = near;
      return new Service({ User, CustomerStats, CartItem, Session }).collections.account;
    },
  });
  return onFirstUse({
    entities: () => entities,
    service: () => new Service({ ...entities }),
    replica: () => replica,
    cached: () => cached,
    writeThrough: () => writeThrough,
  });
}

function createEntities(tables: TableNames, client: () => DocumentClient | undefined) {
  const users = () => ({ client: client(), table: tables.users });
  const products = () => ({ client: client(), table: tables.products });
  const orders = () => ({ client: client(), table: tables.orders });
  return onFirstUse({
    User: () => user(users()),
    EmailClaim: () => emailClaim(users()),
    CustomerStats: () => customerStats(users()),
    CartItem: () => cartItem(users()),
    Session: () => session(users()),
    ProcessedEvent: () => processedEvent(users()),
    Product: () => product(products()),
    Stock: () => stock(products()),
    PriceChange: () => priceChange(products()),
    StockMovement: () => stockMovement(products()),
    Order: () => order(orders()),
    OrderEvent: () => orderEvent(orders()),
    IdempotencyRecord: () => idempotencyRecord(orders()),
  });
}

/** All entities of the store by name; `service`, which joins them: collections are queries of the service; and what is done elsewhere. */
export type Store = ReturnType<typeof createStore>;

/** An object whose properties are made when they are first read. */
function onFirstUse<Makers extends Record<string, () => unknown>>(makers: Makers) {
  const made = {} as { readonly [Name in keyof Makers]: ReturnType<Makers[Name]> };
  for (const [name, make] of Object.entries(makers)) {
    let value: unknown;
    Object.defineProperty(made, name, { enumerable: true, get: () => (value ??= make()) });
  }
  return made;
}
