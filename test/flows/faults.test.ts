import { layouts, runs, testCompletely } from '../support/complete';
import { aProduct, patiently, startStore, type TestStore } from '../support/store';
import type { Layout } from '../support/synthesize-once';

/** Does the work for each index, eight at a time. */
async function eightAtATime<Result>(count: number, work: (index: number) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return results;
}

/** A store whose faults end with each test. */
function aStore(layout: Layout) {
  const started = { store: undefined as unknown as TestStore };
  beforeAll(async () => {
    started.store = await startStore(layout);
  });
  afterEach(async () => {
    await started.store.anonymous.delete('/_local/faults');
  });
  afterAll(() => started.store.stop());
  return started;
}

const inject = async ({ anonymous }: TestStore, fault: object) =>
  expect((await anonymous.post('/_local/faults', fault)).status).toBe(200);
const stockOf = async ({ anonymous }: TestStore, productId: string) =>
  (await anonymous.get(`/products/${productId}`)).body.stock as number;

describe.each(layouts('per-domain'))('under faults, %s', (layout) => {
  const started = aStore(layout);

  test('unprocessed at 30 %: the import still writes all, and a batch read finds all', async () => {
    const { store } = started;
    const { admin } = store;
    await inject(store, { kind: 'unprocessed', rate: 0.3 });
    const products = Array.from({ length: 100 }, (_, index) => {
      const { stock, ...product } = aProduct({ productId: `third-${index}`, stock: index });
      return index % 2 ? { ...product, stock } : product;
    });
    expect((await admin.post('/products/batch', { products })).body).toEqual({ written: 100, failed: [] });
    const read = await store.anonymous.post('/products/batch-get', { productIds: products.map((_, index) => `third-${index}`) });
    expect([read.body.products.length, read.body.missing, read.body.unread]).toEqual([100, [], []]);
    expect([await stockOf(store, 'third-99'), await stockOf(store, 'third-98')]).toEqual([99, 0]);
  });

  test('with indexes five seconds behind, an owner places, reads and cancels an order at once', async () => {
    const { store } = started;
    const { admin } = store;
    await admin.post('/products', aProduct({ productId: 'lagging', stock: 5 }));
    const ben = await store.user('ben');
    await inject(store, { kind: 'gsi-lag', rate: 1, seconds: 5 });

    const placed = await ben.post('/orders', { lines: [{ productId: 'lagging', quantity: 2 }] }, { 'idempotency-key': 'lagging' });
    const { orderId } = placed.body;

    expect(placed.status).toBe(201);
    expect((await ben.get(`/orders/${orderId}`)).status).toBe(200);
    expect((await ben.get('/customers/ben/orders/by-status/Pending')).body.items).toHaveLength(1);
    expect((await admin.get(`/orders/${orderId}`)).status).toBe(404);
    expect((await ben.post(`/orders/${orderId}/cancel`)).status).toBe(200);
    expect(await stockOf(store, 'lagging')).toBe(5);
  });
});

describe.each(layouts('per-domain'))('under faults of every call, %s', (layout) => {
  const started = aStore(layout);
  const ORDERS = runs(10, 30);

  test.each([
    ['throttle', 0.2],
    ['conflict', 0.2],
    ['internal-error', 0.2],
    ['timeout-after-commit', 0.1],
  ])('%s at %d: orders and cancellations keep every invariant, and none answers 500', async (kind, rate) => {
    const { store } = started;
    const { admin } = store;
    const ids = [0, 1, 2].map((index) => `${kind}-${index}`);
    for (const productId of ids) await admin.post('/products', aProduct({ productId, stock: 200, priceMinor: 3 }));
    const sub = `customer-${kind}`;
    const caller = await store.user(sub);
    await inject(store, { kind, rate });

    const placed = await eightAtATime(ORDERS, (index) => {
      const lines = [
        { productId: ids[index % 3], quantity: 1 + (index % 4) },
        { productId: ids[(index + 1) % 3], quantity: 1 },
      ];
      return patiently(() => caller.post('/orders', { lines }, { 'idempotency-key': `${kind} ${index}` }));
    });
    const cancelled = await eightAtATime(ORDERS, (index) =>
      patiently(() => caller.post(`/orders/${placed[index]!.last.body.orderId}/cancel`)),
    );
    await store.anonymous.delete('/_local/faults');

    const statuses = [...placed, ...cancelled].flatMap(({ all }) => all);
    expect(statuses.filter((status) => ![200, 201, 409, 503].includes(status))).toEqual([]);
    const { items } = (await caller.get(`/customers/${sub}/orders?limit=100`)).body;
    expect(items).toHaveLength(ORDERS);
    expect(new Set(placed.map(({ last }) => last.body.orderId)).size).toBe(ORDERS);
    for (const { status, version, lines, totalMinor } of items) {
      expect([status, version]).toEqual(['Cancelled', 2]);
      expect(totalMinor).toBe(lines.reduce((sum: number, line: { quantity: number; priceMinor: number }) => sum + line.quantity * line.priceMinor, 0));
    }
    expect(await Promise.all(ids.map((id) => stockOf(store, id)))).toEqual([200, 200, 200]);
  });

  // They repeat their calls until their time-out.
  testCompletely('unprocessed at 100 %: both answer within the deadline, naming every item', async () => {
    const { store } = started;
    const { admin } = store;
    await inject(store, { kind: 'unprocessed', rate: 1 });
    const products = Array.from({ length: 60 }, (_, index) => aProduct({ productId: `never-${index}` }));
    const productIds = products.map((_, index) => `never-${index}`);
    const [written, read] = await Promise.all([
      admin.post('/products/batch', { products }),
      store.anonymous.post('/products/batch-get', { productIds }),
    ]);
    expect([written.status, written.body.written]).toEqual([200, 0]);
    expect(written.body.failed).toEqual(
      productIds.map((productId, index) => ({ index, productId, reason: expect.stringMatching(/^unprocessed: .*; import it again$/) })),
    );
    expect([read.status, read.body]).toEqual([200, { products: [], missing: [], unread: productIds }]);
    await store.anonymous.delete('/_local/faults');
    expect((await store.anonymous.get('/products/never-0')).status).toBe(404);
  });
});
