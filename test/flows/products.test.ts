import { layouts } from '../support/complete';
import { allPages, aProduct, type Client, startStore, type TestStore } from '../support/store';

describe.each(layouts('per-domain'))('products, %s', (layout) => {
  let store: TestStore;
  let admin: Client;

  beforeAll(async () => {
    store = await startStore(layout);
    admin = store.admin;
  });
  afterAll(() => store.stop());

  test('every attribute type comes back as it went in', async () => {
    const product = {
      productId: 'Typed.~1',
      name: "Jack's New England Clam Chowder — Größe 日本 🦪",
      category: 'Seafood',
      priceMinor: 965,
      currency: 'USD',
      description: 'One line,\r\nanother,\n\nand a last.',
      active: true,
      tags: ['b', 'a'],
      sizes: [10, 2.5, -3],
      dimensions: { width: 1.25, deep: { empty: {}, list: [], none: null, text: '' } },
      images: ['https://example.com/1.png', 'https://example.com/1.png'],
      thumbnail: Buffer.from([0, 255, 1]).toString('base64'),
      imageDigests: [Buffer.from('two').toString('base64'), Buffer.from('one').toString('base64')],
      discontinuedAt: null,
      restockAt: 3,
      stock: 12,
    };
    const created = await admin.post('/products', { ...product, tags: ['b', 'a', 'b'] });

    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe('/products/Typed.~1');
    const expected = {
      ...product,
      tags: ['a', 'b'],
      sizes: [-3, 2.5, 10],
      imageDigests: [...product.imageDigests].sort(),
      createdAt: created.body.createdAt,
      updatedAt: created.body.createdAt,
      version: 1,
    };
    expect(created.body).toEqual(expected);
    const read = await store.anonymous.get('/products/Typed.~1');
    expect([read.status, read.body, read.headers.get('etag')]).toEqual([200, expected, created.headers.get('etag')]);
    const again = await admin.post('/products', product);
    expect([again.status, again.body.type]).toEqual([409, 'product-exists']);
  });

  test('a product without an id gets one, without stock has none, and an empty set is no attribute', async () => {
    const { stock: _, ...product } = aProduct({ tags: [], sizes: [] });
    const created = await admin.post('/products', product);
    expect(created.body).toMatchObject({ productId: expect.stringMatching(/^[0-9A-Z]{26}$/), stock: 0, active: true });
    const { body } = await store.anonymous.get(`/products/${created.body.productId}`);
    expect(body).toEqual(created.body);
    expect(body).not.toHaveProperty('tags');
  });

  test('a category by price, with ties by id, each product once and without stock', async () => {
    const prices = [1, 26_350, 9, 10, 100, 10, 0, 1_000_000_000];
    await Promise.all(
      prices.map((priceMinor, index) =>
        admin.post('/products', aProduct({ productId: `cat-${index}`, category: 'Naïve #1_$', priceMinor })),
      ),
    );
    const byPrice = ['cat-6', 'cat-0', 'cat-2', 'cat-3', 'cat-5', 'cat-4', 'cat-1', 'cat-7'];
    const path = `/products?category=${encodeURIComponent('Naïve #1_$')}`;
    for (const limit of [1, 3, 100]) {
      const { items } = await allPages(store.anonymous, path, limit);
      expect(items.map(({ productId }) => productId)).toEqual(byPrice);
    }
    const [first] = (await store.anonymous.get(path)).body.items;
    expect(Object.keys(first).sort()).toEqual([
      'active',
      'category',
      'createdAt',
      'currency',
      'name',
      'priceMinor',
      'productId',
      'updatedAt',
      'version',
    ]);
    expect((await store.anonymous.get(`/products?category=${encodeURIComponent('naïve #1_$')}`)).body.items).toEqual([]);
    expect((await store.anonymous.get('/products')).status).toBe(400);
  });

  test('a category is one key, whichever way it comes in and is asked for: without blanks around it, and NFC', async () => {
    const [typed, key] = [' Cafe\u0301 \u00a0', 'Caf\u00e9'];
    await admin.post('/products', aProduct({ productId: 'key-1', category: typed }));
    await admin.post('/products', aProduct({ productId: 'key-2' }));
    await admin.patch('/products/key-2', { category: typed }, { 'if-match': '*' });
    await admin.post('/products/batch', { products: [aProduct({ productId: 'key-3', category: typed })] });
    await admin.post('/partiql/products', aProduct({ productId: 'key-4', category: typed }));
    for (const asked of [typed, key]) {
      const { items } = await allPages(store.anonymous, `/products?category=${encodeURIComponent(asked)}`, 3);
      expect(items.map(({ productId, category }) => [productId, category])).toEqual(['key-1', 'key-2', 'key-3', 'key-4'].map((id) => [id, key]));
    }
  });

  test('a change sets, removes and moves; the price that an order sees moves with it', async () => {
    const created = await admin.post(
      '/products',
      aProduct({ productId: 'changing', category: 'Old', description: 'x', tags: ['a'], restockAt: 2 }),
    );
    const etag = created.headers.get('etag') as string;
    expect((await admin.patch('/products/changing', { name: 'B' })).status).toBe(428);
    expect((await admin.patch('/products/ghost', { name: 'B' }, { 'if-match': etag })).status).toBe(404);
    expect((await admin.patch('/products/changing', { stock: 1 }, { 'if-match': etag })).status).toBe(400);
    expect((await admin.patch('/products/changing', {}, { 'if-match': etag })).status).toBe(400);

    const plain = await admin.patch(
      '/products/changing',
      { description: null, tags: [], discontinuedAt: null, images: ['i'] },
      { 'if-match': etag },
    );
    expect(plain.status).toBe(200);
    expect(plain.body).toMatchObject({ discontinuedAt: null, images: ['i'], version: 2, stock: 10 });
    expect(plain.body).not.toHaveProperty('tags');
    expect(plain.body).not.toHaveProperty('description');
    expect((await admin.patch('/products/changing', { name: 'late' }, { 'if-match': etag })).status).toBe(412);

    const moved = await admin.patch(
      '/products/changing',
      { category: 'New', priceMinor: 5, currency: 'USD', restockAt: null },
      { 'if-match': plain.headers.get('etag') as string },
    );
    expect(moved.body).toMatchObject({ category: 'New', priceMinor: 5, currency: 'USD', version: 3 });
    expect((await store.anonymous.get('/products?category=Old')).body.items).toEqual([]);
    expect((await store.anonymous.get('/products?category=New')).body.items).toHaveLength(1);
    const ann = await store.user('ann');
    const order = await ann.post(
      '/orders',
      { lines: [{ productId: 'changing', quantity: 2 }] },
      { 'idempotency-key': 'after the change' },
    );
    expect([order.status, order.body.totalMinor, order.body.currency]).toEqual([201, 10, 'USD']);
  });

  test('stock moves by hand, never below zero, whoever moves it', async () => {
    await admin.post('/products', aProduct({ productId: 'moved', stock: 5 }));
    const move = (delta: number, productId = 'moved') =>
      admin.post('/inventory/adjustments', { productId, delta, reason: 'count' });

    expect((await move(3)).body).toEqual({ productId: 'moved', stock: 8 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => move(-1)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(8);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(12);
    expect(refused[0]!.body).toMatchObject({
      type: 'insufficient-stock',
      lines: [{ productId: 'moved', requested: 1, available: 0 }],
    });
    expect((await move(1, 'ghost')).status).toBe(404);
    expect((await move(0)).status).toBe(400);
    expect((await move(1_000_000_000)).body).toEqual({ productId: 'moved', stock: 1_000_000_000 });
    expect((await move(1)).status).toBe(400);
    expect((await move(-1_000_000_000)).body).toEqual({ productId: 'moved', stock: 0 });
    expect((await store.anonymous.get('/products/moved')).body.stock).toBe(0);
  });

  test('a deleted product is gone with its stock, and may come back as another', async () => {
    const created = await admin.post('/products', aProduct({ productId: 'gone' }));
    expect((await admin.delete('/products/gone')).status).toBe(204);
    expect((await admin.delete('/products/gone')).status).toBe(404);
    expect((await store.anonymous.get('/products/gone')).status).toBe(404);
    const back = await admin.post('/products', aProduct({ productId: 'gone', stock: 1 }));
    expect([back.status, back.body.stock]).toEqual([201, 1]);
    const stale = { 'if-match': created.headers.get('etag') as string };
    expect((await admin.patch('/products/gone', { name: 'x' }, stale)).status).toBe(412);
  });
});
