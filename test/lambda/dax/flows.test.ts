import '../../support/flow-environment';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { DAX_TIMEOUTS } from '../../../lambda/shared/dax-client';
import { type Flow, FLOWS } from '../../../lib/flows';
import { capturedOutput } from '../../support/captured-output';
import { catalogueAccess } from '../../support/catalogue-access';
import { startTables } from '../../support/engine-tables';
import { faultsOf, linesOf } from '../../support/log-lines';
import { type DaxHappening, FakeDax } from '../../support/fake-dax';
import { aProduct } from '../../support/store';

const mockCluster: { fake?: FakeDax } = {};
jest.mock('@amazon-dax-sdk/lib-dax', () => ({
  DaxDocument: function DaxDocument(config: object) {
    return mockCluster.fake!.connect(config);
  },
}));

const flows = FLOWS as readonly Flow[];

/** Every handler of the API as it is deployed beside a cluster, with the real client of DAX before a cluster that caches. */
describe('the flows, where there is a cluster', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  let dax: FakeDax;
  let happens: DaxHappening = 'served';
  /** Gives up soon only what never comes: the rest takes as long as a busy machine needs. */
  const meet = (happening: DaxHappening) => {
    happens = happening;
    const ms = happening.startsWith('hangs') ? 100 : 60_000;
    Object.assign(DAX_TIMEOUTS, { read: ms, write: ms });
  };
  /** What the flows sent to DynamoDB themselves, by operation. */
  const direct: string[] = [];
  const printed = capturedOutput();

  beforeAll(async () => {
    tables = await startTables();
    dax = mockCluster.fake = new FakeDax(tables.store().dynamodb, undefined, () => happens);
    Object.assign(process.env, {
      DAX_ENDPOINT: 'daxs://cluster.example:9111',
      AWS_ENDPOINT_URL_DYNAMODB: await tables.serve(),
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    });
  });
  afterAll(() => tables.stop());
  beforeEach(() => {
    meet('served');
    const send = DynamoDBDocumentClient.prototype.send as (command: object, options?: object) => Promise<unknown>;
    jest.spyOn(DynamoDBDocumentClient.prototype, 'send').mockImplementation(function (this: DynamoDBDocumentClient, command: object, options?: object) {
      direct.push(command.constructor.name.replace(/Command$/, ''));
      return send.call(this, command, options);
    } as never);
  });

  interface Call {
    path?: Record<string, string>;
    query?: Record<string, string>;
    body?: unknown;
    headers?: Record<string, string>;
    sub?: string;
  }
  type Handler = (event: object, context: object) => Promise<APIGatewayProxyStructuredResultV2>;

  /** Invokes a flow. @returns its answer, and what it sent through DAX and to DynamoDB meanwhile */
  async function invoke(name: string, { path, query, body, headers = {}, sub = 'ann' }: Call = {}) {
    const { entry, route, who } = flows.find((flow) => flow.name === name) as Flow;
    const { handler } = require(`../../../lambda/${entry}`) as { handler: Handler };
    const email = (body as { email?: string } | undefined)?.email;
    const claims = { sub, ...(who === 'admin' && { 'cognito:groups': '[admin]' }), ...(email !== undefined && { email, email_verified: 'true' }) };
    const event = {
      routeKey: route,
      headers,
      ...(path && { pathParameters: path }),
      ...(query && { queryStringParameters: query }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
      requestContext: { requestId: `r-${name}`, authorizer: { jwt: { claims } } },
    };
    dax.calls.length = direct.length = 0;
    const answer = await handler(event, { getRemainingTimeInMillis: () => 60_000 });
    await dax.settled();
    return { status: answer.statusCode, body: JSON.parse(answer.body ?? 'null'), headers: answer.headers ?? {}, dax: [...dax.calls], direct: [...direct] };
  }
  const done = async (name: string, call?: Call) => {
    const answer = await invoke(name, call);
    if ((answer.status ?? 500) >= 300) throw new Error(`${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  };
  const ifMatch = ({ headers }: { headers: Record<string, unknown> }) => ({ 'if-match': String(headers.etag) });

  test('product reads and writes go through DAX as the catalogue says, and nothing else does', async () => {
    const through = new Map<string, Set<string>>();
    const run = async (name: string, call?: Call) => {
      const answer = await done(name, call);
      const seen = through.get(name) ?? new Set();
      through.set(name, seen);
      const pascal = (operation: string) => operation[0]!.toUpperCase() + operation.slice(1);
      for (const { operation, input } of answer.dax) for (const access of catalogueAccess({ operation: pascal(operation), input })) seen.add(access);
      return answer;
    };
    const user = await run('create-user', { body: { email: 'ann@example.com', name: 'Ann' } });
    const own = { path: { userId: 'ann' } };
    await run('update-user', { ...own, body: { email: 'anna@example.com' }, headers: ifMatch(user) });
    await run('get-user', own);
    await run('list-users', { query: { email: 'anna@example.com' } });
    await run('get-account', own);
    const session = await run('create-session', own);
    await run('get-session', { path: { sessionId: session.body.sessionId } });

    const tea = await run('create-product', { body: aProduct({ productId: 'tea', restockAt: 500 }) });
    const renamed = await run('update-product', { path: { productId: 'tea' }, body: { name: 'Green tea' }, headers: ifMatch(tea) });
    await run('update-product', { path: { productId: 'tea' }, body: { priceMinor: 7 }, headers: ifMatch(renamed) });
    const { stock: _, ...without } = aProduct({ productId: 'cup' });
    await run('import-products', { body: { products: [without, aProduct({ productId: 'pot', stock: 5 })] } });
    await run('get-product', { path: { productId: 'tea' } });
    await run('list-products', { query: { category: 'Beverages' } });
    await run('batch-get-products', { body: { productIds: ['tea', 'cup'] } });
    await run('list-low-stock');
    await run('get-product-file', { path: { productId: 'tea' } });
    await run('adjust-stock', { body: { productId: 'tea', delta: 50, reason: 'count' } });
    await run('transfer-stock', { body: { fromProductId: 'tea', toProductId: 'cup', quantity: 1 } });

    const item = { path: { userId: 'ann', productId: 'tea' } };
    await run('put-cart-item', { ...item, body: { quantity: 1 } });
    await run('get-cart', own);
    await run('delete-cart-item', item);

    const order = async (key: string) => ({ path: { orderId: (await run('place-order', { body: { lines: [{ productId: 'tea', quantity: 1 }] }, headers: { 'idempotency-key': key } })).body.orderId as string } });
    const [first, second] = [await order('1'), await order('2')];
    await run('get-order', first);
    await run('get-order-file', first);
    const customer = { path: { customerId: 'ann' } };
    await run('list-orders', customer);
    await run('list-orders-by-amount', customer);
    await run('list-customer-orders-by-status', { path: { customerId: 'ann', status: 'Pending' } });
    await run('list-orders-by-status', { query: { status: 'Pending' } });
    await run('export-orders');
    await run('select-orders', { query: { customerId: 'ann' } });
    await run('update-order-status', { ...first, body: { status: 'Processing' } });
    await run('cancel-order', second);
    await run('delete-order', first);

    await run('insert-product', { body: aProduct({ productId: 'inserted' }) });
    await run('set-price', { path: { productId: 'inserted' }, body: { priceMinor: 1 } });
    await run('remove-product', { path: { productId: 'inserted' } });
    await run('delete-product', { path: { productId: 'pot' } });
    await run('delete-user', own);

    const rows = (access: Flow['dax'] = {}) => Object.entries(access).flatMap(([target, actions]) => actions.map((action) => `${target} ${action}`));
    expect(Object.fromEntries([...through].map(([name, seen]) => [name, [...seen].sort()]))).toEqual(
      Object.fromEntries(flows.map(({ name, dax }) => [name, rows(dax).sort()])),
    );
  });

  test('a list is read from the query cache, a product from the item cache: DynamoDB is asked for the stock alone', async () => {
    await done('create-product', { body: aProduct({ productId: 'mug', category: 'Mugs' }) });
    expect(await done('get-product', { path: { productId: 'mug' } })).toMatchObject({ dax: [{ operation: 'getItem' }], direct: ['Get'] });
    expect(await done('list-products', { query: { category: 'Mugs' } })).toMatchObject({ dax: [{ operation: 'query' }], direct: [] });
    expect(await done('batch-get-products', { body: { productIds: ['mug'] } })).toMatchObject({ dax: [{ operation: 'batchGetItem' }], direct: [] });
  });

  test('the line of a request says what went through DAX, what that did not answer, and what DynamoDB was asked for', async () => {
    await done('create-product', { body: aProduct({ productId: 'cap', category: 'Caps' }) });
    const get = () => done('get-product', { path: { productId: 'cap' } });
    const list = () => done('list-products', { query: { category: 'Caps' } });
    await list();
    await list();
    await done('batch-get-products', { body: { productIds: ['cap'] } });
    await get();
    meet('no-route');
    await get();
    await list();
    await invoke('delete-product', { path: { productId: 'cap' } });
    for (const happening of ['unavailable', 'not-allowed'] as const) {
      meet(happening);
      await get();
    }
    await done('get-product-file', { path: { productId: 'cap' } });
    const lines = linesOf(printed());
    expect(lines.flatMap((line) => faultsOf({ service: 'test', ...line }, 'request'))).toEqual([]);
    const seen = lines.map(({ flow, daxCalls, daxUnanswered, DaxUnanswered, readUnits, writeUnits, level }) => [flow, daxCalls, daxUnanswered, DaxUnanswered, readUnits, (writeUnits as number) > 0, level]);
    expect(seen).toEqual([
      ['create-product', 1, 0, 0, 0, true, 'INFO'],
      ['list-products', 1, 0, 0, 0.5, false, 'INFO'],
      ['list-products', 1, 0, 0, 0, false, 'INFO'],
      // The transaction left it in the item cache; its stock is in none.
      ['batch-get-products', 1, 0, 0, 0, false, 'INFO'],
      ['get-product', 1, 0, 0, 0.5, false, 'INFO'],
      ['get-product', 1, 1, 1, 1, false, 'INFO'],
      ['list-products', 1, 1, 1, 0.5, false, 'INFO'],
      ['delete-product', 1, 1, 1, 0, false, 'WARN'],
      // A node that fails, and one that refuses, have not answered either: DynamoDB has.
      ['get-product', 1, 1, 1, 1, false, 'INFO'],
      ['get-product', 1, 1, 1, 1, false, 'INFO'],
      ['get-product-file', undefined, undefined, undefined, 1, false, 'INFO'],
    ]);
  });

  test('what was written is what is read', async () => {
    const read = async () => (await invoke('get-product', { path: { productId: 'jar' } })).body.name;
    expect(await read()).toBeUndefined();
    const jar = await done('create-product', { body: aProduct({ productId: 'jar' }) });
    await done('update-product', { path: { productId: 'jar' }, body: { name: 'A larger jar' }, headers: ifMatch(jar) });
    expect(await read()).toBe('A larger jar');
    await done('import-products', { body: { products: [aProduct({ productId: 'jar', name: 'Another jar' })] } });
    expect(await read()).toBe('Another jar');
    await done('delete-product', { path: { productId: 'jar' } });
    expect(await read()).toBeUndefined();
  });

  test('a transaction that is cancelled answers by its reasons', async () => {
    await done('create-product', { body: aProduct({ productId: 'lid' }) });
    const again = await invoke('create-product', { body: aProduct({ productId: 'lid' }) });
    expect(again).toMatchObject({ status: 409, body: { type: 'product-exists' }, dax: [{ operation: 'transactWriteItems' }] });
    expect(await invoke('delete-product', { path: { productId: 'nobody' } })).toMatchObject({ status: 404, body: { type: 'not-found' } });
    const stale = { path: { productId: 'lid' }, body: { priceMinor: 3 } };
    const lid = await done('get-product', { path: { productId: 'lid' } });
    await done('update-product', { ...stale, headers: ifMatch(lid) });
    expect(await invoke('update-product', { ...stale, headers: ifMatch(lid) })).toMatchObject({ status: 412 });
  });

  test.each(['no-route', 'connection-lost', 'unavailable', 'not-allowed', 'defect', 'hangs'] as const)('a read is answered all the same: %s', async (happening) => {
    await done('create-product', { body: aProduct({ productId: 'pan', category: `Pans ${happening}` }) }).catch(() => {});
    meet(happening);
    const [one, list, some] = await Promise.all([
      invoke('get-product', { path: { productId: 'pan' } }),
      invoke('list-products', { query: { category: 'Pans no-route' } }),
      invoke('batch-get-products', { body: { productIds: ['pan'] } }),
    ]);
    expect([one, list, some]).toMatchObject([
      { status: 200, body: { productId: 'pan' } },
      { status: 200, body: { items: [{ productId: 'pan' }] } },
      { status: 200, body: { products: [{ productId: 'pan' }] } },
    ]);
  });

  test('of 500 products, a cluster that hangs is waited for once', async () => {
    meet('hangs');
    const started = jest.spyOn(global, 'setTimeout');
    const productIds = Array.from({ length: 500 }, (_, index) => `none-${index}`);
    const { status, body, dax: calls } = await invoke('batch-get-products', { body: { productIds } });
    expect([status, body.missing.length, calls.length]).toEqual([200, 500, 5]);
    // All five began before any was given up.
    const waits = started.mock.calls.flatMap(([, ms], at) => (ms === DAX_TIMEOUTS.read ? [started.mock.invocationCallOrder[at]!] : []));
    const answered = (DynamoDBDocumentClient.prototype.send as jest.Mock).mock.invocationCallOrder;
    expect([waits.length, Math.max(...waits) < Math.min(...answered)]).toEqual([5, true]);
  });

  test.each(['no-route', 'connection-lost', 'answer-lost', 'unavailable', 'defect', 'hangs-after'] as const)(
    'a write that has no answer is reported as unknown, and sent once: %s',
    async (happening) => {
      const productId = `w-${happening}`;
      const made = await done('create-product', { body: aProduct({ productId }) });
      const writes: [string, Call][] = [
        ['create-product', { body: aProduct({ productId: `${productId}-2` }) }],
        ['update-product', { path: { productId }, body: { name: 'New' }, headers: ifMatch(made) }],
        ['delete-product', { path: { productId } }],
      ];
      meet(happening);
      for (const [name, call] of writes) {
        const answer = await invoke(name, call);
        expect([name, answer]).toMatchObject([name, { status: 503, body: { type: 'outcome-unknown' }, headers: { 'retry-after': '1' }, dax: [{}] }]);
        expect([name, answer.dax.length, answer.direct.filter((command) => !['Get', 'Query'].includes(command))]).toEqual([name, 1, []]);
      }
      const imported = await invoke('import-products', { body: { products: [aProduct({ productId, stock: 1 }), aProduct({ productId: `${productId}-3` })] } });
      expect(imported).toMatchObject({ status: 200, body: { written: 0, failed: [{ productId }, { productId: `${productId}-3` }] } });
      expect(imported.body.failed[0].reason).toMatch(/there was no answer for the product/);
      expect([imported.dax.length, imported.direct]).toEqual([1, []]);
      expect(printed().join('')).not.toContain('"level":"ERROR"');
    },
  );
});
