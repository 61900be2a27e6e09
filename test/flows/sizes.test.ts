import { DynamoDBClient, type AttributeValue, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { aProduct, type Client, startStore, type TestStore } from '../support/store';

const MAX_ITEM_BYTES = 409_600;

/** Items that other tools made as large as DynamoDB takes them: what a flow then answers instead of a write. */
describe('sizes', () => {
  let store: TestStore;
  let outside: DynamoDBClient;
  let ann: Client;
  const TableName = 'store-dev-Orders';

  beforeAll(async () => {
    store = await startStore('per-domain');
    outside = new DynamoDBClient({
      endpoint: store.dynamodb,
      region: 'us-east-1',
      credentials: { accessKeyId: 'outside', secretAccessKey: 'x' },
    });
    ann = await store.user('ann');
    await store.admin.post('/products', aProduct({ productId: 'tea' }));
  });
  afterAll(async () => {
    outside.destroy();
    await store.stop();
  });

  /** Places an order, and pads its item until not one byte more fits. */
  async function fullOrder(key: string): Promise<string> {
    const placed = await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 1 }] }, { 'idempotency-key': key });
    const { Items } = await outside.send(
      new QueryCommand({
        TableName,
        IndexName: 'gsi2',
        KeyConditionExpression: 'gsi2pk = :pk',
        ExpressionAttributeValues: { ':pk': { S: `$store#orderId_${placed.body.orderId}` } },
      }),
    );
    // Its history is in the same index.
    const item = Items?.find(({ __edb_e__ }) => __edb_e__?.S === 'Order') as Record<string, AttributeValue>;
    let [fits, tooMuch] = [300_000, MAX_ITEM_BYTES];
    while (tooMuch - fits > 1) {
      const middle = Math.floor((fits + tooMuch) / 2);
      const Item = { ...item, padding: { S: 'x'.repeat(middle) } };
      const taken = await outside.send(new PutItemCommand({ TableName, Item })).then(() => true, () => false);
      if (taken) fits = middle;
      else tooMuch = middle;
    }
    return placed.body.orderId;
  }

  test('an order that would pass 400 KB is a clear refusal, by an update as by a transaction, and nothing is written', async () => {
    const orderId = await fullOrder('full');
    const before = await ann.get(`/orders/${orderId}`);
    for (const refused of [
      await store.admin.patch(`/orders/${orderId}/status`, { status: 'Processing' }),
      await ann.post(`/orders/${orderId}/cancel`),
    ]) {
      expect([refused.status, refused.headers.get('content-type'), refused.body]).toEqual([
        400,
        'application/problem+json',
        { type: 'item-too-large', title: expect.any(String), status: 400, detail: expect.stringContaining('400 KB') },
      ]);
    }
    expect((await ann.get(`/orders/${orderId}`)).body).toEqual(before.body);
    expect((await store.anonymous.get('/products/tea')).body.stock).toBe(9);
  });

  test('what cannot be so large is refused as the request that it is', async () => {
    const lines = [{ productId: 'tea', quantity: 1 }];
    const order = await ann.post('/orders', { lines, shippingAddress: { note: 'x'.repeat(5_000) } }, { 'idempotency-key': 'large' });
    expect([order.status, order.body.type]).toEqual([400, 'invalid-input']);
    const product = await store.admin.post('/products', aProduct({ images: Array(20).fill('x'.repeat(1_000)) }));
    expect(product.status).toBe(400);
    expect(product.body.detail).toMatch(/^the product has \d+ bytes; 8192 are taken$/);
  });

  test('what is stored is what the items say: bytes, sets and NULL are DynamoDB types of their own', async () => {
    await store.admin.post(
      '/products',
      aProduct({
        productId: 'typed',
        tags: ['b'],
        sizes: [2.5],
        dimensions: { empty: {}, list: [true] },
        thumbnail: Buffer.from([0, 255]).toString('base64'),
        imageDigests: [Buffer.from([1]).toString('base64'), Buffer.from([2]).toString('base64')],
        discontinuedAt: null,
      }),
    );
    const { Item } = await outside.send(
      new GetItemCommand({
        TableName: 'store-dev-Products',
        Key: { pk: { S: '$store#productId_typed' }, sk: { S: '$productFile#Product_1' } },
      }),
    );
    expect(Item).toMatchObject({
      name: { S: 'Chai' },
      priceMinor: { N: '1800' },
      active: { BOOL: true },
      discontinuedAt: { NULL: true },
      tags: { SS: ['b'] },
      sizes: { NS: ['2.5'] },
      thumbnail: { B: new Uint8Array([0, 255]) },
      dimensions: { M: { empty: { M: {} }, list: { L: [{ BOOL: true }] } } },
    });
    expect(Item?.imageDigests?.BS?.map((bytes) => bytes[0]).sort()).toEqual([1, 2]);
  });
});
