import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { json } from 'node:stream/consumers';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { generateKeyPair, SignJWT } from 'jose';
import { type Flow, FLOWS } from '../../lib/flows';
import { runs } from '../support/complete';
import { type Answer, aProduct, type Client, startStore, type TestStore } from '../support/store';
import { until } from '../support/until';

/** Everything that is wrong on every route: the status that the design names, a problem without a trace, no change. */
describe('what is wrong is refused', () => {
  let store: TestStore;
  let admin: Client;
  let ann: Client;
  let orderId: string;
  let before: Awaited<ReturnType<typeof contents>>;

  /** All items of all tables. */
  const contents = async () => {
    const client = new DynamoDBClient({
      endpoint: store.dynamodb,
      region: 'us-east-1',
      credentials: { accessKeyId: 'outside', secretAccessKey: 'x' },
    });
    const tables = ['Users', 'Products', 'Orders'].map((name) => `store-dev-${name}`);
    const scans = await Promise.all(tables.map((TableName) => client.send(new ScanCommand({ TableName }))));
    client.destroy();
    return scans.map(({ Items }) => Items);
  };

  const expectProblem = (answer: Answer, status: number, type?: string) => {
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([status, expect.any(String)]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ type: type ?? expect.any(String), title: expect.any(String), status });
    expect(answer.body.detail).not.toBe('');
    expect(JSON.stringify(answer.body)).not.toMatch(/\\n\s+at |node:|\.mjs|electro/i);
  };

  beforeAll(async () => {
    store = await startStore('per-domain');
    admin = store.admin;
    ann = await store.user('ann');
    await ann.post('/users', { email: 'ann@example.com', name: 'Ann' });
    await admin.post('/products', aProduct({ productId: 'tea' }));
    orderId = (await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 1 }] }, { 'idempotency-key': 'k' })).body.orderId;
    // Two items of the user, two of the product, two of the order; a mark of the mail, the statistics and their mark, the
    // order's history. What changes cause comes a moment later.
    before = await until(contents, (tables) => tables.flat().length === 10);
    if (before.flat().length !== 10) throw new Error(`There are ${before.flat().length} items.`);
  });
  afterEach(async () => expect(await contents()).toEqual(before));
  afterAll(() => store.stop());

  const pathOf = (flow: Flow) =>
    flow.route
      .split(' ')[1]!
      .replace('{userId}', 'ann')
      .replace('{customerId}', 'ann')
      .replace('{productId}', 'tea')
      .replace('{orderId}', orderId)
      .replace('{sessionId}', 'none')
      .replace('{status}', 'Pending');
  const methodOf = (flow: Flow) => flow.route.split(' ')[0]!;

  /** With a body on every method, which `fetch` refuses to send. */
  async function sendBytes(flow: Flow, type: string, bytes: Buffer): Promise<{ status: number | undefined; body: Answer['body'] }> {
    const who = flow.who === 'admin' ? { sub: 'an-admin', groups: ['admin'] } : { sub: 'ann' };
    const { token } = (await store.anonymous.post('/_local/tokens', who)).body;
    const request = httpRequest(store.url + pathOf(flow), {
      method: methodOf(flow),
      headers: { authorization: `Bearer ${token}`, 'content-type': type, 'content-length': bytes.length },
    });
    const [response] = (await once(request.end(bytes), 'response')) as [IncomingMessage];
    return { status: response.statusCode, body: await json(response) };
  }
  const guarded = (FLOWS as readonly Flow[]).filter(({ who }) => who !== 'public');

  let forged: string;
  beforeAll(async () => {
    const { privateKey } = await generateKeyPair('RS256');
    forged = await new SignJWT({ 'cognito:groups': ['admin'], client_id: 'x' })
      .setProtectedHeader({ alg: 'RS256', kid: 'local' })
      .setIssuer('https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other')
      .setSubject('ann')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
  });

  test.each(guarded.map((flow) => [flow.route, flow] as const))('%s without a valid token is 401', async (_, flow) => {
    for (const token of [undefined, 'garbage', forged, `${forged}x`]) {
      const answer = await store.withToken(token).send(methodOf(flow), pathOf(flow));
      expect([answer.status, answer.body]).toEqual([401, { message: 'Unauthorized' }]);
    }
  });

  test.each(guarded.filter(({ who }) => who === 'admin').map((flow) => [flow.route, flow] as const))(
    '%s is 403 for a caller who is no admin',
    async (_, flow) => {
      expectProblem(await ann.send(methodOf(flow), pathOf(flow)), 403, 'forbidden');
    },
  );

  test.each(guarded.filter(({ who }) => who.startsWith('self')).map((flow) => [flow.route, flow] as const))(
    "%s is 404 with another's id",
    async (_, flow) => {
      const stranger = await store.user('stranger');
      expectProblem(await stranger.send(methodOf(flow), pathOf(flow), methodOf(flow) === 'PATCH' ? { body: { name: 'x' } } : {}), 404, 'not-found');
    },
  );

  test('ids that cannot be are not found', async () => {
    for (const id of ['%F0%9F%A6%AA', '%EF%BF%BD', 'x'.repeat(600), 'a%2Fb', '01ARZ3NDEKTSV4RRFFQ69G5FAV', '81ARZ3NDEKTSV4RRFFQ69G5FAV', orderId.toLowerCase()]) {
      expectProblem(await ann.get(`/orders/${id}`), 404, 'not-found');
      expectProblem(await ann.post(`/orders/${id}/cancel`), 404, 'not-found');
      expectProblem(await admin.delete(`/orders/${id}`), 404, 'not-found');
      expectProblem(await store.anonymous.get(`/products/${id}`), 404, 'not-found');
      expectProblem(await admin.delete(`/products/${id}`), 404, 'not-found');
      expectProblem(await admin.get(`/users/${id}`), 404, 'not-found');
    }
  });

  const bodies = guarded.filter(({ route }) => /^(POST|PUT|PATCH)/.test(route) && !route.endsWith('/cancel'));
  test.each(bodies.map((flow) => [flow.route, flow] as const))('%s with a body that is wrong is refused', async (_, flow) => {
    const caller = flow.who === 'admin' ? admin : ann;
    const send = (options: object) =>
      caller.send(methodOf(flow), pathOf(flow), { headers: { 'if-match': '*', 'idempotency-key': 'new' }, ...options });
    const needsNone = flow.name === 'create-session';
    for (const rawBody of [...(needsNone ? [] : ['']), '{', '[]', 'null', '"text"', '7', '{"unknown":1}', '{"a":1,"a":2}']) {
      expectProblem(await send({ rawBody }), 400, 'invalid-input');
    }
    const limit = flow.route.startsWith('POST /products/batch') ? 4 * 1024 * 1024 : 256 * 1024;
    expectProblem(await send({ rawBody: JSON.stringify({ name: 'x'.repeat(limit) }) }), 413, 'payload-too-large');
  });

  test('a body of more than 10 MB is refused before any function', async () => {
    const huge = await ann.send('POST', '/orders', { rawBody: 'x'.repeat(10 * 1024 * 1024 + 1) });
    expect([huge.status, huge.body]).toEqual([413, { message: 'Request Entity Too Large' }]);
  });

  test.each(FLOWS.map((flow: Flow) => [flow.route, flow] as const))(
    '%s takes no query parameter that it does not know, and no body that is not UTF-8',
    async (_, flow) => {
      const caller = flow.who === 'admin' ? admin : flow.who === 'public' ? store.anonymous : ann;
      for (const name of ['unknown', '__proto__', 'constructor']) {
        const answer = await caller.send(methodOf(flow), `${pathOf(flow)}?${name}=1`);
        expectProblem(answer, 400, 'invalid-input');
        expect(answer.body.errors).toContainEqual({ path: name, message: 'is not known here' });
      }
      // API Gateway hands the first on as text, which it has damaged by then, and the second as base64.
      for (const type of ['application/json', 'application/octet-stream']) {
        const answer = await sendBytes(flow, type, Buffer.from('{"name":"Zoë"}', 'latin1'));
        expect([answer.status, answer.body.errors]).toEqual([400, [{ path: '', message: expect.stringMatching(/must be UTF-8/) }]]);
      }
    },
  );

  const line = { productId: 'tea', quantity: 1 };
  const productTexts = {
    name: (text: string) => ({ name: text }),
    category: (text: string) => ({ category: text }),
    'tags.1': (text: string) => ({ tags: ['a', text] }),
    'images.0': (text: string) => ({ images: [text] }),
    'dimensions.a.0': (text: string) => ({ dimensions: { a: [text] } }),
    description: (text: string) => ({ description: text }),
  };
  const userTexts = {
    email: (text: string) => ({ email: `a${text}@example.com` }),
    name: (text: string) => ({ name: text }),
    phone: (text: string) => ({ phone: text }),
    'preferences.a': (text: string) => ({ preferences: { a: text } }),
  };
  const of = (who: 'ann' | 'admin', route: string, texts: Record<string, (text: string) => object>, more: object = {}) =>
    Object.entries(texts).map(([field, body]) => [`${route} ${field}`, who, route, field, (text: string) => ({ ...more, ...body(text) })] as const);
  test.each([
    ...of('ann', 'POST /users', userTexts, { email: 'a@example.com', name: 'A' }),
    ...of('ann', 'PATCH /users/ann', userTexts),
    ...of('admin', 'POST /products', productTexts, aProduct()),
    ...of('admin', 'PATCH /products/tea', productTexts),
    ...of('admin', 'POST /partiql/products', productTexts, aProduct()),
    ...of('admin', 'POST /inventory/adjustments', { reason: (text) => ({ reason: text }) }, { productId: 'tea', delta: 1 }),
    ...of('ann', 'POST /orders', { shippingAddress: (text) => ({ shippingAddress: text }) }, { lines: [line] }),
    ...of('ann', 'POST /orders', { 'shippingAddress.street': (text) => ({ shippingAddress: { street: text } }) }, { lines: [line] }),
  ])('%s takes no text that is none', async (_, who, route, field, body) => {
    const [method = '', path = ''] = route.split(' ');
    const hasLines = field === 'description' || field.startsWith('shippingAddress');
    for (const text of ['a\u0000b', 'a\u0085b', 'a\tb', 'a\u202eb', 'a\ufffdb', '\u200b', ...(hasLines ? [] : ['a\nb'])]) {
      // As an escape in JSON, it is UTF-8 whatever it is.
      const rawBody = JSON.stringify(body(text)).replaceAll('\ufffd', '\\ufffd');
      const headers = { 'if-match': '*', 'idempotency-key': 'new' };
      const answer = await (who === 'admin' ? admin : ann).send(method, path, { rawBody, headers });
      expectProblem(answer, 400, 'invalid-input');
      expect(answer.body.errors).toEqual([{ path: field, message: expect.any(String) }]);
    }
  });

  test.each(['/products?category=', '/partiql/orders?customerId=', '/users?email=a%40example.com'])('%s has no text that is none', async (path) => {
    for (const text of ['a%00b', 'a%E2%80%AEb', 'a%E9b', 'a%EF%BF%BDb', '%E2%80%8B']) expectProblem(await admin.get(path + text), 400, 'invalid-input');
  });

  test.each([
    ['quantity 0', { quantity: 0 }],
    ['quantity -1', { quantity: -1 }],
    ['quantity 1.5', { quantity: 1.5 }],
    ['quantity as text', { quantity: '1' }],
    ['quantity above 10^4', { quantity: 10_001 }],
    ['no quantity', { quantity: undefined }],
    ['a product id that cannot be', { productId: 'a/b' }],
  ])('an order line with %s is refused', async (_, wrong) => {
    const answer = await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 1, ...wrong }] }, { 'idempotency-key': 'n' });
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.errors).toEqual([{ path: `lines.0.${Object.keys(wrong)[0]}`, message: expect.any(String) }]);
  });

  test.each([
    ['productId', 'a/b'],
    ['productId', 'low-stock'],
    ['productId', '..'],
    ['name', ''],
    ['name', '\ud800'],
    ['name', '   '],
    ['dimensions', { x: 'y'.repeat(4_100) }],
    ['category', 7],
    ['priceMinor', -1],
    ['priceMinor', 1.5],
    ['priceMinor', 1_000_000_001],
    ['currency', 'eur'],
    ['stock', -1],
    ['active', 'yes'],
    ['tags', 'a'],
    ['tags', [1]],
    ['sizes', ['1']],
    ['dimensions', []],
    ['dimensions', { n: 1e300 }],
    ['thumbnail', 'not base64!'],
    ['imageDigests', ['%']],
    ['discontinuedAt', 'yesterday'],
    ['discontinuedAt', '2026-02-30T00:00:00Z'],
    ['discontinuedAt', '2026-02-03T00:00:00'],
    ['dimensions', JSON.parse('{"__proto__":{"a":1}}')],
    ['dimensions', { constructor: 1 }],
    ['dimensions', { a: { constructor: { name: 'Set' }, keep: 1 } }],
    ['dimensions', { a: [{ '': 1 }] }],
    ['restockAt', -1],
  ])('a product whose %s is wrong is refused (%#)', async (field, value) => {
    const answer = await admin.post('/products', aProduct({ [field]: value }));
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.errors[0].path.split('.')[0]).toBe(field);
  });

  test('a product of more than 8 KB is refused, however it comes to that', async () => {
    const large = { description: '日'.repeat(1_500), images: Array.from({ length: 10 }, () => '日'.repeat(150)) };
    const answer = await admin.post('/products', aProduct(large));
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.detail).toMatch(/^the product is \d+ bytes; the limit is 8192$/);
    const patched = await admin.patch('/products/tea', large, { 'if-match': '*' });
    expectProblem(patched, 400, 'invalid-input');
  });

  test.each([
    ['a shipping address of more than 4 KB', '/orders', { lines: [{ productId: 'tea', quantity: 1 }], shippingAddress: { a: Array(2_000).fill(1) } }],
    ['preferences of more than 4 KB', '/users', { email: 'b@example.com', name: 'B', preferences: { a: 'x'.repeat(4_096) } }],
    ['an e-mail without a domain', '/users', { email: 'ann@', name: 'B' }],
    ['two e-mails', '/users', { email: 'a@b.example,c@d.example', name: 'B' }],
  ])('%s', async (_, path, body) => {
    expectProblem(await (await store.user('bob')).post(path, body, { 'idempotency-key': 'n' }), 400, 'invalid-input');
  });

  test.each([
    ['more than 255 characters', 'k'.repeat(256)],
    ['a character that is not ASCII', 'é'],
  ])('an Idempotency-Key of %s is refused', async (_, key) => {
    const answer = await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 1 }] }, { 'idempotency-key': key });
    expectProblem(answer, 400, 'invalid-input');
  });

  test('each input has one error, the first', async () => {
    const answer = await admin.post('/products', aProduct({ stock: 1e16, thumbnail: '' }));
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.errors).toEqual([
      { path: 'thumbnail', message: 'must not be empty' },
      { path: 'stock', message: 'must be a whole number from 0 to 1000000000' },
    ]);
  });

  test.each(['limit=0', 'limit=101', 'limit=-1', 'limit=1.5', 'limit=x', 'limit=', 'limit=1&limit=2', 'cursor=x', 'cursor=', 'unknown=1'])(
    'a list with %s',
    async (query) => {
      for (const [caller, path] of [
        [store.anonymous, '/products?category=Beverages&'],
        [ann, '/customers/ann/orders?'],
        [admin, '/orders?status=Pending&'],
        [admin, '/users?signupMonth=2026-01&'],
        [admin, '/users?email=ann@example.com&'],
        [admin, '/products/low-stock?'],
        [ann, '/customers/ann/orders/by-amount?'],
        [ann, '/customers/ann/orders/by-status/Pending?'],
        [admin, '/orders/export?'],
        [admin, '/partiql/orders?customerId=ann&'],
      ] as const) {
        expectProblem(await caller.get(path + query), 400);
      }
    },
  );

  test.each([
    ['/customers/ann/orders/by-amount?min=2&max=1', 'min'],
    ['/customers/ann/orders/by-amount?min=-1', 'min'],
    ['/customers/ann/orders/by-amount?max=1e3', 'max'],
    ['/customers/ann/orders/by-amount?max=99999999999999999', 'max'],
    ['/customers/ann/orders/by-status/pending', 'status'],
    ['/customers/ann/orders/by-status/Pending?from=2026-02-01&to=2026-01-31', 'from'],
    ['/orders/export?segment=2&segments=2', 'segment'],
    ['/orders/export?segments=4', 'segment'],
    ['/orders/export?segment=0', 'segment'],
    ['/orders/export?segment=0&segments=1000001', 'segments'],
    ['/partiql/orders', 'customerId'],
    ['/partiql/orders?customerId=ann&from=yesterday', 'from'],
  ])('the refusal of %s names %s', async (path, field) => {
    const answer = await admin.get(path);
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual([field]);
  });

  test.each([
    ['/products/batch', { products: [] }],
    ['/products/batch', { products: Array.from({ length: 501 }, (_, index) => aProduct({ productId: `p${index}` })) }],
    ['/products/batch', { products: [aProduct({ productId: 'twice' }), aProduct({ productId: 'twice' })] }],
    ['/products/batch-get', { productIds: [] }],
    ['/products/batch-get', { productIds: Array.from({ length: 501 }, (_, index) => `p${index}`) }],
    ['/products/batch-get', { productIds: [7] }],
    ['/inventory/transfers', { fromProductId: 'tea', toProductId: 'tea', quantity: 1 }],
    ['/inventory/transfers', { fromProductId: 'tea', toProductId: 'cup', quantity: 0 }],
    ['/inventory/transfers', { fromProductId: 'tea', toProductId: 'cup', quantity: 10_001 }],
  ])('POST %s with %j is 400', async (path, body) => {
    expectProblem(await admin.post(path, body), 400, 'invalid-input');
  });

  test('a number that would not be kept exactly is refused', async () => {
    const product = JSON.stringify(aProduct({ sizes: [1], dimensions: { a: 2 } }));
    for (const [digits, reason] of [
      ['9'.repeat(38), /more digits than are kept exactly/],
      ['9007199254740993', /more digits than are kept exactly/],
      ['0.1234567890123456789', /more digits than are kept exactly/],
      ['1e999', /outside the range of DynamoDB's numbers/],
      ['1e-999', /outside the range of DynamoDB's numbers/],
    ] as const) {
      for (const [field, rawBody] of [
        ['sizes.0', product.replace('[1]', `[${digits}]`)],
        ['dimensions.a.0', product.replace('{"a":2}', `{"a":[${digits}]}`)],
      ] as const) {
        const answer = await admin.send('POST', '/products', { rawBody });
        expectProblem(answer, 400, 'invalid-input');
        expect(answer.body.errors).toEqual([{ path: field, message: expect.stringMatching(reason) }]);
      }
    }
    const order = `{"lines":[{"productId":"tea","quantity":1}],"shippingAddress":{"floor":1e999}}`;
    const answer = await ann.send('POST', '/orders', { rawBody: order, headers: { 'idempotency-key': 'n' } });
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.errors).toEqual([{ path: 'shippingAddress.floor', message: expect.stringMatching(/outside the range of DynamoDB's numbers/) }]);
  });

  test('of very much that is wrong, a part is named, soon', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`key-${index}`, 1]));
    const answer = await store.anonymous.post('/products/batch-get', unknown);
    expectProblem(answer, 400, 'invalid-input');
    expect(answer.body.errors).toHaveLength(20);
    const count = runs(30, 400);
    const products = Array.from({ length: count }, (_, index) => ({ productId: `p${index}`, ...Object.fromEntries(Object.entries(unknown).slice(0, 500)) }));
    const imported = await admin.post('/products/batch', { products });
    expect([imported.status, imported.body.written, imported.body.failed.length]).toEqual([200, 0, count]);
    expect(imported.body.failed[0].reason.length).toBeLessThan(5_000);
  });

  test('an import of one product that cannot be stored writes the others', async () => {
    const answer = await admin.post('/products/batch', { products: [aProduct({ productId: 'x', dimensions: { constructor: { name: 'Map' } } })] });
    expect([answer.status, answer.body.failed]).toEqual([200, [{ index: 0, productId: 'x', reason: 'dimensions.constructor: has a name that is reserved' }]]);
  });

  test('API Gateway answers an unknown route itself', async () => {
    for (const [method, path] of [['GET', '/'], ['GET', '/nowhere'], ['PUT', '/products'], ['GET', '/products/'], ['DELETE', '/users']]) {
      const answer = await ann.send(method!, path!);
      expect([path, answer.status, answer.body]).toEqual([path, 404, { message: 'Not Found' }]);
    }
    expect((await ann.get('/products/%E0%A4%A')).status).toBe(400);
  });
});

describe('cursors', () => {
  let store: TestStore;
  let cursor: string;
  let month: string;
  let ann: Client;

  beforeAll(async () => {
    store = await startStore('per-domain');
    ann = await store.user('ann');
    await store.admin.post('/products', aProduct({ productId: 'tea' }));
    for (const key of ['1', '2', '3']) {
      await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 1 }] }, { 'idempotency-key': key });
    }
    cursor = (await ann.get('/customers/ann/orders?limit=1')).body.cursor;
    for (const sub of ['ben', 'cat']) {
      const { body } = await (await store.user(sub)).post('/users', { email: `${sub}@example.com`, name: sub });
      month = body.signedUpAt.slice(0, 7);
    }
  });
  afterAll(() => store.stop());

  test('a cursor with one character changed, added or left out is refused', async () => {
    const follow = (changed: string) => ann.get(`/customers/ann/orders?limit=1&cursor=${encodeURIComponent(changed)}`);
    expect((await follow(cursor)).status).toBe(200);
    const changes = [`${cursor}A`, `A${cursor}`, cursor.slice(1), cursor.slice(0, -1), `${cursor}.`, cursor.replace('.', ''), `${cursor}=`];
    for (let at = 0; at < cursor.length; at += runs(16, 1)) {
      changes.push(cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1));
    }
    const answers = await Promise.all(changes.map(follow));
    expect(answers.map(({ status, body }) => `${status} ${body.type}`)).toEqual(changes.map(() => '400 invalid-cursor'));
  });

  test.each(['/orders?status=Pending', '/users?signupMonth=MONTH'])(
    "another admin's cursor of %s is refused",
    async (given) => {
      const path = given.replace('MONTH', month);
      const first = await store.admin.get(`${path}&limit=1`);
      const next = `${path}&limit=1&cursor=${first.body.cursor}`;
      const { token } = (await store.anonymous.post('/_local/tokens', { sub: 'other-admin', groups: ['admin'] })).body;
      const refused = await store.withToken(token).get(next);
      expect([refused.status, refused.body.type]).toEqual([400, 'invalid-cursor']);
      expect((await store.admin.get(next)).status).toBe(200);
    },
  );

  test("another caller's cursor, another list's and an expired one are refused", async () => {
    const path = `/customers/ann/orders?limit=1&cursor=${cursor}`;
    const refusal = async (caller: Client, changed: string) => {
      const { status, body } = await caller.get(changed);
      return [status, body.type];
    };
    const refused = [400, 'invalid-cursor'];
    expect(await refusal(store.admin, path)).toEqual(refused);
    expect(await refusal(ann, `${path}&sort=asc`)).toEqual(refused);
    expect(await refusal(ann, `${path}&from=2020-01-01`)).toEqual(refused);
    expect(await refusal(await store.user('bob'), path.replace('ann', 'bob'))).toEqual(refused);
    expect((await ann.get(path.replace('limit=1', 'limit=2'))).body.items).toHaveLength(2);
    await store.anonymous.post('/_local/clock', { advanceSeconds: 61 * 60 });
    expect(await refusal(ann, path)).toEqual(refused);
  });
});
