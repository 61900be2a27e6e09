import { layouts } from '../support/complete';
import { allPages, aProduct, type Client, startStore, type TestStore } from '../support/store';

describe.each(layouts('per-domain'))('imports, batches and transfers, %s', (layout) => {
  let store: TestStore;
  let admin: Client;

  beforeAll(async () => {
    store = await startStore(layout);
    admin = store.admin;
  });
  afterAll(() => store.stop());

  const importing = (products: object[]) => admin.post('/products/batch', { products });
  const read = async (productId: string) => (await store.anonymous.get(`/products/${productId}`)).body;
  const move = (fromProductId: string, toProductId: string, quantity: number) =>
    admin.post('/inventory/transfers', { fromProductId, toProductId, quantity });

  test('500 products at once; those that are wrong are named, the others are written', async () => {
    const products: object[] = Array.from({ length: 500 }, (_, index) =>
      aProduct({ productId: `bulk-${index}`, name: `Product ${index}`, category: 'Bulk', priceMinor: index, stock: index }),
    );
    products[7] = aProduct({ productId: 'bulk-7', name: '', priceMinor: -1 });
    products[99] = { productId: 'bulk-99' };
    products[250] = 'text' as never;
    products[499] = aProduct({ productId: 'bulk-499', description: '日'.repeat(1_500), images: Array(10).fill('日'.repeat(150)) });

    const { status, body } = await importing(products);

    expect([status, body.written]).toEqual([200, 496]);
    expect(body.failed.map(({ index, productId }: { index: number; productId: string }) => [index, productId])).toEqual([
      [7, 'bulk-7'],
      [99, 'bulk-99'],
      [250, null],
      [499, 'bulk-499'],
    ]);
    expect(body.failed[0].reason).toBe('name: must not be empty; priceMinor: must be a whole number from 0 to 1000000000');
    expect(body.failed[3].reason).toMatch(/^the product is \d+ bytes; the limit is 8192$/);
    expect(await read('bulk-498')).toMatchObject({ name: 'Product 498', priceMinor: 498, stock: 498, version: 1, active: true });
    expect((await store.anonymous.get('/products/bulk-7')).status).toBe(404);
    const { items } = await allPages(store.anonymous, '/products?category=Bulk', 100);
    expect(items).toHaveLength(496);
  });

  test('an import begins a product anew, and its stock only where it is given; both can be ordered', async () => {
    await admin.post('/products', aProduct({ productId: 'a', stock: 5, priceMinor: 100, description: 'old', restockAt: 2 }));
    await admin.post('/products', aProduct({ productId: 'b', stock: 5, priceMinor: 100 }));
    const { stock: _, ...without } = aProduct({ productId: 'a', priceMinor: 200 });
    const { stock: __, ...fresh } = aProduct({ productId: 'c', restockAt: 3 });

    const { body } = await importing([without, aProduct({ productId: 'b', stock: 9, priceMinor: 300 }), fresh]);

    expect(body).toEqual({ written: 3, failed: [] });
    expect(await read('a')).toMatchObject({ stock: 5, priceMinor: 200, version: 1 });
    expect(await read('a')).not.toHaveProperty('description');
    expect(await read('b')).toMatchObject({ stock: 9, priceMinor: 300 });
    expect(await read('c')).toMatchObject({ stock: 0 });
    const lines = ['a', 'b'].map((productId) => ({ productId, quantity: 1 }));
    const order = await (await store.user('ann')).post('/orders', { lines }, { 'idempotency-key': 'after the import' });
    expect([order.status, order.body.totalMinor]).toEqual([201, 500]);
    // What it copies of the product follows: the product is no longer low at 2, the new one is low at 0.
    const low = (await admin.get('/products/low-stock')).body.items.map(({ productId }: { productId: string }) => productId);
    expect(low).toContain('c');
    await admin.post('/inventory/adjustments', { productId: 'a', delta: -3, reason: 'count' });
    expect((await admin.get('/products/low-stock')).body.items.map(({ productId }: { productId: string }) => productId)).not.toContain('a');
  });

  test('products by id: each once, in the order asked for; what is missing is named, what has no room is unread', async () => {
    const large = (index: number) =>
      aProduct({ productId: `large-${index}`, images: Array(7).fill('"'.repeat(1_000)), tags: ['b', 'a'], stock: 3 });
    for (const first of [0, 200]) {
      expect((await importing(Array.from({ length: 200 }, (_, index) => large(first + index)))).body.written).toBe(200);
    }

    const some = await store.anonymous.post('/products/batch-get', { productIds: ['large-1', 'none', 'large-0', 'large-1', '日'] });
    expect(some.status).toBe(200);
    expect(some.body.products.map(({ productId }: { productId: string }) => productId)).toEqual(['large-1', 'large-0']);
    expect(some.body.products[0]).toMatchObject({ tags: ['a', 'b'] });
    expect(some.body.products[0]).not.toHaveProperty('stock');
    expect([some.body.missing, some.body.unread]).toEqual([['none', '日'], []]);

    const productIds = [...Array.from({ length: 400 }, (_, index) => `large-${index}`), 'none'];
    const all = await store.anonymous.post('/products/batch-get', { productIds });
    expect([all.status, all.body.missing]).toEqual([200, ['none']]);
    expect(all.body.unread.length).toBeGreaterThan(0);
    const ids = all.body.products.map(({ productId }: { productId: string }) => productId);
    expect([...ids, ...all.body.unread].sort()).toEqual(productIds.slice(0, -1).sort());
  });

  test('a transfer moves stock and leaves a movement on both sides; it is refused whole', async () => {
    await admin.post('/products', aProduct({ productId: 'here', stock: 5 }));
    await admin.post('/products', aProduct({ productId: 'there', stock: 1 }));
    const moved = await move('here', 'there', 2);
    expect([moved.status, moved.body]).toEqual([
      200,
      { fromProductId: 'here', toProductId: 'there', quantity: 2, fromStock: 3, toStock: 3 },
    ]);
    const short = await move('here', 'there', 4);
    expect([short.status, short.body.type, short.body.lines]).toEqual([
      409,
      'insufficient-stock',
      [{ productId: 'here', requested: 4, available: 3 }],
    ]);
    for (const [from, to, unknown] of [['here', 'ghost', ['ghost']], ['ghost', 'here', ['ghost']], ['x', 'y', ['x', 'y']]] as const) {
      const { status, body } = await move(from, to, 1);
      expect([status, body.type, body.productIds]).toEqual([404, 'not-found', unknown]);
    }
    await admin.post('/products', aProduct({ productId: 'full', stock: 1_000_000_000 }));
    expect((await move('here', 'full', 1)).status).toBe(400);
    const file = (await admin.get('/products/there/file')).body;
    expect(file).toMatchObject({ product: { productId: 'there' }, stock: 3, priceChanges: [] });
    expect(file.stockMovements).toEqual([
      { movementId: expect.any(String), delta: 2, reason: 'transfer from here', at: expect.any(String) },
    ]);
    const other = (await admin.get('/products/here/file')).body;
    expect(other.stockMovements).toMatchObject([{ delta: -2, reason: 'transfer to there' }]);
    expect((await admin.get('/products/ghost/file')).status).toBe(404);
  });

  test('transfers at once around a ring of products keep the total', async () => {
    const ring = Array.from({ length: 4 }, (_, index) => `ring-${index}`);
    await importing(ring.map((productId) => aProduct({ productId, stock: 3 })));
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) => move(ring[index % 4]!, ring[(index + 1) % 4]!, 1 + (index % 3))),
    );
    const stocks = await Promise.all(ring.map(async (productId) => (await read(productId)).stock as number));
    expect(stocks.reduce((sum, stock) => sum + stock, 0)).toBe(12);
    expect(Math.min(...stocks)).toBeGreaterThanOrEqual(0);
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(4);
  });
});
