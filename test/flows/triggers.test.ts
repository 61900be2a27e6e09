import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { BUS_EVENTS, type BusEventType } from '../../lambda/triggers/bus-events';
import { layouts, runs } from '../support/complete';
import { aProduct, type Answer, type Client, patiently, startStore, type TestStore } from '../support/store';
import { PROJECT } from '../support/synthesize-once';
import { eventually, until } from '../support/until';

/** Runs `npm run redrive`. */
async function redrive(store: TestStore, ...args: string[]): Promise<{ code: number; stdout: string }> {
  const command = ['--require', 'tsx/cjs', 'tools/redrive.ts', '--url', store.url, ...args];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: PROJECT });
    return { code: 0, stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout: stdout + stderr };
  }
}

/** What changes of the tables cause, through the streams, the mappings and the functions of the assembly. */
describe.each(layouts('per-domain'))('the triggers, %s', (layout) => {
  let store: TestStore;
  let outside: DynamoDBClient;
  const trigger = (stream: string) => (layout === 'single-table' ? 'store-trigger' : `${stream}-trigger`);
  const table = (name: string) => (layout === 'single-table' ? 'store-dev-Store' : `store-dev-${name}`);

  beforeAll(async () => {
    store = await startStore(layout);
    outside = new DynamoDBClient({ endpoint: store.dynamodb, region: 'us-east-1', credentials: { accessKeyId: 'outside', secretAccessKey: 'x' } });
  });
  afterAll(async () => {
    outside.destroy();
    await store.stop();
  });
  afterEach(async () => {
    await store.anonymous.delete('/_local/faults');
  });

  /** The events of the bus of a type that a test is about, once each. */
  const eventsOf = async (type: BusEventType, isMine: (detail: Answer['body']) => boolean) => {
    const details = (await store.outbox('event')).filter(({ detailType, detail }) => detailType === type && isMine(detail)).map(({ detail }) => detail);
    for (const detail of details) BUS_EVENTS[type].parse(detail);
    return [...new Map(details.map((detail) => [detail.eventId, detail])).values()];
  };
  const order = (caller: Client, key: string, lines: object[]) => caller.post('/orders', { lines }, { 'idempotency-key': key });
  const account = async (sub: string) => (await store.admin.get(`/users/${encodeURIComponent(sub)}/account`)).body;
  const put = (caller: Client, sub: string, productId: string) =>
    caller.send('PUT', `/users/${sub}/cart/items/${productId}`, { body: { quantity: 2 } });

  test('a user comes, changes and goes: mail, event, archive, and nothing of the account stays', async () => {
    const ann = await store.user('ann');
    const created = await ann.post('/users', { email: 'Ann@example.com', name: 'Ann', phone: '1' });
    await put(ann, 'ann', 'tea');
    await ann.send('POST', '/users/ann/sessions');
    await ann.patch('/users/ann', { name: 'Anna', phone: null }, { 'if-match': created.headers.get('etag') as string });
    await eventually(async () => expect(await store.outbox('email')).toEqual([expect.objectContaining({ to: ['Ann@example.com'], from: 'store@example.com', subject: 'Welcome to the store' })]));
    const changes = async () => (await eventsOf('UserChanged', ({ userId }) => userId === 'ann')).map(({ changed }) => changed);
    await eventually(async () => expect(await changes()).toEqual([['name', 'phone']]));

    await ann.delete('/users/ann');
    await eventually(async () => expect((await ann.get('/users/ann/cart')).body.items).toEqual([]));
    const archived = async () => (await store.outbox('archive')).map(({ key, body }) => [key, body.user.userId, body.user.name]);
    await eventually(async () => expect(await archived()).toEqual([[expect.stringMatching(/^users\/ann\/[0-9a-f-]{32,36}\.json$/), 'ann', 'Anna']]));
    // The session ends with the account, not with its own time.
    await ann.post('/users', { email: 'ann@example.com', name: 'Ann' });
    await eventually(async () => expect((await account('ann')).sessions).toEqual([]));
  });

  test('a user who comes back before the clean-up ran keeps the new cart', async () => {
    const ben = await store.user('ben');
    await ben.post('/users', { email: 'ben@example.com', name: 'Ben' });
    await put(ben, 'ben', 'old');
    await store.admin.post('/_local/faults', { kind: 'throttle', function: trigger('users'), operation: 'Query' });
    await ben.delete('/users/ben');
    expect((await ben.post('/users', { email: 'ben@example.com', name: 'Ben again' })).status).toBe(201);
    await put(ben, 'ben', 'new');
    await store.anonymous.delete('/_local/faults');
    const cart = async () => (await ben.get('/users/ben/cart')).body.items.map(({ productId }: { productId: string }) => productId);
    await eventually(async () => expect(await cart()).toEqual(['new']));
  });

  test('the price history, and the low-stock flag both ways', async () => {
    const { body: tea } = await store.admin.post('/products', aProduct({ productId: 'history', priceMinor: 100, stock: 10, restockAt: 3 }));
    await store.admin.send('PUT', '/partiql/products/history/price', { body: { priceMinor: 120 } });
    await store.admin.patch('/products/history', { name: 'Renamed' }, { 'if-match': '*' });
    await store.admin.patch('/products/history', { priceMinor: 90 }, { 'if-match': '*' });
    const changes = async () =>
      (await store.admin.get('/products/history/file')).body.priceChanges.map(({ fromMinor, toMinor, currency }: Answer['body']) => [fromMinor, toMinor, currency]);
    await eventually(async () =>
      expect(await changes()).toEqual([
        [100, 120, 'EUR'],
        [120, 90, 'EUR'],
      ]),
    );

    const isLow = async () => (await store.admin.get('/products/low-stock?limit=100')).body.items.some((item: Answer['body']) => item.productId === 'history');
    expect(await isLow()).toBe(false);
    await store.admin.post('/inventory/adjustments', { productId: 'history', delta: -7, reason: 'sold' });
    await eventually(async () => expect(await isLow()).toBe(true));
    await store.admin.post('/inventory/adjustments', { productId: 'history', delta: 1, reason: 'found' });
    await eventually(async () => expect(await isLow()).toBe(false));
    // The effects leave the product itself alone.
    expect((await store.anonymous.get('/products/history')).body.version).toBe(tea.version + 3);
  });

  test('what TTL takes out of a cart is abandoned, what is taken out by hand is not', async () => {
    const eve = await store.user('eve');
    await put(eve, 'eve', 'by-hand');
    await put(eve, 'eve', 'left');
    await eve.delete('/users/eve/cart/items/by-hand');
    await store.anonymous.post('/_local/clock', { advanceSeconds: 31 * 86_400 });
    const mine = async () => (await eventsOf('CartAbandoned', ({ userId }) => userId === 'eve')).map(({ productId, quantity }) => [productId, quantity]);
    await eventually(async () => expect(await mine()).toEqual([['left', 2]]));
    const queue = (await store.outbox('event')).find(({ detailType }) => detailType === 'CartAbandoned');
    expect(queue.rules).toEqual(['store-dev-marketing']);
  });

  test('orders: exact statistics, the whole history, each event under one id, whatever is delivered twice or killed', async () => {
    await store.admin.post('/_local/faults', { kind: 'duplicate-batch', count: runs(8, 20) });
    await store.admin.post('/_local/faults', { kind: 'kill-consumer', function: trigger('orders'), count: runs(3, 8), after: 1 });
    await store.admin.post('/products', aProduct({ productId: 'euro', priceMinor: 7, stock: 1_000 }));
    await store.admin.post('/products', aProduct({ productId: 'yen', priceMinor: 300, currency: 'JPY', stock: 1_000 }));
    const callers = { kim: await store.user('kim'), lee: await store.user('lee') };
    for (const [sub, caller] of Object.entries(callers)) await caller.post('/users', { email: `${sub}@example.com`, name: sub });
    const placed = await Promise.all(
      Array.from({ length: runs(12, 40) }, async (_, index) => {
        const caller = index % 2 === 0 ? callers.kim : callers.lee;
        const lines = [{ productId: index % 5 === 0 ? 'yen' : 'euro', quantity: 1 + (index % 3) }];
        const { last } = await patiently(() => order(caller, `many-${index}`, lines));
        expect([200, 201]).toContain(last.status);
        return { caller, ...(last.body as { orderId: string; customerId: string; totalMinor: number; currency: string }), steps: ['OrderPlaced'] };
      }),
    );
    /** A change of an order, which is a conflict when an earlier try was done whose answer was a 503. */
    const done = async (change: () => Promise<Answer>) => {
      const { last, all } = await patiently(change);
      expect([all, last.status]).toEqual([all, all.length > 1 && last.status === 409 ? 409 : 200]);
    };
    const cancelled = placed.filter((_, index) => index % 4 === 0);
    const moved = placed.filter((_, index) => index % 4 === 1);
    await Promise.all([
      ...cancelled.map(async (entry) => {
        await done(() => entry.caller.post(`/orders/${entry.orderId}/cancel`));
        entry.steps.push('OrderCancelled');
      }),
      ...moved.map(async (entry) => {
        await done(() => store.admin.patch(`/orders/${entry.orderId}/status`, { status: 'Processing' }));
        entry.steps.push('OrderStatusChanged');
      }),
    ]);

    const counting = placed.filter((entry) => !cancelled.includes(entry));
    for (const sub of Object.keys(callers)) {
      const mine = counting.filter(({ customerId }) => customerId === sub);
      const spent: Record<string, number> = {};
      for (const { currency, totalMinor } of mine) spent[currency] = (spent[currency] ?? 0) + totalMinor;
      await eventually(async () => expect([sub, (await account(sub)).stats]).toEqual([sub, { orders: mine.length, spent, lastOrderAt: expect.any(String) }]));
    }
    for (const { orderId, steps } of placed) {
      const events = async () => (await store.admin.get(`/orders/${orderId}/file`)).body.events.map(({ type }: { type: string }) => type);
      await eventually(async () => expect([orderId, await events()]).toEqual([orderId, steps]));
      for (const type of steps as BusEventType[]) {
        const sent = async () => (await eventsOf(type, (detail) => detail.orderId === orderId)).length;
        await eventually(async () => expect([orderId, type, await sent()]).toEqual([orderId, type, 1]));
      }
    }
    expect((await store.outbox('dead-letter')).length).toBe(0);
    const { body } = await store.anonymous.get('/_local/faults');
    expect(body.items.filter(({ injected }: { injected: number }) => injected === 0)).toEqual([]);
  });

  test('a record that always fails holds up nobody for long, is named in the queue, and is redriven when it can be', async () => {
    const queue = `store-dev-${trigger('orders')}-failed`;
    const max = await store.user('max');
    await max.post('/users', { email: 'max@example.com', name: 'Max' });
    // Statistics that cannot be counted up, until somebody mends them.
    const Key = { pk: { S: '$store#userId_max' }, sk: { S: '$account#CustomerStats_1' } };
    await outside.send(
      new PutItemCommand({
        TableName: table('Users'),
        Item: { ...Key, userId: { S: 'max' }, orders: { S: 'many' }, spent: { M: {} }, __edb_e__: { S: 'CustomerStats' }, __edb_v__: { S: '1' } },
      }),
    );
    await store.admin.post('/products', aProduct({ productId: 'poison', priceMinor: 5, stock: 100 }));
    const { body: bad } = await order(max, 'bad', [{ productId: 'poison', quantity: 1 }]);
    const others = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => (await order(await store.user(`other-${index}`), 'good', [{ productId: 'poison', quantity: 1 }])).body),
    );
    for (const { orderId } of others) {
      await eventually(async () => expect(await eventsOf('OrderPlaced', (detail) => detail.orderId === orderId)).toHaveLength(1));
    }
    const [dead, ...more] = await until(() => store.outbox('dead-letter'), (items) => items.length > 0);
    expect(more).toEqual([]);
    expect(dead).toMatchObject({
      queue,
      function: trigger('orders'),
      requestContext: { condition: 'RefusedBySetUp', functionArn: expect.stringMatching(`:function:store-dev-${trigger('orders')}$`) },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: null },
      DDBStreamBatchInfo: { batchSize: 1, streamArn: expect.stringContaining(`:table/${table('Orders')}/stream/`) },
    });

    const dry = await redrive(store, '--queue', queue, '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringMatching(/^would go .*1 record \(RefusedBySetUp\), INSERT .*max.*\n.*: 1 can be redriven, 0 left/)]);
    expect(dry.stdout).toContain(bad.orderId);
    const tooSoon = await redrive(store, '--queue', queue);
    expect([tooSoon.code, tooSoon.stdout]).toEqual([1, expect.stringMatching(/^failed again .*\n.*: 0 redriven, 1 left in the queue, 0 past saving/)]);

    await outside.send(
      new UpdateItemCommand({ TableName: table('Users'), Key, UpdateExpression: 'SET orders = :none', ExpressionAttributeValues: { ':none': { N: '0' } } }),
    );
    expect((await redrive(store, '--queue', queue)).stdout).toMatch(/^redriven .*\n.*: 1 redriven, 0 left in the queue, 0 past saving/);
    expect((await account('max')).stats).toMatchObject({ orders: 1, spent: { EUR: 5 } });
    expect((await redrive(store, '--queue', queue)).stdout).toBe(`${queue} is empty.\n`);
    const read = await redrive(store, '--queue', 'store-dev-fulfilment', '--dry-run');
    expect(read).toEqual({ code: 1, stdout: expect.stringMatching(/^store-dev-fulfilment is no on-failure queue: it has a consumer/) });
    expect(await redrive(store, '--queue', 'other')).toEqual({ code: 1, stdout: expect.stringMatching(/^There is no queue other\. On-failure queues: store-dev-/) });
  });

  /** Signs up some users. */
  const signUp = (name: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const sub = `${name}-${index}`;
        const caller = await store.user(sub);
        const { headers } = await caller.post('/users', { email: `${sub}@example.com`, name });
        return { sub, caller, etag: headers.get('etag') as string };
      }),
    );
  const changed = (sub: string) => eventsOf('UserChanged', ({ userId }) => userId === sub);
  const injected = async () => (await store.anonymous.get('/_local/faults')).body.items.map((fault: { injected: number }) => fault.injected);
  const sentTo = async (name: string) => (await store.outbox('email')).flatMap(({ to }) => to).filter((to) => to.startsWith(`${name}-`));

  test('a recipient whom SES refuses for good is tried once, and holds up nobody', async () => {
    const before = (await store.outbox('dead-letter')).length;
    await store.admin.post('/_local/faults', { kind: 'refused', service: 'ses', code: 'MessageRejected' });
    const users = await signUp('refused', 12);
    const { sub, caller, etag } = users.at(-1)!;
    await caller.patch(`/users/${sub}`, { name: 'Behind' }, { 'if-match': etag });
    await eventually(async () => expect(await changed(sub)).toHaveLength(1));
    await eventually(async () => expect(await injected()).toEqual([12]));
    // Another batch, behind all of them.
    await caller.patch(`/users/${sub}`, { name: 'Behind again' }, { 'if-match': '*' });
    await eventually(async () => expect(await changed(sub)).toHaveLength(2));
    expect([await injected(), await sentTo('refused'), (await store.outbox('dead-letter')).length]).toEqual([[12], [], before]);
    for (const user of users) expect((await user.caller.get(`/users/${user.sub}`)).body).toMatchObject({ userId: user.sub });
  });

  test('while SES is away mail waits, and goes to each once when it is back', async () => {
    const before = (await store.outbox('dead-letter')).length;
    await store.admin.post('/_local/faults', { kind: 'internal-error', service: 'ses' });
    await signUp('waiting', 6);
    await until(injected, ([times]) => times > 20);
    expect(await sentTo('waiting')).toEqual([]);
    await store.anonymous.delete('/_local/faults');
    await eventually(async () => expect((await sentTo('waiting')).sort()).toEqual(Array.from({ length: 6 }, (_, index) => `waiting-${index}@example.com`)));
    expect((await store.outbox('dead-letter')).length).toBe(before);
  });

  test('without the bucket each deletion is a message and holds up nobody; one redrive archives all once it is there again', async () => {
    const queue = `store-dev-${trigger('users')}-failed`;
    const users = await signUp('gone', 5);
    const [behind] = await signUp('behind', 1);
    const { sub, caller, etag } = behind!;
    const before = (await store.outbox('archive')).length;
    await store.admin.post('/_local/faults', { kind: 'refused', service: 's3', code: 'NoSuchBucket' });
    for (const user of users) await user.caller.delete(`/users/${user.sub}`);
    await caller.patch(`/users/${sub}`, { name: 'Behind' }, { 'if-match': etag });
    await eventually(async () => expect(await changed(sub)).toHaveLength(1));
    const tooSoon = await redrive(store, '--queue', queue);
    expect([tooSoon.code, tooSoon.stdout]).toEqual([1, expect.stringContaining(`${queue}: 0 redriven, 5 left in the queue, 0 past saving.`)]);
    await store.anonymous.delete('/_local/faults');
    const done = await redrive(store, '--queue', queue);
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining(`${queue}: 5 redriven, 0 left in the queue, 0 past saving.`)]);
    const archived = (await store.outbox('archive')).slice(before).map(({ body }) => body.user.userId);
    expect(archived.sort()).toEqual(users.map((user) => user.sub));
  });

  test('an item that no code knows is reported, not swallowed', async () => {
    const before = (await store.outbox('dead-letter')).length;
    const Item = { pk: { S: 'a-stranger' }, sk: { S: 'x' } };
    await outside.send(new PutItemCommand({ TableName: table('Products'), Item }));
    const items = await until(() => store.outbox('dead-letter'), ({ length }) => length > before);
    expect(items.slice(before)).toEqual([expect.objectContaining({ function: trigger('products') })]);
    expect((await redrive(store, '--queue', `store-dev-${trigger('products')}-failed`, '--dry-run')).stdout).toContain('INSERT a-stranger x');
  });
});
