import { App, Stack } from 'aws-cdk-lib';
import { createWriteTransaction } from 'electrodb';
import { ON_REPLICA } from '../../lambda/model/replica';
import { createStore } from '../../lambda/model/store';
import { type DataAccess, dataStatements } from '../../lib/data-access';
import { type Flow, FLOWS } from '../../lib/flows';
import { store } from '../support/samples';

const flows = FLOWS as readonly Flow[];
/** What must not be decided in two regions at once. */
const PINNED = ['EmailClaim', 'Stock', 'StockMovement', 'Order', 'OrderEvent', 'IdempotencyRecord', 'PriceChange', 'ProcessedEvent'];

describe('what a flow has of another region than the home region', () => {
  test('holds no pinned entity, and of what is written at home only the reads', () => {
    expect(Object.keys(store.replica)).toEqual(['CartItem', 'Session', 'account']);
    expect(Object.keys(store.cached)).toEqual(['Product']);
    expect(Object.keys(store.cached.Product)).toEqual(['get', 'query']);
    expect(Object.keys(store.writeThrough)).toEqual(['Product']);
    // @ts-expect-error: stock is pinned
    expect(store.replica.Stock).toBeUndefined();
    // @ts-expect-error: so are orders
    expect(store.replica.Order).toBeUndefined();
    // @ts-expect-error: a product is written at home
    expect(store.cached.Product.patch).toBeUndefined();
    for (const entity of [store.replica.CartItem, store.replica.Session]) {
      expect(Object.keys(entity)).toEqual(['get', 'query', 'put', 'patch', 'delete']);
    }
  });

  const tables = { users: 'Users', products: 'Products', orders: 'Orders' };
  const asked: string[] = [];
  const clientOf = (name: string) => {
    const method = () => ({ promise: async () => void asked.push(name), on: () => {} });
    return { get: method, put: method, delete: method, update: method, query: method, scan: method, batchGet: method, batchWrite: method, transactWrite: method, transactGet: method, createSet: method } as never;
  };
  const sent = async (call: () => Promise<unknown>) => {
    asked.length = 0;
    await call().catch(() => {});
    return [...asked];
  };

  test('is bound to the client of the region, everything else to that of the home region', async () => {
    const { entities, replica, cached, writeThrough } = createStore(tables, clientOf('home'), { replica: () => clientOf('own') });
    expect(await sent(() => entities.Stock.get({ productId: 'tea' }).go())).toEqual(['home']);
    expect(await sent(() => entities.Product.get({ productId: 'tea' }).go())).toEqual(['home']);
    expect(await sent(() => entities.CartItem.delete({ userId: 'ann', productId: 'tea' }).go())).toEqual(['home']);
    const inTransaction = createWriteTransaction({ CartItem: entities.CartItem, Stock: entities.Stock }, ({ CartItem, Stock }) => [
      CartItem.delete({ userId: 'ann', productId: 'tea' }).commit(),
      Stock.delete({ productId: 'tea' }).commit(),
    ]);
    expect(await sent(() => inTransaction.go())).toEqual(['home']);
    // A transaction works where its first entity does: what is on a replica is no Entity, so it can drive none.
    // @ts-expect-error: it lacks what an Entity has
    const CartItem: typeof entities.CartItem = replica.CartItem;
    const misled = createWriteTransaction({ CartItem, EmailClaim: entities.EmailClaim }, ({ EmailClaim }) => [
      EmailClaim.delete({ email: 'a@b.c' }).commit(),
    ]);
    expect(await sent(() => misled.go())).not.toContain('own');
    expect(await sent(() => cached.Product.get({ productId: 'tea' }).go())).toEqual(['own']);
    expect(await sent(() => writeThrough.Product.remove({ productId: 'tea' }).go())).toEqual(['home']);
    expect(await sent(() => replica.CartItem.delete({ userId: 'ann', productId: 'tea' }).go())).toEqual(['own']);
    expect(await sent(() => replica.account({ userId: 'ann' }).go())).toEqual(['own']);
  });

  test('with a cache, products alone are bound to it: their reads, their writes, and the transactions that they begin', async () => {
    const { entities, replica, cached, writeThrough } = createStore(tables, clientOf('home'), { cache: clientOf('cache') });
    const keyOf = ({ schema }: { schema: { attributes: Record<string, unknown> } }) => Object.fromEntries(Object.keys(schema.attributes).map((name) => [name, 'x']));
    for (const [name, entity] of Object.entries(entities)) {
      const { get } = entity as unknown as { get(key: object): { go(): Promise<unknown> } };
      expect([name, await sent(() => get.call(entity, keyOf(entity)).go())]).toEqual([name, ['home']]);
    }
    expect(await sent(() => replica.account({ userId: 'ann' }).go())).toEqual(['home']);
    expect(await sent(() => replica.CartItem.get({ userId: 'ann', productId: 'tea' }).go())).toEqual(['home']);
    expect(await sent(() => cached.Product.get({ productId: 'tea' }).go())).toEqual(['cache']);
    expect(await sent(() => cached.Product.query.byCategory({ category: 'Drinks' }).go())).toEqual(['cache']);
    expect(await sent(() => writeThrough.Product.remove({ productId: 'tea' }).go())).toEqual(['cache']);
    const begun = createWriteTransaction({ Product: writeThrough.Product, Stock: entities.Stock }, ({ Product, Stock }) => [
      Product.remove({ productId: 'tea' }).commit(),
      Stock.delete({ productId: 'tea' }).commit(),
    ]);
    expect(await sent(() => begun.go())).toEqual(['cache']);
  });
});

describe('the catalogue', () => {
  test('has no pinned entity on a replica, and what the model says of the others', () => {
    const onReplicas = new Set(flows.flatMap(({ replica = {} }) => Object.keys(replica).map((target) => target.split('.')[0])));
    expect([...onReplicas].filter((entity) => PINNED.includes(entity!))).toEqual([]);
    expect(Object.keys(ON_REPLICA).filter((entity) => PINNED.includes(entity))).toEqual([]);
    expect([...PINNED, ...Object.keys(ON_REPLICA)].sort()).toEqual(Object.keys(store.entities).sort());
  });

  test.each<[DataAccess, RegExp]>([
    [{ Stock: ['GetItem'] }, /^flow lists GetItem of Stock on the replica of its region\. Stock is pinned to the home region: list it under access/],
    [{ 'Order.byOrderId': ['Query'] }, /Order is pinned to the home region/],
    [{ EmailClaim: ['PutItem'] }, /EmailClaim is pinned/],
    [{ IdempotencyRecord: ['GetItem'] }, /IdempotencyRecord is pinned/],
    [{ Product: ['GetItem', 'UpdateItem'] }, /lists UpdateItem of Product .* Product is written in the home region only/],
    [{ User: ['ConditionCheckItem'] }, /User is written in the home region only/],
    [{ Product: ['PartiQLSelect'] }, /PartiQLSelect of Product/],
  ])('%j on a replica stops the synth', (replica, message) => {
    const stack = new Stack(new App(), 'Api', { env: { region: 'eu-west-1' } });
    const binding = { store, tableNames: { users: 'Users', products: 'Products', orders: 'Orders' }, homeRegion: 'us-east-1', statusShards: 4 };
    expect(() => dataStatements(stack, 'flow', { access: {}, replica }, binding)).toThrow(message);
    // At home it is a replica as well; what may be done there must not depend on where it is tried.
    const atHome = new Stack(new App(), 'Api', { env: { region: 'us-east-1' } });
    expect(() => dataStatements(atHome, 'flow', { access: {}, replica }, binding)).toThrow(message);
  });
});
