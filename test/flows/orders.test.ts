import { layouts, runs } from '../support/complete';
import { aProduct, allPages, type Client, startStore, type TestStore } from '../support/store';

describe.each(layouts('per-domain'))('orders, %s', (layout) => {
  let store: TestStore;
  let admin: Client;
  let key = 0;
  const newKey = () => ({ 'idempotency-key': `key-${++key}` });
  const place = (caller: Client, lines: [string, number][], headers = newKey()) =>
    caller.post('/orders', { lines: lines.map(([productId, quantity]) => ({ productId, quantity })) }, headers);
  const stockOf = async (productId: string) => (await store.anonymous.get(`/products/${productId}`)).body.stock;

  beforeAll(async () => {
    store = await startStore(layout);
    admin = store.admin;
  });
  afterAll(() => store.stop());

  test('an order takes name, price and currency as they are, takes stock, and is found at once without an index', async () => {
    const ann = await store.user('ann');
    await admin.post('/products', aProduct({ productId: 'tea', name: "L'Été", priceMinor: 26_350, stock: 7 }));
    await admin.post('/products', aProduct({ productId: 'cup', priceMinor: 1, stock: 3 }));

    const placed = await ann.post(
      '/orders',
      { lines: [{ productId: 'tea', quantity: 2 }, { productId: 'cup', quantity: 3 }], shippingAddress: { street: 'Åboulevarden 1\r\n2. th', city: 'Århus' } },
      newKey(),
    );

    expect(placed.status).toBe(201);
    const { orderId, placedAt } = placed.body;
    expect(placed.body).toEqual({
      orderId,
      placedAt,
      customerId: 'ann',
      status: 'Pending',
      updatedAt: placedAt,
      lines: [
        { productId: 'tea', name: "L'Été", priceMinor: 26_350, quantity: 2 },
        { productId: 'cup', name: 'Chai', priceMinor: 1, quantity: 3 },
      ],
      totalMinor: 52_703,
      currency: 'EUR',
      shippingAddress: { street: 'Åboulevarden 1\r\n2. th', city: 'Århus' },
      version: 1,
    });
    const read = await ann.get(`/orders/${orderId}`);
    expect(read.body).toEqual(placed.body);
    expect(read.headers.get('etag')).toBe(placed.headers.get('etag'));
    expect([await stockOf('tea'), await stockOf('cup')]).toEqual([5, 0]);
    const { items } = (
      await store.anonymous.get(`/_local/trace?request=${read.headers.get('apigw-requestid')}`)
    ).body as { items: { operation: string; index?: string; function: string; table: string; units: number }[] };
    expect(items).toEqual([
      expect.objectContaining({ function: 'get-order', operation: 'GetItem', outcome: 'ok', units: 1 }),
    ]);
    expect(items[0]).not.toHaveProperty('index');
  });

  test('an order has 50 lines at most', async () => {
    const bob = await store.user('bob');
    const ids = Array.from({ length: 51 }, (_, index) => `line-${index}`);
    await admin.post('/products/batch', { products: ids.map((productId) => aProduct({ productId, stock: 1 })) });

    const lines = (count: number) => ids.slice(0, count).map((id): [string, number] => [id, 1]);
    expect((await place(bob, lines(51))).status).toBe(400);
    const placed = await place(bob, lines(50));

    expect(placed.status).toBe(201);
    expect(placed.body.lines.map((line: { productId: string }) => line.productId)).toEqual(ids.slice(0, 50));
    expect([await stockOf('line-0'), await stockOf('line-49'), await stockOf('line-50')]).toEqual([0, 0, 1]);
  });

  test('four times as many orders as there are pieces: as many succeed, the others are told what there is', async () => {
    const pieces = runs(10, 50);
    await admin.post('/products', aProduct({ productId: 'last', stock: pieces }));
    const carl = await store.user('carl');

    const answers = await Promise.all(Array.from({ length: 4 * pieces }, () => place(carl, [['last', 1]])));

    const placed = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(placed).toHaveLength(pieces);
    for (const { status, body, headers } of refused) {
      expect(status).toBe(409);
      expect(headers.get('content-type')).toBe('application/problem+json');
      expect(body).toMatchObject({ type: 'insufficient-stock', status: 409 });
      expect(body.lines).toEqual([{ productId: 'last', requested: 1, available: 0 }]);
    }
    expect(await stockOf('last')).toBe(0);
  });

  test('one Idempotency-Key makes one order, however often and however parallel it comes', async () => {
    await admin.post('/products', aProduct({ productId: 'once', stock: 100 }));
    const dora = await store.user('dora');
    const sameKey = newKey();

    const answers = await Promise.all(Array.from({ length: 20 }, () => place(dora, [['once', 2]], sameKey)));

    expect(new Set(answers.map(({ body }) => body.orderId)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
    expect(await stockOf('once')).toBe(98);
    // Another customer's key of the same text is another key.
    expect((await place(await store.user('doris'), [['once', 2]], sameKey)).status).toBe(201);
  });

  test('a key answers its order as it is now, refuses another body, and ends with its order', async () => {
    await admin.post('/products', aProduct({ productId: 'keyed', stock: 9 }));
    const emil = await store.user('emil');
    const sameKey = newKey();
    const { orderId } = (await place(emil, [['keyed', 1]], sameKey)).body;
    await admin.patch(`/orders/${orderId}/status`, { status: 'Processing' });

    const again = await place(emil, [['keyed', 1]], sameKey);
    expect([again.status, again.body.orderId, again.body.status]).toEqual([200, orderId, 'Processing']);
    const reordered = await emil.send('POST', '/orders', {
      rawBody: '{ "lines": [ { "quantity": 1, "productId": "keyed" } ] }',
      headers: sameKey,
    });
    expect([reordered.status, reordered.body.orderId]).toEqual([200, orderId]);
    const other = await place(emil, [['keyed', 2]], sameKey);
    expect([other.status, other.body.type]).toEqual([422, 'idempotency-key-reused']);
    await admin.delete(`/orders/${orderId}`);
    expect((await place(emil, [['keyed', 1]], sameKey)).status).toBe(404);
    expect(await stockOf('keyed')).toBe(8);
    const none = await emil.post('/orders', { lines: [{ productId: 'keyed', quantity: 1 }] });
    expect([none.status, none.body.type]).toEqual([400, 'missing-idempotency-key']);
  });

  describe('an order that cannot be placed', () => {
    beforeAll(async () => {
      await admin.post('/products', aProduct({ productId: 'asleep', active: false }));
      await admin.post('/products', aProduct({ productId: 'gone', discontinuedAt: '2020-01-01T00:00:00Z' }));
      await admin.post('/products', aProduct({ productId: 'euro' }));
      await admin.post('/products', aProduct({ productId: 'dollar', currency: 'USD' }));
    });

    test.each([
      ['an unknown product', [['ghost', 1]], 404, 'unknown-product'],
      ['an inactive product', [['asleep', 1]], 409, 'not-orderable'],
      ['a discontinued product', [['gone', 1]], 409, 'not-orderable'],
      ['two currencies', [['euro', 1], ['dollar', 1]], 400, 'invalid-input'],
      ['a product twice', [['euro', 1], ['euro', 2]], 400, 'invalid-input'],
      ['too many', [['euro', 10_000]], 409, 'insufficient-stock'],
    ] as [string, [string, number][], number, string][])('an order of %s is refused and changes nothing', async (_, lines, status, type) => {
      const fred = await store.user('fred');

      const refused = await place(fred, lines);

      expect([refused.status, refused.body.type]).toEqual([status, type]);
      expect((await fred.get('/customers/fred/orders')).body).toEqual({ items: [], cursor: null });
      expect(await stockOf('euro')).toBe(10);
    });
  });

  test('an order of the price that was shown: a price that changes meanwhile is read again', async () => {
    const created = await admin.post('/products', aProduct({ productId: 'moving', priceMinor: 100, stock: 1_000 }));
    const gina = await store.user('gina');
    let etag = created.headers.get('etag') as string;
    const raise = async () => {
      for (let priceMinor = 101; priceMinor <= 106; priceMinor++) {
        const changed = await admin.patch('/products/moving', { priceMinor }, { 'if-match': etag });
        etag = changed.headers.get('etag') as string;
      }
    };

    const [answers] = await Promise.all([Promise.all(Array.from({ length: 12 }, () => place(gina, [['moving', 1]]))), raise()]);

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    for (const { body } of answers) expect(body.totalMinor).toBe(body.lines[0].priceMinor);
    expect(await stockOf('moving')).toBe(988);
  });

  test('orders of a customer by time, both ways and in a range, each once', async () => {
    await admin.post('/products', aProduct({ productId: 'listed', stock: 1_000 }));
    const hugo = await store.user('hugo');
    const orders: { orderId: string; placedAt: string }[] = [];
    for (let index = 0; index < 11; index++) orders.push((await place(hugo, [['listed', 1]])).body);
    const newestFirst = orders.map(({ orderId }) => orderId).sort().reverse();
    const ids = ({ items }: { items: { orderId: string }[] }) => items.map(({ orderId }) => orderId);

    for (const limit of [1, 4, 11, 100]) expect(ids(await allPages(hugo, '/customers/hugo/orders', limit))).toEqual(newestFirst);
    expect(ids(await allPages(hugo, '/customers/hugo/orders?sort=asc', 5))).toEqual([...newestFirst].reverse());
    const [from, to] = [orders[3]!.placedAt, orders[7]!.placedAt];
    const between = orders.filter(({ placedAt }) => placedAt >= from && placedAt <= to).map(({ orderId }) => orderId).sort();
    expect(ids(await allPages(hugo, `/customers/hugo/orders?sort=asc&from=${from}&to=${to}`, 2))).toEqual(between);
    const day = from.slice(0, 10);
    const today = await allPages(hugo, `/customers/hugo/orders?from=${day}&to=${orders[10]!.placedAt.slice(0, 10)}`, 100);
    expect(ids(today)).toEqual(newestFirst);
    expect((await hugo.get(`/customers/hugo/orders?from=2026-02-01&to=2026-01-31`)).status).toBe(400);
    expect((await hugo.get(`/customers/hugo/orders?from=2026-02-30`)).status).toBe(400);
    expect((await admin.get('/customers/hugo/orders?limit=3')).body.items).toHaveLength(3);
  });

  test('orders of a status over all shards, newest first, while others come and go', async () => {
    await admin.post('/products', aProduct({ productId: 'sharded', stock: 10_000 }));
    const ida = await store.user('ida');
    const placed = await Promise.all(Array.from({ length: 20 }, () => place(ida, [['sharded', 1]])));
    const shipped = placed.slice(0, 14).map(({ body }) => body.orderId as string);
    for (const status of ['Processing', 'Shipped']) {
      await Promise.all(shipped.map((id) => admin.patch(`/orders/${id}/status`, { status })));
    }

    const moving = shipped.slice(0, 3);
    const [list] = await Promise.all([
      allPages(admin, '/orders?status=Shipped', 3),
      ...moving.map((id) => admin.patch(`/orders/${id}/status`, { status: 'Delivered' })),
    ]);

    const ids = list.items.map(({ orderId }) => orderId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual([...ids].sort().reverse());
    expect(ids.filter((id) => !moving.includes(id))).toEqual(shipped.slice(3).sort().reverse());
    expect(list.items[0]).toEqual({
      customerId: 'ida',
      orderId: ids[0],
      placedAt: expect.any(String),
      status: 'Shipped',
      totalMinor: 1_800,
      currency: 'EUR',
      updatedAt: expect.any(String),
      version: 3,
    });
    expect((await admin.get('/orders?status=Shipped&to=2020-01-01')).body).toEqual({ items: [], cursor: null });
    expect((await admin.get('/orders?status=shipped')).status).toBe(400);
    expect((await ida.get('/orders?status=Shipped')).status).toBe(403);
  });

  test('the status machine: what may follow follows, everything else is a conflict', async () => {
    const statuses = ['Pending', 'Processing', 'Shipped', 'Delivered', 'Cancelled'] as const;
    const wayTo: Record<string, string[]> = {
      Pending: [],
      Processing: ['Processing'],
      Shipped: ['Processing', 'Shipped'],
      Delivered: ['Processing', 'Shipped', 'Delivered'],
      Cancelled: ['Cancelled'],
    };
    const allowed = new Set([
      'Pending>Processing',
      'Processing>Shipped',
      'Shipped>Delivered',
      'Pending>Cancelled',
      'Processing>Cancelled',
    ]);
    await admin.post('/products', aProduct({ productId: 'staged', stock: 100 }));
    const jan = await store.user('jan');
    const pairs = statuses.flatMap((from) => statuses.map((to) => ({ from, to, allowed: allowed.has(`${from}>${to}`) })));
    const outcomes = await Promise.all(
      pairs.map(async ({ from, to }) => {
        const { orderId } = (await place(jan, [['staged', 1]])).body;
        for (const status of wayTo[from]!) await admin.patch(`/orders/${orderId}/status`, { status });
        const { status, body } = await admin.patch(`/orders/${orderId}/status`, { status: to });
        const order = (await jan.get(`/orders/${orderId}`)).body;
        return { from, to, status, type: body.type, answered: body.version, now: [order.status, order.version] };
      }),
    );
    const version = (from: string) => wayTo[from]!.length + 1;
    expect(outcomes).toEqual(
      pairs.map(({ from, to, allowed }) => ({
        from,
        to,
        status: allowed ? 200 : 409,
        type: allowed ? undefined : 'illegal-transition',
        answered: allowed ? version(from) + 1 : undefined,
        now: allowed ? [to, version(from) + 1] : [from, version(from)],
      })),
    );
    const unknown = await admin.patch('/orders/01ARZ3NDEKTSV4RRFFQ69G5FAV/status', { status: 'Processing' });
    expect(unknown.status).toBe(404);
  });

  test('cancelling gives the stock back once, and skips a product that is gone', async () => {
    await admin.post('/products', aProduct({ productId: 'back', stock: 10 }));
    await admin.post('/products', aProduct({ productId: 'vanishing', stock: 10 }));
    const kim = await store.user('kim');
    const { orderId } = (await place(kim, [['back', 4], ['vanishing', 1]])).body;
    await admin.delete('/products/vanishing');

    const answers = await Promise.all(Array.from({ length: 8 }, () => kim.post(`/orders/${orderId}/cancel`)));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status, body }) => status === 409 && body.type === 'illegal-transition')).toHaveLength(7);
    expect(await stockOf('back')).toBe(10);
    expect((await kim.get(`/orders/${orderId}`)).body).toMatchObject({ status: 'Cancelled', version: 2 });
  });

  test("another customer's order does not exist", async () => {
    await admin.post('/products', aProduct({ productId: 'mine' }));
    const lea = await store.user('lea');
    const max = await store.user('max');
    const { orderId } = (await place(lea, [['mine', 1]])).body;

    expect((await max.get(`/orders/${orderId}`)).status).toBe(404);
    expect((await max.post(`/orders/${orderId}/cancel`)).status).toBe(404);
    expect((await max.get('/customers/lea/orders')).status).toBe(404);
    expect((await lea.delete(`/orders/${orderId}`)).status).toBe(403);
    expect((await lea.patch(`/orders/${orderId}/status`, { status: 'Processing' })).status).toBe(403);
    expect((await admin.get(`/orders/${orderId}`)).body.customerId).toBe('lea');
    const deleted = await admin.delete(`/orders/${orderId}`);
    expect([deleted.status, deleted.body.orderId, deleted.body.statusShard]).toEqual([200, orderId, undefined]);
    expect((await lea.get(`/orders/${orderId}`)).status).toBe(404);
    expect(await stockOf('mine')).toBe(9);
  });

  test('a key outlives the ten minutes of DynamoDB, and ends after a day, deleted or not', async () => {
    await admin.post('/products', aProduct({ productId: 'timed', stock: 10 }));
    const nina = await store.user('nina');
    const sameKey = newKey();
    const first = await place(nina, [['timed', 1]], sameKey);
    const advance = (advanceSeconds: number) => store.anonymous.post('/_local/clock', { advanceSeconds });

    await advance(11 * 60);
    expect((await place(nina, [['timed', 1]], sameKey)).body.orderId).toBe(first.body.orderId);
    await advance(24 * 60 * 60);
    const later = await place(nina, [['timed', 1]], sameKey);

    expect(later.status).toBe(201);
    expect(later.body.orderId).not.toBe(first.body.orderId);
    expect(Date.parse(later.body.placedAt) - Date.parse(first.body.placedAt)).toBeGreaterThanOrEqual((24 * 60 + 11) * 60_000);
    expect(await stockOf('timed')).toBe(8);
  });
});
