import { DeleteItemCommand, DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Call } from '../../local/gateway/call';
import type { DataAccess } from '../../lib/data-access';
import { type Flow, FLOWS } from '../../lib/flows';
import { DISPATCHERS, effectsOf } from '../../lib/triggers';
import { isComplete } from '../support/complete';
import { aProduct, type Answer, denial, startStore, type TestStore } from '../support/store';
import { catalogueAccess } from '../support/catalogue-access';
import { assemblyOf, globalAssemblyOf, type Layout } from '../support/synthesize-once';
import { until } from '../support/until';

/** Whether a call reads a table, or a local index, other than strongly consistently; a global index has no other way. */
function isEventuallyConsistent({ operation, input }: Pick<Call, 'operation' | 'input'>): boolean {
  if (operation === 'BatchGetItem') {
    return Object.values(input.RequestItems as Record<string, { ConsistentRead?: boolean }>).some((part) => !part.ConsistentRead);
  }
  const isRead = ['GetItem', 'Query', 'Scan', 'ExecuteStatement'].includes(operation);
  return isRead && !String(input.IndexName).startsWith('gsi') && !input.ConsistentRead;
}

const HOME = 'us-east-1';

/**
 * Every flow, on every path that needs a permission: what a role lacks fails here, and what no path uses is listed. In
 * another region than the home region also where each call goes.
 */
describe.each<[Layout, string]>(
  // Either layout, and either place, in each of the two runs.
  isComplete
    ? [
        ['single-table', HOME],
        ['per-domain', 'eu-west-1'],
      ]
    : [
        ['per-domain', HOME],
        ['single-table', 'ap-southeast-1'],
      ],
)('the permissions of the flows and the triggers, %s, %s', (layout, region) => {
  /** Where a row says that a call goes: at home both are the same table. */
  const place = (isReplica: boolean) => (region === HOME ? '' : isReplica ? ' on the replica' : ' at home');
  let store: TestStore;
  let outside: DynamoDBClient;
  const made = new Set<string>();
  const weak = new Set<string>();
  const tableOf = (domain: string) => `store-dev-${layout === 'single-table' ? 'Store' : domain}`;
  const tables = { products: tableOf('Products'), users: tableOf('Users') };
  beforeAll(async () => {
    store = await startStore(layout, {
      assembly: region === HOME ? assemblyOf(layout) : globalAssemblyOf(layout),
      region,
      onDynamoDbCall: (call) => {
        catalogueAccess(call).forEach((access) => made.add(`${call.function}: ${access}${place(call.region === region)}`));
        if (isEventuallyConsistent(call)) weak.add(`${call.function}: ${call.operation}`);
      },
    });
    const credentials = { accessKeyId: 'outside', secretAccessKey: 'x' };
    outside = new DynamoDBClient({ endpoint: store.dynamodb, region: 'us-east-1', credentials });
  });
  afterAll(async () => {
    outside.destroy();
    await store.stop();
  });

  test('each function has what it uses, and uses what it has', async () => {
    const { admin, anonymous } = store;
    const ann = await store.user('ann');
    // What a role lacks is told when the store stops.
    const done = (answer: Answer) => {
      if (answer.status >= 300) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
      return answer;
    };
    const etag = (answer: Answer) => ({ 'if-match': answer.headers.get('etag') as string });
    const order = async (key: string) =>
      done(await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 1 }] }, { 'idempotency-key': key })).body.orderId as string;

    const user = done(await ann.post('/users', { email: 'ann@example.com', name: 'Ann' }));
    const moved = done(await (await store.user('ann', 'anna@example.com')).patch('/users/ann', { email: 'anna@example.com' }, etag(user)));
    done(await ann.patch('/users/ann', { name: 'Anna' }, etag(moved)));
    done(await ann.get('/users/ann'));
    done(await admin.get('/users?email=anna@example.com'));
    done(await admin.get(`/users?signupMonth=${user.body.signedUpAt.slice(0, 7)}`));
    const sessions = await Promise.all(Array.from({ length: 21 }, () => ann.send('POST', '/users/ann/sessions')));
    sessions.forEach(done);
    const { sessionId } = done(await ann.send('POST', '/users/ann/sessions')).body;
    done(await ann.get(`/sessions/${sessionId}`));
    const put = (productId: string) => ann.send('PUT', `/users/ann/cart/items/${productId}`, { body: { quantity: 1 } });
    (await Promise.all(Array.from({ length: 100 }, (_, index) => put(`p${index}`)))).forEach(done);
    // It has been counted by then.
    done(await anonymous.post('/_local/clock', { advanceSeconds: 60 }));
    done(await put('p1'));
    expect((await put('one-more')).status).toBe(409);
    done(await ann.delete('/users/ann/cart/items/p0'));
    done(await ann.get('/users/ann/cart'));
    done(await ann.get('/users/ann/account'));

    const tea = done(await admin.post('/products', aProduct({ productId: 'tea', restockAt: 50 })));
    const renamed = done(await admin.patch('/products/tea', { name: 'Green tea' }, etag(tea)));
    done(await admin.patch('/products/tea', { priceMinor: 5 }, etag(renamed)));
    const { stock: _, ...without } = aProduct({ productId: 'cup' });
    for (let run = 0; run < 2; run++) done(await admin.post('/products/batch', { products: [without, aProduct({ productId: 'pot' })] }));
    done(await anonymous.post('/products/batch-get', { productIds: ['tea', 'cup'] }));
    done(await anonymous.get('/products/tea'));
    done(await anonymous.get('/products?category=Beverages'));
    done(await admin.get('/products/low-stock'));
    done(await admin.post('/inventory/adjustments', { productId: 'tea', delta: 50, reason: 'count' }));
    done(await admin.post('/inventory/transfers', { fromProductId: 'tea', toProductId: 'cup', quantity: 1 }));
    done(await admin.get('/products/tea/file'));

    const [first, second, third] = [await order('1'), await order('2'), await order('3')];
    expect(await order('1')).toBe(first);
    done(await ann.get(`/orders/${first}`));
    done(await admin.get(`/orders/${first}`));
    done(await ann.get(`/orders/${first}/file`));
    done(await ann.get('/customers/ann/orders'));
    done(await ann.get('/customers/ann/orders/by-amount'));
    done(await ann.get('/customers/ann/orders/by-status/Pending'));
    done(await admin.get('/orders?status=Pending'));
    done(await admin.get('/orders/export'));
    done(await admin.get('/partiql/orders?customerId=ann'));
    done(await admin.patch(`/orders/${first}/status`, { status: 'Processing' }));
    done(await admin.patch(`/orders/${second}/status`, { status: 'Cancelled' }));
    done(await ann.post(`/orders/${third}/cancel`));
    done(await admin.post(`/orders/${first}/cancel`));
    done(await admin.delete(`/orders/${first}`));

    done(await admin.post('/partiql/products', aProduct({ productId: 'inserted' })));
    done(await admin.send('PUT', '/partiql/products/inserted/price', { body: { priceMinor: 1 } }));

    // What an import leaves that ended in the middle: each is mended by who finds it.
    const { products: TableName } = tables;
    const key = (entity: string) => ({ pk: { S: '$store#productId_inserted' }, sk: { S: `$productFile#${entity}_1` } });
    const half = { TableName, Key: key('Stock'), UpdateExpression: 'SET priceMinor = :p', ExpressionAttributeValues: { ':p': { N: '9' } } };
    await outside.send(new UpdateItemCommand(half));
    const last = done(await ann.post('/orders', { lines: [{ productId: 'inserted', quantity: 1 }] }, { 'idempotency-key': 'half' })).body.orderId;
    await outside.send(new DeleteItemCommand({ TableName, Key: key('Stock') }));
    done(await admin.send('PUT', '/partiql/products/inserted/price', { body: { priceMinor: 2 } }));
    await outside.send(new DeleteItemCommand({ TableName, Key: key('Product') }));
    done(await admin.post('/partiql/products', aProduct({ productId: 'inserted' })));
    done(await admin.delete('/partiql/products/inserted'));
    done(await admin.delete('/products/pot'));
    done(await ann.delete('/users/ann'));
    // An order of an account that is gone, and its statistics with it.
    const stats = { TableName: tables.users, Key: { pk: { S: '$store#userId_ann' }, sk: { S: '$account#CustomerStats_1' } }, ConsistentRead: true };
    await until(async () => (await outside.send(new GetItemCommand(stats))).Item, (item) => item === undefined);
    done(await admin.delete(`/orders/${last}`));

    // The roles know tables, the rows entities: what one entity's row lacks, another's of the same table may allow.
    const rows = (name: string, access: DataAccess, isReplica = false) =>
      Object.entries(access).flatMap(([target, actions]) => actions.map((action) => `${name}: ${target} ${action}${place(isReplica)}`));
    const listed = new Set([
      ...(FLOWS as readonly Flow[]).flatMap(({ name, access, replica = {} }) => [...rows(name, access), ...rows(name, replica, true)]),
      ...DISPATCHERS[layout].flatMap((dispatcher) => effectsOf(dispatcher, { mailFrom: 'store@example.com' }).flatMap(({ access }) => rows(dispatcher.name, access))),
    ]);
    // What the last changes cause comes a moment later.
    const forNothing = () => [...listed].filter((access) => !made.has(access));
    await until(async () => [...(await store.permissions()).items.filter(({ used }) => used === 0), ...forNothing()], (left) => left.length === 0);

    const { items, denied } = await store.permissions();
    // No engine here shows what an eventually consistent read may miss: public lists and what lags anyhow may have it.
    expect([...weak].sort()).toEqual([
      'batch-get-products: BatchGetItem',
      'export-orders: Scan',
      'get-product: GetItem',
      'list-low-stock: BatchGetItem',
    ]);
    expect({
      denied: denied.map(denial),
      unused: items.filter(({ used }) => used === 0).map(({ function: flow, action, resource }) => `${flow} never uses ${action} on ${resource}`),
      notInTheRow: [...made].filter((access) => !listed.has(access)).map((access) => `${access} (no AccessDenied: the row lists it for another entity of the table)`),
      inTheRowForNothing: forNothing(),
    }).toEqual({ denied: [], unused: [], notInTheRow: [], inTheRowForNothing: [] });
    // Every function starts once, and each start is a process of its own.
  });
});
