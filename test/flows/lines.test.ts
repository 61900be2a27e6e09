import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { METRICS } from '../../lambda/shared/embedded-metrics';
import { FLOWS } from '../../lib/flows';
import { runs } from '../support/complete';
import { aProduct, type Answer, type Client, startStore, type TestStore } from '../support/store';
import { faultsOf, type LogLine, linesOf } from '../support/log-lines';
import { PROJECT } from '../support/synthesize-once';
import { until } from '../support/until';

/** Recognisable data of persons: none of it may be in a line. */
const EMAIL = 'marker.mail';
const [STREET, PHONE] = ['Marker Street', '0123-marker'];
const PERSONAL = /@|%40|eyJ|[Mm]arker/;

/** Each makes some 53 requests: a thousand in the complete run. */
const CUSTOMERS = runs(3, 19);

function byRequest<Entry extends { requestId?: unknown }>(entries: readonly Entry[]): Map<unknown, Entry[]> {
  const groups = new Map<unknown, Entry[]>();
  for (const entry of entries) groups.set(entry.requestId, [...(groups.get(entry.requestId) ?? []), entry]);
  return groups;
}

/**
 * Requests of every flow, answered well and badly, over HTTP: each one line, true to what its calls were, and with nothing of a
 * person in it.
 */
describe('mixed requests', () => {
  const printed: string[] = [];
  const answers: Answer[] = [];
  const sessionIds = new Set<string>();
  let store: TestStore;
  let lines: LogLine[];
  /** The lines of requests by the id of the HTTP answer. */
  let requests: Map<unknown, LogLine[]>;

  /** Keeps every answer. */
  const kept = (caller: Client) => {
    const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const answer = await caller.send(method, path, { ...(typeof body === 'string' ? { rawBody: body } : { body }), headers });
      answers.push(answer);
      return answer;
    };
    return send;
  };

  /** What one customer and an admin do with every flow: each at least once well and once badly. */
  async function allFlows(customer: number): Promise<void> {
    const sub = `customer-${customer}`;
    const email = `${EMAIL}.${customer}@example.com`;
    const [user, admin, anybody] = [kept(await store.user(sub, email)), kept(store.admin), kept(store.anonymous)];
    const product = aProduct({ productId: `p-${customer}`, stock: 1_000, restockAt: 2_000 });
    const { productId } = product as unknown as { productId: string };
    const etag = ({ headers }: Answer) => ({ 'if-match': headers.get('etag') ?? '' });
    const key = (name: string) => ({ 'idempotency-key': `${email} ${name}` });
    const order = { lines: [{ productId, quantity: 1 }], shippingAddress: { street: `${STREET} ${customer}`, phone: PHONE, email } };

    const profile = await user('POST', '/users', { email, name: `Marker ${customer}`, phone: PHONE });
    await user('POST', '/users', { email, name: 'Again' });
    await user('POST', '/users', { email: `${email} @`, [email]: STREET });
    await user('PATCH', `/users/${sub}`, { preferences: { street: STREET } }, etag(profile));
    await user('PATCH', `/users/${sub}`, { phone: PHONE }, { 'if-match': `"${email}"` });
    await user('PATCH', `/users/${sub}`, { phone: PHONE });
    await user('GET', `/users/${sub}`);
    await user('GET', `/users/${encodeURIComponent(email)}`);
    await admin('GET', `/users?email=${encodeURIComponent(email)}`);
    await admin('GET', `/users?email=${encodeURIComponent(email)}&street=${encodeURIComponent(STREET)}`);
    const session = await user('POST', `/users/${sub}/sessions`);
    sessionIds.add(session.body.sessionId as string);
    await user('GET', `/sessions/${session.body.sessionId}`);
    await user('GET', `/sessions/${encodeURIComponent(email)}`);

    await admin('POST', '/products', product);
    await admin('POST', '/products', product);
    await user('POST', '/products', product);
    await anybody('GET', `/products/${productId}`);
    await anybody('GET', `/products/${encodeURIComponent(email)}`);
    await anybody('GET', '/products?category=Beverages&limit=3');
    await anybody('GET', `/products?cursor=${encodeURIComponent(email)}`);
    await admin('PATCH', `/products/${productId}`, { name: 'Tea' }, { 'if-match': '*' });
    await admin('POST', '/products/batch', { products: [product, { ...product, productId: email }] });
    await anybody('POST', '/products/batch-get', { productIds: [productId, 'none'] });
    await anybody('POST', '/products/batch-get', `{"productIds": ["${email}`);
    await admin('GET', '/products/low-stock?limit=2');
    await admin('GET', `/products/${productId}/file`);
    await admin('POST', '/inventory/adjustments', { productId, delta: 5, reason: `for ${email}` });
    await admin('POST', '/inventory/adjustments', { productId, delta: -5_000, reason: STREET });
    await admin('POST', '/inventory/transfers', { fromProductId: productId, toProductId: email, quantity: 1 });

    await user('PUT', `/users/${sub}/cart/items/${productId}`, { quantity: 1 });
    await user('GET', `/users/${sub}/cart`);
    await user('GET', `/users/${sub}/account`);
    await user('DELETE', `/users/${sub}/cart/items/${productId}`);

    const placed = await user('POST', '/orders', order, key('a'));
    const { orderId } = placed.body as { orderId: string };
    await user('POST', '/orders', order, key('a'));
    await user('POST', '/orders', { ...order, shippingAddress: STREET }, key('a'));
    await user('POST', '/orders', { ...order, lines: [{ productId, quantity: 9_999 }] }, key('b'));
    await user('GET', `/orders/${orderId}`);
    await user('GET', `/orders/${orderId}/file`);
    await user('GET', `/customers/${sub}/orders`);
    await user('GET', `/customers/${sub}/orders/by-amount?min=1`);
    await user('GET', `/customers/${sub}/orders/by-status/Pending`);
    await admin('GET', '/orders?status=Pending&limit=3');
    await admin('GET', '/orders/export?limit=5');
    await admin('GET', `/partiql/orders?customerId=${sub}`);
    await admin('PATCH', `/orders/${orderId}/status`, { status: 'Delivered' });
    await user('POST', `/orders/${orderId}/cancel`);
    await user('POST', `/orders/${orderId}/cancel`);
    await admin('DELETE', `/orders/${orderId}`);

    const inserted = aProduct({ productId: `i-${customer}` });
    await admin('POST', '/partiql/products', inserted);
    await admin('PUT', `/partiql/products/i-${customer}/price`, { priceMinor: 1 });
    await admin('DELETE', `/partiql/products/i-${customer}`);
    await admin('DELETE', `/products/${productId}`);
    await user('DELETE', `/users/${sub}`);
    // What no function gets.
    await anybody('GET', `/users/${sub}`);
    await anybody('GET', `/none/${encodeURIComponent(email)}`);
  }

  const inject = async (fault: object) => expect((await store.anonymous.post('/_local/faults', fault)).status).toBe(200);

  /** Failures, each on a flow of its own: DynamoDB throttles, does not answer, and refuses what is no answer to a caller. */
  async function failures(): Promise<void> {
    const user = kept(await store.user('unlucky'));
    const [admin, anybody] = [kept(store.admin), kept(store.anonymous)];
    // What has no stock of its own is a call for each.
    const products = Array.from({ length: 60 }, (_, index) => aProduct({ productId: `f-${index}`, stock: index < 30 ? 9 : undefined }));
    await inject({ kind: 'unprocessed', function: 'import-products', rate: 0.3, count: 2 });
    await admin('POST', '/products/batch', { products });
    await inject({ kind: 'throttle', function: 'get-user', count: 4 });
    await inject({ kind: 'throttle', function: 'get-account', count: 1 });
    await inject({ kind: 'internal-error', function: 'get-cart', count: 4 });
    await inject({ kind: 'timeout-after-commit', function: 'adjust-stock', count: 1 });
    await inject({ kind: 'conflict', function: 'place-order', reasons: [null, 'ValidationError', null] });
    const order = { lines: [{ productId: 'f-1', quantity: 1 }], shippingAddress: `${STREET} 1` };
    await Promise.all([
      user('GET', '/users/unlucky'),
      user('GET', '/users/unlucky/account'),
      user('GET', '/users/unlucky/cart'),
      admin('POST', '/inventory/adjustments', { productId: 'f-0', delta: 1, reason: STREET }),
      user('POST', '/orders', order, { 'idempotency-key': EMAIL }),
      anybody('POST', '/products/batch-get', { productIds: products.map((_, index) => `f-${index}`) }),
    ]);
    await store.anonymous.delete('/_local/faults');
  }

  /** A change that no effect can read, of an item whose key is an address. */
  async function poison(): Promise<void> {
    const outside = new DynamoDBClient({ endpoint: store.dynamodb, region: 'us-east-1', credentials: { accessKeyId: 'outside', secretAccessKey: 'x' } });
    const Item = { pk: { S: `$store#email_${EMAIL}@example.com` }, sk: { S: '$emailclaim_1' }, __edb_e__: { S: 'EmailClaim' }, __edb_v__: { S: '9' } };
    await outside.send(new PutItemCommand({ TableName: 'store-dev-Users', Item }));
    outside.destroy();
  }

  const isOf = (message: string) => (line: LogLine) => line.message === message;
  const reachedFunctions = () => answers.filter(({ status, body }) => status !== 401 && body?.message !== 'Not Found');

  beforeAll(async () => {
    store = await startStore('per-domain', { onFunctionOutput: (_, text) => printed.push(text) });
    const waiting = Array.from({ length: CUSTOMERS }, (_, customer) => customer);
    const worker = async () => {
      for (let customer = waiting.shift(); customer !== undefined; customer = waiting.shift()) await allFlows(customer);
    };
    await Promise.all([worker(), worker()]);
    await failures();
    await poison();
    // A line comes a moment after its answer, and what a change causes later still.
    const found = async () => linesOf(printed);
    lines = await until(found, (all) => all.some(isOf('A stream record failed')) && all.filter(isOf('request')).length >= reachedFunctions().length, 30_000);
    requests = byRequest(lines.filter(isOf('request')));
  });
  afterAll(() => store.stop());

  test('the requests are of every flow, and are answered in every way', () => {
    expect(reachedFunctions().length).toBeGreaterThanOrEqual(CUSTOMERS * 53);
    expect(new Set(lines.filter(isOf('request')).map(({ flow }) => flow))).toEqual(new Set(FLOWS.map(({ name }) => name)));
    const statuses = new Set(reachedFunctions().map(({ status }) => status));
    for (const status of [200, 201, 204, 400, 403, 404, 409, 412, 422, 428, 500, 503]) expect(statuses).toContain(status);
  });

  test('each that reached a function is one line, with its route and status', () => {
    const expected = reachedFunctions().map(({ status, headers }) => [headers.get('apigw-requestid'), [status]]);
    expect([...requests].map(([id, of]) => [id, of.map(({ status }) => status)]).sort()).toEqual(expected.sort());
    const routes = new Map<unknown, string>(FLOWS.map(({ name, route }) => [name, route]));
    for (const { flow, route, service } of lines.filter(isOf('request'))) expect([route, service]).toEqual([routes.get(flow), flow]);
  });

  test('every line has what its kind has, and is a document of metrics', () => {
    for (const kind of ['request', 'batch'] as const) {
      const of = lines.filter(isOf(kind));
      expect(of.length).toBeGreaterThan(0);
      expect(of.flatMap((line) => faultsOf(line, kind))).toEqual([]);
    }
    expect([...new Set(lines.map(({ message }) => message))].sort()).toEqual(['A stream record failed', 'batch', 'request']);
  });

  test('a line has the units and the calls that the gateway counted', async () => {
    const { items } = (await store.anonymous.get('/_local/trace')).body as { items: { requestId: string; units: number | null; outcome: string }[] };
    const calls = byRequest(items);
    const seen = [...requests].map(([id]) => {
      const of = calls.get(id as string) ?? [];
      return [id, of.reduce((sum, { units }) => sum + (units ?? 0), 0), of.filter(({ outcome }) => outcome !== 'no-answer').length];
    });
    const told = [...requests].map(([id, [line]]) => {
      const { consumedUnits, dynamodbRequestIds, dynamodbRequestIdsOmitted = 0 } = line as LogLine & { dynamodbRequestIds: string[]; dynamodbRequestIdsOmitted?: number };
      return [id, consumedUnits, dynamodbRequestIds.length + dynamodbRequestIdsOmitted];
    });
    expect(told).toEqual(seen);
    expect(told.filter(([, units]) => units !== 0).length).toBeGreaterThan(told.length / 2);
    const [one] = await Promise.all(told.slice(0, 1).map(([id]) => store.anonymous.get(`/_local/trace?request=${id}`)));
    expect(one!.body.items).toHaveLength(told[0]![2] as number);
  });

  test.each([
    ['get-user', 'WARN', { status: 503, problem: 'throttled', error: 'ProvisionedThroughputExceededException', throttlingReasons: [expect.anything()] }],
    ['get-cart', 'WARN', { status: 503, problem: 'unavailable', error: 'InternalServerError' }],
    ['place-order', 'ERROR', { status: 500, problem: 'internal-error', reason: expect.stringContaining('ValidationError'), stack: expect.stringContaining('at ') }],
  ])('a failure of %s says why, at level %s', (name, level, expected) => {
    const failed = lines.filter(({ flow, status }) => flow === name && (status as number) >= 500);
    expect(failed).toEqual([expect.objectContaining({ level, ServerErrors: 1, ...expected })]);
  });

  test('a repeated call has the ids of all its tries', () => {
    const [line] = lines.filter(({ flow, status }) => flow === 'get-account' && status === 404).slice(-1);
    expect(line!.dynamodbRequestIds).toHaveLength(2);
  });

  test('no line has an address, a token, a session, or anything else of a person', () => {
    const text = printed.join('');
    expect(text.split('\n').filter((line) => PERSONAL.test(line))).toEqual([]);
    expect([...sessionIds].filter((id) => text.includes(id))).toEqual([]);
    expect(sessionIds.size).toBe(CUSTOMERS);
  });

  describe('docs/observability.md', () => {
    const [, section = ''] = readFileSync(join(PROJECT, 'docs/observability.md'), 'utf8').split(/^## (?=Log lines)/m);
    const [text = ''] = section.split(/^## /m);
    /** The names in the first column of the table with this heading, row by row. */
    const rows = (heading: string) => {
      const [, table = ''] = text.split(`| ${heading} |`);
      const body = /\n\| --- .*\n((?:\|.*\n)*)/.exec(table)?.[1] ?? '';
      return body.trimEnd().split('\n').map((row) => row.split('|').slice(1, -1).map((cell) => cell.trim()));
    };
    const named = (cell = '') => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name as string);
    const metrics = Object.entries(METRICS).flatMap(([line, of]) => Object.entries(of).map(([name, unit]) => [`\`${name}\``, line, unit]));
    const documented = () => new Set(rows('member').flatMap(([cell]) => named(cell)));

    test('the document shows a line as it is', () => {
      const example = JSON.parse(/```json\n([^]*?)```/.exec(text)?.[1] ?? '') as LogLine;
      const real = lines.find(({ flow, status }) => flow === example.flow && status === example.status)!;
      const shape = (line: LogLine) => Object.entries(line).map(([name, value]) => [name, Array.isArray(value) ? 'list' : typeof value]);
      expect(shape(example)).toEqual(shape(real));
      expect(faultsOf(example, 'request')).toEqual([]);
      expect(example._aws).toEqual({ ...(real._aws as object), Timestamp: expect.any(Number) });
    });

    test('the document lists every member of a line, and no other', () => {
      const isMetric = (name: string) => metrics.some(([metric]) => metric === `\`${name}\``);
      const found = lines.filter((line) => isOf('request')(line) || isOf('batch')(line)).flatMap((line) => Object.keys(line));
      expect(documented()).toEqual(new Set(found.filter((name) => name !== '_aws' && !isMetric(name))));
      const [failed] = lines.filter(isOf('A stream record failed'));
      expect(Object.keys(failed!).filter((name) => !named(text.replaceAll('\n', ' ')).includes(name))).toEqual([]);
    });

    test('the document lists every metric', () => {
      expect(rows('metric')).toEqual(metrics);
    });

    test('the queries of the document ask for members that exist', () => {
      const questions = [...text.replace(/```json[^]*?```/, '').matchAll(/```\n([^]*?)```/g)].map(([, question]) => question as string);
      expect(questions.length).toBeGreaterThanOrEqual(4);
      const words = questions.flatMap((question) => question.replace(/"[^"]*"|\bas \w+|^\| sort .*/gm, '').match(/\b[a-z]\w*/gi) ?? []);
      const language = ['filter', 'stats', 'fields', 'count', 'avg', 'pct', 'sum', 'by', 'or', 'in', 'max', 'bin'];
      expect(words.filter((word) => !language.includes(word) && !documented().has(word))).toEqual([]);
    });
  });
});
