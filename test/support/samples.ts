import { createStore } from '../../lambda/model/store';

export const store = createStore({ users: 'Users', products: 'Products', orders: 'Orders' });

const at = '2026-11-23T08:30:00.123Z';

/** One item of every entity with every attribute that makes a key. */
export const SAMPLES = {
  User: {
    userId: 'Ann#1_$x',
    email: 'Ann@example.com',
    name: 'Ann',
    signedUpAt: at,
    signupMonth: '2026-11',
    shard: 2,
    updatedAt: at,
    version: 1,
  },
  EmailClaim: { email: 'ann@example.com', userId: 'Ann', claimedAt: at },
  CustomerStats: { userId: 'Ann', orders: 1, spent: { EUR: 5 } },
  CartItem: { userId: 'Ann', productId: 'Tea', quantity: 1, addedAt: at, putId: 'P1', expiresAt: 1 },
  Session: { userId: 'Ann', sessionId: 'S1', createdAt: at, expiresAt: 1 },
  ProcessedEvent: { effect: 'customer-stats', eventId: 'e#1', processedAt: at, expiresAt: 1 },
  Product: {
    productId: 'Tea',
    name: 'Tea',
    category: 'Drinks',
    priceMinor: 26_350,
    currency: 'EUR',
    active: true,
    createdAt: at,
    updatedAt: at,
    version: 1,
  },
  Stock: { productId: 'Tea', stock: 1, priceMinor: 26_350, currency: 'EUR', lowFlag: 'low' as const, restockSince: at },
  PriceChange: { productId: 'Tea', changedAt: at, fromMinor: 1, toMinor: 2, currency: 'EUR' },
  StockMovement: { productId: 'Tea', movementId: 'M1', delta: -1, reason: 'count', at },
  Order: {
    customerId: 'Ann',
    orderId: 'O1',
    placedAt: at,
    status: 'Pending' as const,
    statusShard: 3,
    lines: [{ productId: 'Tea', name: 'Tea', priceMinor: 26_350, quantity: 1 }],
    totalMinor: 26_350,
    currency: 'EUR',
    updatedAt: at,
    version: 1,
  },
  OrderEvent: { customerId: 'Ann', orderId: 'O1', at, eventId: 'E1', type: 'placed' },
  IdempotencyRecord: {
    customerId: 'Ann',
    keyHash: 'a'.repeat(64),
    requestHash: 'b'.repeat(64),
    orderId: 'O1',
    expiresAt: 1,
  },
};

export type EntityName = keyof typeof SAMPLES;
export const ENTITY_NAMES = Object.keys(SAMPLES) as EntityName[];

interface AnyEntity {
  put(item: object): { params(): { TableName: string; Item: Record<string, unknown> } };
  query: Record<string, (composites: object) => { params(): QueryParams }>;
  schema: {
    attributes: Record<string, { type: unknown }>;
    indexes: Record<string, { index?: string; projection?: unknown; pk: { composite: string[] }; sk?: { composite: string[] } }>;
  };
  getTableName(): string | undefined;
}

interface QueryParams {
  TableName: string;
  IndexName?: string;
  ExpressionAttributeNames: Record<string, string>;
}

/** An entity without the types of its own attributes, for what is asked of all of them alike. */
export const entity = (name: EntityName): AnyEntity => store.entities[name] as unknown as AnyEntity;

/** What ElectroDB writes for an item: the real parameters of its put. */
export const written = (name: EntityName, change: object = {}): Record<string, unknown> =>
  entity(name).put({ ...SAMPLES[name], ...change }).params().Item;

/** The key attributes of an item. */
export const keysOf = (item: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(item).filter(([attribute]) => /^((gsi\d)?pk|(gsi\d|lsi\d)?sk)$/.test(attribute)));
