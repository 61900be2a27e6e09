import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ON_REPLICA } from '../../lambda/model/replica';
import { store as model } from '../support/samples';
import { aProduct, type Answer, startStore, type TestStore } from '../support/store';
import { globalAssemblyOf, PROJECT } from '../support/synthesize-once';
import { until } from '../support/until';

const HOME = 'us-east-1';
const HERE = 'ap-southeast-1';
const document = readFileSync(join(PROJECT, 'docs/global-tables.md'), 'utf8');

/** The store as a region sees it that is not the home region. */
describe('the API of another region', () => {
  let store: TestStore;
  beforeAll(async () => {
    store = await startStore('single-table', { assembly: globalAssemblyOf('single-table'), region: HERE });
  });
  afterAll(() => store.stop());

  interface Traced {
    function: string;
    region: string;
    outcome: string;
  }
  /** The calls that a request made, in their order. */
  const callsOf = async ({ headers }: Answer): Promise<Traced[]> => {
    const { body } = await store.anonymous.get(`/_local/trace?request=${headers.get('apigw-requestid')}`);
    return body.items.toReversed();
  };

  test('a region decides at home what no two regions may decide, and reads what it may on its own replica', async () => {
    const { admin, anonymous } = store;
    const ann = await store.user('ann');
    const made = new Map<string, Traced[]>();
    const done = async (answer: Answer) => {
      if (answer.status >= 300) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
      const calls = await callsOf(answer);
      made.set(calls[0]!.function, calls);
      return answer;
    };
    const etag = (answer: Answer) => ({ 'if-match': answer.headers.get('etag') as string });
    const order = async (key: string) =>
      (await done(await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 1 }] }, { 'idempotency-key': key }))).body.orderId as string;

    const user = await done(await ann.post('/users', { email: 'ann@example.com', name: 'Ann' }));
    await done(await (await store.user('ann', 'anna@example.com')).patch('/users/ann', { email: 'anna@example.com' }, etag(user)));
    await done(await ann.get('/users/ann'));
    await done(await ann.get('/users/ann/account'));
    const { sessionId } = (await done(await ann.send('POST', '/users/ann/sessions'))).body;
    await done(await ann.get(`/sessions/${sessionId}`));
    await done(await ann.send('PUT', '/users/ann/cart/items/tea', { body: { quantity: 1 } }));
    await done(await ann.get('/users/ann/cart'));
    await done(await admin.post('/products', aProduct({ productId: 'tea' })));
    await done(await anonymous.get('/products/tea'));
    await done(await anonymous.get('/products?category=Beverages'));
    await done(await anonymous.post('/products/batch-get', { productIds: ['tea'] }));
    await done(await admin.post('/inventory/adjustments', { productId: 'tea', delta: 5, reason: 'count' }));
    await done(await admin.post('/products', aProduct({ productId: 'cup' })));
    await done(await admin.post('/inventory/transfers', { fromProductId: 'tea', toProductId: 'cup', quantity: 1 }));
    const [first, second] = [await order('1'), await order('2')];
    await done(await ann.get(`/orders/${first}`));
    await done(await ann.get('/customers/ann/orders'));
    await done(await admin.patch(`/orders/${first}/status`, { status: 'Processing' }));
    await done(await ann.post(`/orders/${second}/cancel`));
    await done(await ann.delete('/users/ann'));

    const rows = [...made].map(([flow, calls]) => {
      // A consumer may be at work on the same item: what was refused for that was asked again.
      const count = (region: string) => calls.filter((call) => call.region === region && call.outcome === 'ok').length;
      expect(calls.filter(({ region }) => region !== HOME && region !== HERE)).toEqual([]);
      return `| ${flow} | ${count(HOME)} | ${count(HERE)} |`;
    });
    expect(rows.sort()).toEqual(document.split('\n').filter((line) => /^\| [a-z-]+ \| \d+ \| \d+ \|$/.test(line)));
  });

  test('a region has what its writes caused, by the consumers of the home region', async () => {
    const ben = await store.user('ben');
    await ben.post('/users', { email: 'ben@example.com', name: 'Ben' });
    const mailed = async () => (await store.outbox('email')).map(({ to }) => to[0] as string);
    expect(await until(mailed, (to) => to.includes('ben@example.com'))).toContain('ben@example.com');
  });
});

test('docs/global-tables.md says of each entity what the model says', () => {
  const rows = document.split('\n').filter((line) => /^\| [A-Z]\w+ \| (home|any) \| (home|any) \|/.test(line));
  const said = rows.map((row) => row.split(' | ').map((cell) => cell.replace('| ', '').trim()).slice(0, 3));
  const places = Object.keys(model.entities).map((entity) => {
    const on = (ON_REPLICA as Record<string, string>)[entity];
    return [entity, on === 'write' ? 'any' : 'home', on === undefined ? 'home' : 'any'];
  });
  expect(said.sort()).toEqual(places.sort());
});
