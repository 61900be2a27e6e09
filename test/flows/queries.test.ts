import { layouts } from '../support/complete';
import { allPages, aProduct, type Answer, type Client, startStore, type TestStore } from '../support/store';
import { until } from '../support/until';

describe.each(layouts('per-domain'))('queries, %s', (layout) => {
  let store: TestStore;
  let admin: Client;
  let ann: Client;
  let key = 0;
  const orders: Answer['body'][] = [];
  const ids = (list: { orderId: string }[]) => list.map(({ orderId }) => orderId);
  const place = (caller: Client, quantity: number) =>
    caller.post('/orders', { lines: [{ productId: 'penny', quantity }] }, { 'idempotency-key': `key-${++key}` });
  const operations = async (answer: Answer) => {
    const { items } = (await store.anonymous.get(`/_local/trace?request=${answer.headers.get('apigw-requestid')}`)).body;
    return items.map(({ operation, index, outcome }: Record<string, string>) => [operation, index, outcome]);
  };

  beforeAll(async () => {
    store = await startStore(layout);
    admin = store.admin;
    ann = await store.user('ann');
    await admin.post('/products', aProduct({ productId: 'penny', priceMinor: 1, stock: 1_000_000 }));
    for (const quantity of [9, 10, 100, 9, 1_000, 1, 10_000]) orders.push((await place(ann, quantity)).body);
    // Another's orders, which no list of hers may show.
    await place(await store.user('anna'), 10);
    for (const index of [0, 2, 4]) await admin.patch(`/orders/${orders[index].orderId}/status`, { status: 'Processing' });
  });
  afterAll(() => store.stop());

  test('orders by amount: as numbers, inclusive, both ways, each once, strongly consistent', async () => {
    const ascending = [...orders].sort((a, b) => a.totalMinor - b.totalMinor || (a.orderId < b.orderId ? -1 : 1));
    const path = '/customers/ann/orders/by-amount';
    for (const limit of [1, 3, 100]) expect(ids((await allPages(ann, path, limit)).items)).toEqual(ids(ascending));
    expect(ids((await allPages(ann, `${path}?sort=desc`, 2)).items)).toEqual(ids(ascending).reverse());
    const between = async (query: string) => (await allPages(admin, `${path}?${query}`, 2)).items.map(({ totalMinor }) => totalMinor);
    expect(await between('min=9&max=100')).toEqual([9, 9, 10, 100]);
    expect(await between('min=10')).toEqual([10, 100, 1_000, 10_000]);
    expect(await between('max=0')).toEqual([]);
    const answer = await ann.get(path);
    expect(answer.body.items[0]).toEqual((await ann.get(`/orders/${ids(ascending)[0]}`)).body);
    expect(await operations(answer)).toEqual([['Query', 'lsi1', 'ok']]);
  });

  test('orders by status of one customer: newest first, in a range of time, as they are now', async () => {
    const path = '/customers/ann/orders/by-status';
    const newestFirst = (wanted: number[]) => ids(wanted.map((index) => orders[index])).sort().reverse();
    for (const limit of [1, 2, 100]) {
      expect(ids((await allPages(ann, `${path}/Processing`, limit)).items)).toEqual(newestFirst([0, 2, 4]));
    }
    expect(ids((await allPages(ann, `${path}/Pending`, 3)).items)).toEqual(newestFirst([1, 3, 5, 6]));
    expect((await ann.get(`${path}/Delivered`)).body).toEqual({ items: [], cursor: null });
    const { placedAt } = orders[2];
    expect(ids((await ann.get(`${path}/Processing?from=${placedAt}&to=${placedAt}`)).body.items)).toEqual([orders[2].orderId]);
    expect(ids((await admin.get(`${path}/Processing?to=${placedAt}`)).body.items)).toEqual(newestFirst([0, 2]));
    const answer = await ann.get(`${path}/Processing`);
    expect(answer.body.items[0]).toMatchObject({ status: 'Processing', version: 2, lines: [expect.anything()] });
    expect(await operations(answer)).toEqual([['Query', 'lsi2', 'ok']]);
  });

  test('an order file is one query of the index', async () => {
    const [order] = orders;
    // The history is written a moment later.
    const answer = await until(() => ann.get(`/orders/${order.orderId}/file`), ({ body }) => body.events.length === 2);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      order: (await ann.get(`/orders/${order.orderId}`)).body,
      events: [
        { type: 'OrderPlaced', to: 'Pending', at: order.placedAt, eventId: expect.any(String) },
        { type: 'OrderStatusChanged', from: 'Pending', to: 'Processing', at: expect.any(String), eventId: expect.any(String) },
      ],
    });
    expect(await operations(answer)).toEqual([['Query', 'gsi2', 'ok']]);
    expect((await admin.get(`/orders/${order.orderId}/file`)).body).toEqual(answer.body);
    expect((await (await store.user('anna')).get(`/orders/${order.orderId}/file`)).status).toBe(404);
    expect((await admin.get('/orders/01ARZ3NDEKTSV4RRFFQ69G5FAV/file')).status).toBe(404);
  });

  test('low stock: only what is low, the longest first, with its stock', async () => {
    const restocked = { restockAt: 3, category: 'Low' };
    for (const [index, stock] of [3, 0, 4, 2].entries()) {
      await admin.post('/products', aProduct({ productId: `low-${index}`, stock, ...restocked }));
    }
    const list = await allPages(admin, '/products/low-stock', 2);
    expect(list.items.map(({ productId, stock }) => [productId, stock])).toEqual([
      ['low-0', 3],
      ['low-1', 0],
      ['low-3', 2],
    ]);
    expect(list.items[0]).toMatchObject({ name: 'Chai', restockAt: 3, restockSince: expect.any(String) });
    await admin.post('/inventory/adjustments', { productId: 'low-0', delta: 100, reason: 'delivery' });
    await admin.delete('/products/low-1');
    const { items } = (await admin.get('/products/low-stock')).body;
    expect(items.map(({ productId }: { productId: string }) => productId)).toEqual(['low-3']);
    const answer = await admin.get('/products/low-stock?limit=1');
    expect((await operations(answer)).map(([operation]: string[]) => operation).sort()).toEqual(['BatchGetItem', 'BatchGetItem', 'Query']);
  });

  test('the export reads all orders, each once, in any number of segments', async () => {
    const everyone = ids((await allPages(admin, '/orders?status=Pending', 100)).items).concat(
      ids((await allPages(admin, '/orders?status=Processing', 100)).items),
    );
    for (const segments of [1, 3]) {
      const parts = await Promise.all(
        Array.from({ length: segments }, (_, segment) => allPages(admin, `/orders/export?segment=${segment}&segments=${segments}`, 3)),
      );
      expect(ids(parts.flatMap(({ items }) => items)).sort()).toEqual([...everyone].sort());
    }
    const answer = await admin.get('/orders/export?limit=100');
    expect(answer.body.items.find(({ orderId }: { orderId: string }) => orderId === orders[1].orderId)).toEqual(orders[1]);
    expect(await operations(answer)).toEqual([['Scan', undefined, 'ok']]);
    const { cursor } = (await admin.get('/orders/export?segment=0&segments=2&limit=1')).body;
    const elsewhere = await admin.get(`/orders/export?segment=1&segments=2&cursor=${cursor}`);
    expect([elsewhere.status, elsewhere.body.type]).toEqual([400, 'invalid-cursor']);
  });

  describe('PartiQL', () => {
    test('PartiQL lists the orders of a customer, oldest first, page by page', async () => {
      for (const limit of [1, 3, 100]) {
        expect(ids((await allPages(admin, '/partiql/orders?customerId=ann', limit)).items)).toEqual(ids(orders));
        const from = `/partiql/orders?customerId=ann&from=${orders[3].placedAt}`;
        expect(ids((await allPages(admin, from, limit)).items)).toEqual(ids(orders.filter(({ placedAt }) => placedAt >= orders[3].placedAt)));
      }
      const first = await admin.get('/partiql/orders?customerId=ann&limit=2');
      expect(first.body.items[1]).toEqual((await ann.get(`/orders/${orders[1].orderId}`)).body);
      expect(await operations(first)).toEqual([['ExecuteStatement', undefined, 'ok']]);
      const other = await admin.get(`/partiql/orders?customerId=anna&limit=2&cursor=${first.body.cursor}`);
      expect([other.status, other.body.type]).toEqual([400, 'invalid-cursor']);
      expect((await admin.get('/partiql/orders?customerId=nobody')).body).toEqual({ items: [], cursor: null });
      const quoted = `${encodeURIComponent(`x' OR "pk" <> '`)}`;
      expect((await admin.get(`/partiql/orders?customerId=${quoted}`)).body.items).toEqual([]);
    });

    test('a product comes, costs something else and goes; it is the product of every other flow', async () => {
      const product = {
        productId: 'inserted',
        name: `It's "here"`,
        category: 'Inserted',
        priceMinor: 500,
        currency: 'EUR',
        active: true,
        tags: ['b', 'a'],
        sizes: [1.5, -2],
        dimensions: { empty: {}, list: [null, true], text: '' },
        images: [],
        thumbnail: Buffer.from([0, 255]).toString('base64'),
        imageDigests: [Buffer.from('one').toString('base64')],
        discontinuedAt: null,
        restockAt: 3,
        stock: 4,
      };
      const created = await admin.post('/partiql/products', product);
      expect([created.status, created.headers.get('location')]).toEqual([201, '/products/inserted']);
      const read = await store.anonymous.get('/products/inserted');
      expect(read.body).toEqual(created.body);
      expect(read.body).toEqual({
        ...product,
        tags: ['a', 'b'],
        sizes: [-2, 1.5],
        createdAt: read.body.createdAt,
        updatedAt: read.body.createdAt,
        version: 1,
      });
      const again = await admin.post('/partiql/products', product);
      expect([again.status, again.body.type]).toEqual([409, 'product-exists']);
      await admin.post('/products', aProduct({ productId: 'cheap', category: 'Inserted', priceMinor: 1_000 }));

      const dearer = await admin.send('PUT', '/partiql/products/inserted/price', { body: { priceMinor: 2_000 } });

      expect([dearer.status, dearer.body]).toEqual([
        200,
        { ...read.body, priceMinor: 2_000, version: 2, updatedAt: dearer.body.updatedAt },
      ]);
      const { items } = (await store.anonymous.get('/products?category=Inserted')).body;
      expect(items.map(({ productId, priceMinor }: { productId: string; priceMinor: number }) => [productId, priceMinor])).toEqual([
        ['cheap', 1_000],
        ['inserted', 2_000],
      ]);
      const order = await ann.post('/orders', { lines: [{ productId: 'inserted', quantity: 2 }] }, { 'idempotency-key': 'inserted' });
      expect([order.status, order.body.totalMinor]).toEqual([201, 4_000]);
      const renamed = await admin.patch('/products/inserted', { name: 'x' }, { 'if-match': dearer.headers.get('etag') as string });
      expect(renamed.status).toBe(200);

      expect((await admin.delete('/partiql/products/inserted')).status).toBe(204);
      expect((await store.anonymous.get('/products/inserted')).status).toBe(404);
      expect((await admin.delete('/partiql/products/inserted')).status).toBe(404);
      expect((await admin.send('PUT', '/partiql/products/inserted/price', { body: { priceMinor: 1 } })).status).toBe(404);
      expect((await admin.post('/partiql/products', product)).status).toBe(201);
    });

    test('prices that are set by PartiQL at once: each is one version', async () => {
      await admin.post('/products', aProduct({ productId: 'contended' }));
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          admin.send('PUT', '/partiql/products/contended/price', { body: { priceMinor: index + 1 } }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      const { body } = await store.anonymous.get('/products/contended');
      expect(body.version).toBe(9);
      const order = await ann.post('/orders', { lines: [{ productId: 'contended', quantity: 1 }] }, { 'idempotency-key': 'contended' });
      expect(order.body.totalMinor).toBe(body.priceMinor);
    });
  });
});
