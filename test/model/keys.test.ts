import * as fc from 'fast-check';
import { shardOf } from '../../lambda/model/shard';
import { runs } from '../support/complete';
import { ENTITY_NAMES, entity, type EntityName, keysOf, SAMPLES, store, written } from '../support/samples';

/** What is in the tables of everybody who runs this: a change here is a migration. */
const GOLDEN: Record<EntityName, Record<string, string>> = {
  User: {
    pk: '$store#userId_Ann#1_$x',
    sk: '$account#User_1',
    gsi1pk: '$store#signupMonth_2026-11#shard_2',
    gsi1sk: '$User_1#signedUpAt_2026-11-23T08:30:00.123Z#userId_Ann#1_$x',
  },
  EmailClaim: { pk: '$store#email_ann@example.com', sk: '$EmailClaim_1' },
  CustomerStats: { pk: '$store#userId_Ann', sk: '$account#CustomerStats_1' },
  CartItem: { pk: '$store#userId_Ann', sk: '$account#CartItem_1#productId_Tea' },
  Session: {
    pk: '$store#userId_Ann',
    sk: '$account#Session_1#sessionId_S1',
    gsi1pk: '$store#sessionId_S1',
    gsi1sk: '$Session_1',
  },
  ProcessedEvent: { pk: '$store#effect_customer-stats#eventId_e#1', sk: '$ProcessedEvent_1' },
  Product: {
    pk: '$store#productId_Tea',
    sk: '$productFile#Product_1',
    gsi1pk: '$store#category_Drinks',
    gsi1sk: '$Product_1#priceMinor_0000000000026350#productId_Tea',
  },
  Stock: {
    pk: '$store#productId_Tea',
    sk: '$productFile#Stock_1',
    gsi2pk: '$store#lowFlag_low',
    gsi2sk: '$Stock_1#restockSince_2026-11-23T08:30:00.123Z',
  },
  PriceChange: { pk: '$store#productId_Tea', sk: '$productFile#PriceChange_1#changedAt_2026-11-23T08:30:00.123Z' },
  StockMovement: { pk: '$store#productId_Tea', sk: '$productFile#StockMovement_1#movementId_M1' },
  Order: {
    pk: '$store#customerId_Ann',
    sk: '$Order_1#placedAt_2026-11-23T08:30:00.123Z#orderId_O1',
    lsi1sk: '$Order_1#totalMinor_0000000000026350#orderId_O1',
    lsi2sk: '$Order_1#status_Pending#placedAt_2026-11-23T08:30:00.123Z#orderId_O1',
    gsi1pk: '$store#status_Pending#statusShard_3',
    gsi1sk: '$Order_1#placedAt_2026-11-23T08:30:00.123Z#orderId_O1',
    gsi2pk: '$store#orderId_O1',
    gsi2sk: '$orderFile#Order_1',
  },
  OrderEvent: {
    pk: '$store#customerId_Ann',
    sk: '$OrderEvent_1#orderId_O1#at_2026-11-23T08:30:00.123Z#eventId_E1',
    gsi2pk: '$store#orderId_O1',
    gsi2sk: '$orderFile#OrderEvent_1#at_2026-11-23T08:30:00.123Z#eventId_E1',
  },
  IdempotencyRecord: { pk: `$store#customerId_Ann#keyHash_${'a'.repeat(64)}`, sk: '$IdempotencyRecord_1' },
};

test('every entity of the service has golden keys', () => {
  expect(Object.keys(store.entities).sort()).toEqual([...ENTITY_NAMES].sort());
  expect(Object.keys(store.service.entities).sort()).toEqual([...ENTITY_NAMES].sort());
});

test.each(ENTITY_NAMES)('the keys of %s', (name) => {
  expect(keysOf(written(name))).toEqual(GOLDEN[name]);
});

/** Ids as users and clients make them: mixed case, any script, and the characters that ElectroDB composes keys with. */
const id = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom('a', 'A', 'b', 'B', '#', '_', '$', '1', '-', 'ß', 'ẞ', 'İ', '日') }),
  fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
  fc.constantFrom('x#User_1', 'x#keyHash_', '#userId_', '$account', '$store#userId_x'),
);

test.each([
  ['User', 'userId'],
  ['EmailClaim', 'email'],
  ['CustomerStats', 'userId'],
  ['CartItem', 'userId'],
  ['CartItem', 'productId'],
  ['Session', 'userId'],
  ['Session', 'sessionId'],
  ['ProcessedEvent', 'eventId'],
  ['Product', 'productId'],
  ['Product', 'category'],
  ['Stock', 'productId'],
  ['PriceChange', 'productId'],
  ['StockMovement', 'movementId'],
  ['Order', 'customerId'],
  ['Order', 'orderId'],
  ['OrderEvent', 'customerId'],
  ['OrderEvent', 'eventId'],
  ['IdempotencyRecord', 'customerId'],
] as [EntityName, string][])('distinct %s.%s give distinct keys', (name, attribute) => {
  fc.assert(
    fc.property(id, id, (a, b) => {
      fc.pre(a !== b);
      expect(keysOf(written(name, { [attribute]: a }))).not.toEqual(keysOf(written(name, { [attribute]: b })));
    }),
    { numRuns: runs(50, 300) },
  );
});

test('no two entities share a primary key, whatever their ids', () => {
  const primaryKey = (name: EntityName, value: string) => {
    const first = entity(name).schema.indexes.primary!.pk.composite[0] as string;
    const free = first in { keyHash: 1, effect: 1 } ? {} : { [first]: value };
    const { pk, sk } = written(name, free);
    return JSON.stringify([pk, sk]);
  };
  fc.assert(
    fc.property(fc.constantFrom(...ENTITY_NAMES), fc.constantFrom(...ENTITY_NAMES), id, id, (one, other, a, b) => {
      fc.pre(one !== other);
      expect(primaryKey(one, a)).not.toBe(primaryKey(other, b));
    }),
    { numRuns: runs(200, 1_000) },
  );
});

test('amounts sort as numbers in a key', () => {
  const amounts = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(amounts, amounts, (a, b) => {
      const [left, right] = [a, b].map((totalMinor) => written('Order', { totalMinor }).lsi1sk as string) as [string, string];
      expect(Math.sign(a - b)).toBe(left < right ? -1 : left > right ? 1 : 0);
    }),
  );
});

test('a Stock that is not low is in no index', () => {
  expect(keysOf(written('Stock', { lowFlag: undefined, restockSince: undefined }))).toEqual({
    pk: '$store#productId_Tea',
    sk: '$productFile#Stock_1',
  });
});

test('a status update moves an order in every index that holds its status', () => {
  const { customerId, orderId, placedAt } = SAMPLES.Order;
  const params = store.entities.Order.patch({ customerId, orderId, placedAt })
    .set({ status: 'Shipped', statusShard: 1 })
    .params<{ ExpressionAttributeValues: Record<string, unknown>; UpdateExpression: string }>();
  expect(Object.values(params.ExpressionAttributeValues)).toEqual(
    expect.arrayContaining(['$store#status_Shipped#statusShard_1', `$Order_1#status_Shipped#placedAt_${placedAt}#orderId_O1`]),
  );
});

test('shards are even, stable, and in range', () => {
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < 10_000; index++) counts[shardOf(`order-${index}`, 4)]!++;
  expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.1);
  expect([shardOf('a', 4), shardOf('b', 4), shardOf('a', 1)]).toEqual([2, 2, 0]);
});
