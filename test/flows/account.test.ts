import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { ulid } from 'ulid';
import { createStore } from '../../lambda/model/store';
import { layouts } from '../support/complete';
import { type Client, startStore, type TestStore } from '../support/store';

describe.each(layouts('per-domain'))('carts, sessions and the account, %s', (layout) => {
  let store: TestStore;

  beforeAll(async () => {
    store = await startStore(layout);
  });
  afterAll(() => store.stop());

  const put = (caller: Client, sub: string, productId: string, quantity: number) =>
    caller.send('PUT', `/users/${sub}/cart/items/${productId}`, { body: { quantity } });

  test('a cart needs no profile; what is put again has the new quantity, what is taken out is gone', async () => {
    const ann = await store.user('Ann');
    expect((await ann.get('/users/Ann/cart')).body).toEqual({ items: [] });
    const added = await put(ann, 'Ann', 'tea', 2);
    expect([added.status, added.body]).toEqual([
      200,
      { productId: 'tea', quantity: 2, addedAt: expect.any(String), expiresAt: expect.any(Number) },
    ]);
    expect(added.body.expiresAt).toBe(Math.floor(Date.parse(added.body.addedAt) / 1_000) + 30 * 86_400);
    await put(ann, 'Ann', 'Tea', 1);
    await put(ann, 'Ann', 'tea', 5);
    const { items } = (await ann.get('/users/Ann/cart')).body;
    expect(items.map(({ productId, quantity }: { productId: string; quantity: number }) => [productId, quantity])).toEqual([
      ['Tea', 1],
      ['tea', 5],
    ]);
    expect((await ann.delete('/users/Ann/cart/items/tea')).status).toBe(204);
    expect((await ann.delete('/users/Ann/cart/items/tea')).status).toBe(204);
    expect((await ann.get('/users/Ann/cart')).body.items).toHaveLength(1);
    expect((await put(ann, 'Ann', 'low-stock', 1)).status).toBe(404);
    expect((await put(ann, 'Ann', 'tea', 0)).status).toBe(400);
    expect((await put(await store.user('ann'), 'Ann', 'tea', 1)).status).toBe(404);
  });

  test('a cart holds 100 products, however many come at once', async () => {
    const ben = await store.user('ben');
    const outside = new DynamoDBClient({ endpoint: store.dynamodb, region: 'us-east-1', credentials: { accessKeyId: 'outside', secretAccessKey: 'x' } });
    const table = (domain: string) => `store-dev-${layout === 'single-table' ? 'Store' : domain}`;
    const names = { users: table('Users'), products: table('Products'), orders: table('Orders') };
    const { CartItem } = createStore(names, DynamoDBDocumentClient.from(outside)).entities;
    const given = { userId: 'ben', quantity: 1, addedAt: new Date().toISOString(), putId: ulid(Date.now() - 120_000), expiresAt: Math.floor(Date.now() / 1_000) + 86_400 };
    await CartItem.put(Array.from({ length: 90 }, (_, index) => ({ ...given, productId: `p${index}` }))).go();
    outside.destroy();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => put(ben, 'ben', `more${index}`, 1)));
    const full = answers.filter(({ status }) => status === 409);
    expect(answers.filter(({ status }) => status === 200).length + full.length).toBe(20);
    expect(full[0]!.body.type).toBe('cart-full');
    const { items } = (await ben.get('/users/ben/cart')).body;
    expect(items.length).toBeLessThanOrEqual(100);
    expect(items).toHaveLength(110 - full.length);

    const same = await Promise.all(Array.from({ length: 3 }, () => put(ben, 'ben', 'the-same', 1)));
    const isIn = ((await ben.get('/users/ben/cart')).body.items as { productId: string }[]).some(({ productId }) => productId === 'the-same');
    expect(isIn).toBe(same.some(({ status }) => status === 200));
    await ben.delete('/users/ben/cart/items/the-same');
    for (let index = items.length; index < 100; index++) expect((await put(ben, 'ben', `last${index}`, 1)).status).toBe(200);
    expect((await put(ben, 'ben', 'one-more', 1)).status).toBe(409);
    expect((await put(ben, 'ben', items[0].productId, 9)).status).toBe(200);
    const after = (await ben.get('/users/ben/cart')).body.items as { productId: string; quantity: number }[];
    expect(after).toHaveLength(100);
    expect(after.find(({ productId }) => productId === items[0].productId)?.quantity).toBe(9);
  });

  test("a session is its user's own; of more than 20 the oldest ends", async () => {
    const cat = await store.user('cat');
    const sessions: string[] = [];
    for (let index = 0; index < 22; index++) {
      const { status, body, headers } = await cat.send('POST', '/users/cat/sessions');
      expect([status, body, headers.get('location')]).toEqual([
        201,
        { sessionId: expect.any(String), userId: 'cat', expiresAt: expect.any(Number) },
        `/sessions/${body.sessionId}`,
      ]);
      sessions.push(body.sessionId);
    }
    const status = async (caller: Client, id: string) => (await caller.get(`/sessions/${id}`)).status;
    expect([await status(cat, sessions[0]!), await status(cat, sessions[1]!)]).toEqual([404, 404]);
    expect([await status(cat, sessions[2]!), await status(cat, sessions[21]!)]).toEqual([200, 200]);
    expect(await status(await store.user('dan'), sessions[21]!)).toBe(404);
    expect(await status(store.admin, sessions[21]!)).toBe(404);
  });

  test('the account is one query: user, statistics, cart and sessions', async () => {
    const eve = await store.user('eve');
    expect((await eve.get('/users/eve/account')).status).toBe(404);
    await put(eve, 'eve', 'tea', 1);
    expect((await eve.get('/users/eve/account')).status).toBe(404);
    const user = (await eve.post('/users', { email: 'eve@example.com', name: 'Eve' })).body;
    const session = (await eve.send('POST', '/users/eve/sessions')).body;

    const answer = await eve.get('/users/eve/account');

    expect([answer.status, answer.body]).toEqual([
      200,
      {
        user,
        stats: { orders: 0, spent: {}, lastOrderAt: null },
        cart: { items: [expect.objectContaining({ productId: 'tea', quantity: 1 })] },
        sessions: [session],
      },
    ]);
    expect((await store.admin.get('/users/eve/account')).body).toEqual(answer.body);
    expect((await (await store.user('fay')).get('/users/eve/account')).status).toBe(404);
    const { items } = (await store.anonymous.get(`/_local/trace?request=${answer.headers.get('apigw-requestid')}`)).body;
    expect(items).toEqual([expect.objectContaining({ operation: 'Query', outcome: 'ok' })]);
  });

  test('what has expired is not shown, before TTL deletes it and after', async () => {
    const gus = await store.user('gus');
    await gus.post('/users', { email: 'gus@example.com', name: 'Gus' });
    await put(gus, 'gus', 'tea', 1);
    const { sessionId } = (await gus.send('POST', '/users/gus/sessions')).body;
    const shown = async () => {
      const { cart, sessions } = (await gus.get('/users/gus/account')).body;
      return [cart.items.length, sessions.length, (await gus.get(`/sessions/${sessionId}`)).status];
    };
    expect(await shown()).toEqual([1, 1, 200]);
    await store.anonymous.post('/_local/clock', { advanceSeconds: 86_401 });
    expect(await shown()).toEqual([1, 0, 404]);
    await store.anonymous.post('/_local/clock', { advanceSeconds: 29 * 86_400 });
    expect(await shown()).toEqual([0, 0, 404]);
    expect((await gus.get('/users/gus/cart')).body).toEqual({ items: [] });
  });
});
