import '../support/flow-environment';
import { QueryCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { createUser } from '../../lambda/users/create-user';
import { createSession } from '../../lambda/users/create-session';
import { identify } from '../../lambda/orders/idempotency';
import { placeOrder } from '../../lambda/orders/place-order';
import { createProduct } from '../../lambda/products/create-product';
import { startTables } from '../support/engine-tables';
import { invocation } from '../support/shop';

/** What the two kinds of index promise and hold, asked of the engine itself. */
describe('the indexes', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  let store: ReturnType<typeof tables.store>;
  let order: Awaited<ReturnType<typeof placeOrder>>['order'];

  beforeAll(async () => {
    tables = await startTables();
    store = tables.store();
    const product = { productId: 'tea', name: 'Tea', category: 'Drinks', priceMinor: 7, currency: 'EUR', stock: 9, restockAt: 9 };
    await createProduct(product, invocation(), store.entities);
    const lines = [{ productId: 'tea', quantity: 2 }];
    ({ order } = await placeOrder(identify('ann', 'key', lines), { lines, shippingAddress: 'Oslo' }, invocation(), store.entities));
  });
  afterAll(() => tables.stop());

  interface Query {
    params(): unknown;
  }

  /** All that an index holds of what a query of the model finds. */
  const rawItems = async ({ params }: Query, more: object = {}) =>
    (await store.client.send(new QueryCommand({ ...(params() as { TableName: string }), ...more }))).Items ?? [];

  test('a strongly consistent read is answered by a local index and refused by a global one', async () => {
    const { Order } = store.entities;
    const { customerId, orderId } = order;
    await expect(rawItems(Order.query.byAmount({ customerId }), { ConsistentRead: true })).resolves.toMatchObject([{ orderId }]);
    await expect(rawItems(Order.query.byOrderId({ orderId }), { ConsistentRead: true })).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(/consistent reads? .*global secondary index/i),
    });
    await expect(rawItems(Order.query.byOrderId({ orderId }))).resolves.toMatchObject([{ orderId }]);
  });

  test('one index holds all attributes, one those that are named, one the keys only', async () => {
    const { Order, Stock } = store.entities;
    const [all] = await rawItems(Order.query.byCustomerStatus({ customerId: 'ann' }));
    expect(all).toMatchObject({ lines: order.lines, shippingAddress: 'Oslo', totalMinor: 14 });
    const { Items: included = [] } = await store.client.send(new ScanCommand({ TableName: 'store-dev-Orders', IndexName: 'gsi1' }));
    expect(included).toMatchObject([{ orderId: order.orderId, totalMinor: 14 }]);
    expect(included[0]).not.toHaveProperty('lines');
    expect(included[0]).not.toHaveProperty('shippingAddress');
    const [keys] = await rawItems(Stock.query.lowStock({ lowFlag: 'low' }));
    expect(Object.keys(keys ?? {}).sort()).toEqual(['gsi2pk', 'gsi2sk', 'pk', 'sk']);
  });

  test('an index that two entities share answers each pattern with its own items only', async () => {
    const { User, Session } = store.entities;
    const user = await createUser('ben', { email: 'ben@example.com', name: 'Ben' }, invocation(), store.entities);
    const { sessionId } = await createSession('ben', invocation(), store.entities);
    const { Items = [] } = await store.client.send(new ScanCommand({ TableName: 'store-dev-Users', IndexName: 'gsi1' }));
    expect(Items.map(({ __edb_e__ }) => __edb_e__ as string).sort()).toEqual(['Session', 'User']);
    const shards = await Promise.all([0, 1, 2, 3].map((shard) => User.query.bySignupMonth({ signupMonth: user.signedUpAt.slice(0, 7), shard }).go()));
    expect(shards.flatMap(({ data }) => data)).toMatchObject([{ userId: 'ben', email: 'ben@example.com' }]);
    expect((await Session.query.bySessionId({ sessionId }).go()).data).toMatchObject([{ userId: 'ben', sessionId }]);
  });
});
