import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { smoke as commandLineOfSmoke } from '../../../tools/smoke';
import { smoke, type SmokeOptions } from '../../../tools/smoke/smoke';
import { STEPS } from '../../../tools/smoke/steps';
import { UserError } from '../../../tools/user-error';
import { commandLine } from '../../support/command-line';
import { rows, runs, testCompletely } from '../../support/complete';
import { allPages, startStore, type TestStore } from '../../support/store';
import { type Layout, PROJECT } from '../../support/synthesize-once';
import { until } from '../../support/until';
import { deployed, NOT_FOUND, type Passing, problem, proxy, stopProxies, type Tamper } from './proxy';

jest.setTimeout(120_000);

const ALL = STEPS.length;
const LOCAL = STEPS.filter(({ route }) => route.includes(' /_local/')).length;

let store: TestStore;
const children: ChildProcess[] = [];

afterEach(async () => {
  await stopProxies();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Runs the tool in this process. */
async function run(options: Partial<SmokeOptions> = {}) {
  const lines: string[] = [];
  const defaults = { url: store.url, token: undefined, keep: false, patienceMs: 20_000, cleanUpMs: 10_000, interrupt: new AbortController().signal };
  const code = await smoke({ ...defaults, print: (line) => lines.push(line), ...options });
  return { code, lines, output: lines.join('\n') };
}

/** Runs it as a person starts it. */
function launch(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { PORT: _port, STORE_TOKEN: _token, ...inherited } = process.env;
  const child = spawn(process.execPath, ['--require', 'tsx/cjs', 'tools/smoke.ts', ...args], { cwd: PROJECT, env: { ...inherited, ...env } });
  children.push(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

/** A token of a user with an e-mail, unless the claims say otherwise. */
async function token(sub: string, claims: object = {}): Promise<string> {
  const { body } = await store.anonymous.post('/_local/tokens', { sub, groups: ['admin'], email: `${sub}@example.com`, ...claims });
  return body.token;
}

/** A token that no store signed. */
const unsigned = (claims: object): string =>
  ['{"alg":"RS256","kid":"local"}', JSON.stringify(claims), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.');

/** Every item of a run that is in the tables still, but the histories that the store keeps of any change. */
async function leftovers(name = 'smoke-'): Promise<string[]> {
  const dynamodb = new DynamoDBClient({ endpoint: store.dynamodb, region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
  const client = DynamoDBDocumentClient.from(dynamodb);
  const KEPT = ['PriceChange', 'StockMovement', 'OrderEvent', 'IdempotencyRecord', 'ProcessedEvent'];
  const left: string[] = [];
  for (const TableName of tables) {
    const { Items = [] } = await client.send(new ScanCommand({ TableName, ConsistentRead: true }));
    for (const item of Items) {
      if (!KEPT.includes(item.__edb_e__ as string) && JSON.stringify(item).includes(name)) left.push(`${item.__edb_e__} ${item.pk}`);
    }
  }
  client.destroy();
  dynamodb.destroy();
  return left;
}

let tables: string[];
const start = async (layout: Layout) => {
  store = await startStore(layout);
  tables = layout === 'per-domain' ? ['store-dev-Users', 'store-dev-Products', 'store-dev-Orders'] : ['store-dev-Store'];
};

/** The caller's lists, and the shop's. */
async function lists(sub: string) {
  const paths = ['/orders?status=Pending', '/orders?status=Cancelled', '/products/low-stock', `/customers/${sub}/orders`, '/orders/export'];
  return Promise.all(paths.map(async (path) => (await allPages(store.admin, path, 100)).items));
}

// The suites below, and test/readme.test.ts, have the other layout.
describe.each(rows<Layout>(['per-domain', 'single-table'], (layout) => layout === 'single-table'))('a store on this machine, %s', (layout) => {
  beforeAll(() => start(layout));
  afterAll(() => store?.stop());

  test('every step passes, again and again, and nothing is left', async () => {
    const before = await lists('nobody');
    for (let time = 0; time < runs(1, 2); time++) {
      const { code, lines, output } = await run();
      expect(output).toMatch(/^http:\/\/127\.0\.0\.1:\d+, on this machine, as smoke-\w{26}\nWhat this run makes is named smoke-\w{26}\.\n/);
      expect(lines.filter((line) => line.startsWith('✓')).map((line) => line.slice(2).replace(/ {2,}.*/, ''))).toEqual(STEPS.map(({ name }) => name));
      expect(lines.at(-1)).toMatch(new RegExp(`^Passed: ${ALL} passed, in \\d+\\.\\d s\\. Deleted: 2 orders, 3 products, 1 profile\\.$`));
      expect(code).toBe(0);
    }
    expect(await lists('nobody')).toEqual(before);
    expect(await until(leftovers, (left) => left.length === 0)).toEqual([]);
  });

  test('with a token whose user has a profile and orders: those stay, and the statistics are as before', async () => {
    const admin = store.withToken(await token('shopkeeper'));
    await admin.post('/users', { email: 'shopkeeper@example.com', name: 'Keeper' });
    await admin.post('/products', { productId: `own-${layout}`, name: 'Own', category: 'Own', priceMinor: 700, currency: 'XTS', stock: 5 });
    await admin.post('/orders', { lines: [{ productId: `own-${layout}`, quantity: 1 }] }, { 'idempotency-key': 'own' });
    const stats = async () => (await admin.get('/users/shopkeeper/account')).body.stats;
    expect(await until(stats, ({ orders }) => orders === 1)).toMatchObject({ orders: 1, spent: { XTS: 700 } });
    const before = await lists('shopkeeper');

    for (let time = 0; time < runs(1, 2); time++) {
      const { code, output } = await run({ token: await token('shopkeeper') });
      expect(output).toMatch(/✓ a profile, .* 409 +\d+ ms$/m);
      expect(output).toMatch(/^- the welcome mail, in the outbox +skipped: the profile was there before$/m);
      expect(output).toMatch(/^Passed: \d+ passed, 1 skipped, .* Deleted: 2 orders, 3 products\.$/m);
      expect(code).toBe(0);
      expect(await stats()).toMatchObject({ orders: 1, spent: { XTS: 700 } });
    }
    expect(await lists('shopkeeper')).toEqual(before);
    expect((await admin.get('/users/shopkeeper')).status).toBe(200);
    expect(await leftovers('smoke-')).toEqual([]);
  });
});

describe('on one store', () => {
  beforeAll(() => start('per-domain'));
  afterAll(() => store?.stop());

  test('the command line takes the token from the environment, and shows it nowhere', async () => {
    const given = await token('env-admin');
    const remote = launch(['--url', `${store.url}/`], { STORE_TOKEN: given });
    expect(await remote.ended).toBe(0);
    expect(remote.stdout()).toContain('as env-admin\n');
    expect(remote.stdout()).not.toContain(given.split('.')[2]);
    expect(remote.stderr()).toBe('');
  });

  // As docs/deploy.md has it, test/readme.test.ts runs it.
  testCompletely('the command line finds the store on this machine by its port', async () => {
    const local = launch([], { PORT: new URL(store.url).port });
    expect(await local.ended).toBe(0);
    expect(local.stdout()).toContain(`Passed: ${ALL} passed`);
    expect(local.stderr()).toBe('');
  });

  test('--help; options that are wrong', async () => {
    const withArgs = (...args: string[]) => commandLine(() => commandLineOfSmoke(args, {}));
    const help = await withArgs('--help');
    expect(help.code).toBe(0);
    for (const option of ['--url', '--token', '--keep', '--help']) expect(help.stdout).toContain(option);
    expect(await withArgs('--tokn', 'x')).toEqual({ code: 1, stdout: '', stderr: "Unknown option '--tokn'. See npm run smoke -- --help\n" });
    expect(await withArgs('--url', 'store')).toEqual({ code: 1, stdout: '', stderr: "The url is 'store'; allowed: http://... or https://...\n" });
    expect(await withArgs('a.secret.token')).toEqual({ code: 1, stdout: '', stderr: 'There are options only. See npm run smoke -- --help\n' });
  });

  test('--keep leaves what it made, and names it', async () => {
    const { code, output } = await run({ keep: true });
    expect(code).toBe(0);
    const [, name = ''] = /What this run makes is named (smoke-\w+)\./.exec(output) ?? [];
    expect(output).toMatch(/^Passed: .* Nothing was deleted\.$/m);
    expect([...output.matchAll(/^Kept: (.*)$/gm)].map(([, what]) => what)).toEqual([
      `profile ${name}`,
      `product ${name}-tea`,
      `product ${name}-cup`,
      expect.stringMatching(/^order \w{26}$/),
      `product ${name}-pot`,
      expect.stringMatching(/^order \w{26}$/),
    ]);
    expect((await store.admin.get(`/customers/${name}/orders`)).body.items).toHaveLength(2);
    expect((await store.admin.get(`/products/${name}-pot`)).status).toBe(200);
    expect((await store.anonymous.get('/_local/faults')).body.items).toEqual([]);
  });

  describe('tokens, and what is no store', () => {
    const refusal = async (options: Partial<SmokeOptions>) => {
      const lines: string[] = [];
      const error: unknown = await run({ ...options, print: (line) => lines.push(line) }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UserError);
      expect(lines).toEqual([]);
      return (error as Error).message;
    };
    const WANTED = 'Give the token of a user in the group admin: --token T, or $STORE_TOKEN';
    const REFUSED = 'The token was refused (401): it has expired, or is of another store. Give a new one: --token T, or $STORE_TOKEN';

    test.each(['secret', 'a.b', 'secret\nsecret.x.y', 'a.bm8.c', `a.${Buffer.from('"text"').toString('base64url')}.c`])(
      '%j is no token',
      async (given) => {
        expect(await refusal({ token: given })).toBe(`The token is no JSON Web Token (three parts, with dots between). ${WANTED}`);
      },
    );

    test.each([{}, { sub: '' }, { sub: 7 }])('claims %j name no user', async (claims) => {
      expect(await refusal({ token: unsigned(claims) })).toBe(`The token names no user: it has no claim sub. ${WANTED}`);
    });

    test('one that the store did not sign, and one that has expired, are refused', async () => {
      expect(await refusal({ token: unsigned({ sub: 'ann' }) })).toBe(REFUSED);
      const late = await proxy(store.url, ({ path }) =>
        path.startsWith('/products/low-stock') ? { status: 401, body: { message: 'The incoming token has expired' } } : undefined,
      );
      expect(await refusal({ url: late.url, token: await token('ann') })).toBe(REFUSED);
    });

    test('one of no admin: nothing is made', async () => {
      const message = await refusal({ token: await token('plain', { groups: ['staff'] }) });
      expect(message).toBe('The token is of no admin (403). Give one of a user in the group admin: --token T, or $STORE_TOKEN');
      expect((await store.admin.get('/users/plain')).status).toBe(404);
    });

    test.each([{ email: undefined }, { emailVerified: false }])('one that proves no e-mail (%j): nothing is made', async (claims) => {
      const message = await refusal({ token: await token('unproved', claims) });
      expect(message).toBe('The token proves no e-mail. Give the ID token of an admin whose e-mail Cognito has verified: --token T, or $STORE_TOKEN');
      expect((await store.admin.get('/users/unproved')).status).toBe(404);
    });

    test('none, for a store that issues none', async () => {
      const { url } = await proxy(store.url, deployed());
      expect(await refusal({ url })).toBe(WANTED);
    });

    test.each<[string, Tamper, string]>([
      ['a web site', () => ({ status: 200, body: '<html>Welcome</html>' }), 'GET /products: no list'],
      ['another API', () => NOT_FOUND, 'GET /products: 404 Not Found'],
      ['a redirect', () => ({ status: 301, headers: { location: 'https://example.com' }, body: '' }), 'GET /products: 301 status 301'],
      ['a gateway without a service', () => ({ status: 502, body: '<html>Bad Gateway</html>' }), 'GET /products: 502 <html>Bad Gateway</html>'],
    ])('%s is no store', async (_, tamper, what) => {
      const { url, requests } = await proxy(undefined, tamper);
      const given = await token('ann');
      expect(await refusal({ url, token: given })).toBe(
        `What answers at ${url} is no store (${what}). Start the store with npm start, or name another one: --url URL`,
      );
      // Who is no store is not shown the token.
      expect(requests.map((request) => request.token)).toEqual([undefined, undefined]);
    });

    test('nothing listens: one line, exit code 1', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((done) => server.once('listening', done));
      const { port } = server.address() as AddressInfo;
      await new Promise((done) => server.close(done));
      const [here, name] = [launch([], { PORT: String(port) }), launch(['--url', 'https://store.invalid', '--token', unsigned({ sub: 'a' })])];
      expect([await here.ended, await name.ended]).toEqual([1, 1]);
      expect(here.stderr()).toBe(
        `No store answers at http://127.0.0.1:${port} (ECONNREFUSED). Start the store with npm start, or name another one: --url URL\n`,
      );
      expect(name.stderr()).toMatch(/^No store answers at https:\/\/store\.invalid \((ENOTFOUND|EAI_AGAIN)\)\. Is the --url right\?\n$/);
    });

    test('no TLS where TLS is wanted', async () => {
      const url = store.url.replace('http:', 'https:');
      expect(await refusal({ url })).toMatch(/^No store answers at https:\S+ \(\w*SSL\w*\)\. Start the store/);
    });
  });

  test('a deployed store: what is only on this machine is skipped, by name', async () => {
    const { url, requests } = await proxy(store.url, deployed());
    const given = await token('deployed-admin');
    const { code, lines, output } = await run({ url, token: given });
    expect(code).toBe(0);
    expect(lines[0]).toBe(`${url}, as deployed-admin`);
    const skipped = STEPS.filter(({ route }) => route.includes(' /_local/')).map(({ name }) => name);
    expect(lines.filter((line) => line.startsWith('-')).map((line) => line.slice(2).replace(/ {2,}.*/, ''))).toEqual(skipped);
    expect(output).toContain(`Passed: ${ALL - LOCAL} passed, ${LOCAL} skipped, in `);
    expect(output).toContain('skipped: only on a store on this machine');
    expect(requests.filter(({ path }) => path.startsWith('/_local/')).map(({ path }) => path)).toEqual(['/_local/health']);
    expect(requests.filter(({ path }) => path.startsWith('/products?category=')).map(({ token }) => token)).toEqual([undefined, undefined]);
    // Before anything is deleted, the statistics are as they were.
    const cleaning = requests.slice(requests.findIndex(({ path }) => path.endsWith('/cancel'))).map(({ method, path }) => `${method} ${path}`);
    expect(cleaning.indexOf('GET /users/deployed-admin/account')).toBe(2);
    expect(cleaning.findIndex((request) => request.startsWith('DELETE /orders/'))).toBeGreaterThan(2);
    expect(await leftovers(lines[1]?.replace(/^.*(smoke-\w+)\.$/, '$1'))).toEqual([]);
  });

  test('a region whose replicas, indexes and streams lag is waited for, and that is said', async () => {
    const seen = new Map<string, number>();
    const started = performance.now();
    const { url } = await proxy(
      store.url,
      deployed(({ method, path, body }) => {
        const of = `${method} ${path} ${body}`;
        const count = (seen.get(of) ?? 0) + 1;
        seen.set(of, count);
        if (path.includes('/account') && performance.now() - started < 2_500) return problem(404, 'not-found', 'There is no user yet.');
        // The clean-up knows whose profile it is.
        if (method === 'GET' && /^\/users\/[^/]+$/.test(path)) return problem(404, 'not-found', 'There is no user yet.');
        if (count > 2) return undefined;
        if (method === 'POST' && path === '/orders') return problem(404, 'unknown-product', 'There is no product yet.');
        if (method === 'PUT' || path === '/inventory/transfers' || path.endsWith('/file')) return problem(404, 'not-found', 'It is not there yet.');
        if (path === '/products/batch') return problem(503, 'throttled', 'DynamoDB throttled the request.');
        if (path.startsWith('/products?category=smoke') && path.includes('limit=100')) return { status: 200, body: { items: [], cursor: null } };
        if (path.startsWith('/orders?status')) return { status: 429, body: { message: 'Too Many Requests' } };
        return undefined;
      }),
    );
    const { code, output } = await run({ url, token: await token('far-admin') });
    expect(output).toMatch(/^ {2}waiting for the account as it is before; so far: 404 There is no user yet\.$/m);
    expect(output.match(/waiting for the account as it is before/g)).toHaveLength(1);
    expect(output).toMatch(/^✓ the account as it is before +200 +\d{4,} ms$/m);
    expect(output).toMatch(/Deleted: 2 orders, 3 products, 1 profile\.$/);
    expect(code).toBe(0);
  });

  test('lists of a store in use are read page by page', async () => {
    // Others, low for longer than those of the run.
    const products = [1, 2, 3].map((n) => ({ productId: `low-${n}`, name: 'Low', category: 'Low', priceMinor: 1, currency: 'EUR', stock: 0, restockAt: 1 }));
    await store.admin.post('/products/batch', { products });
    await until(() => store.admin.get('/products/low-stock'), ({ body }) => body.items.length >= 3);
    const small = await proxy(store.url, async ({ method, path, token }) => {
      if (method !== 'GET' || !path.includes('limit=100')) return undefined;
      const { status, body } = await store.withToken(token).get(path.replace('limit=100', 'limit=1'));
      return { status, body };
    });
    const { code, output } = await run({ url: small.url });
    expect(output).toMatch(/^✓ what is low/m);
    expect(code).toBe(0);
    const pages = small.requests.filter(({ path }) => path.startsWith('/products/low-stock?limit=100&cursor='));
    expect(pages.length).toBeGreaterThanOrEqual(3);
    // But no further than what is looked for.
    expect(small.requests.filter(({ path }) => /^\/customers\/.*[?&]min=.*cursor=/.test(path))).toEqual([]);
  });

  /** Runs it with wrong answers for one step. */
  const failing = async (tamper: Tamper, options: Partial<SmokeOptions> = {}) => {
    const { url, requests } = await proxy(store.url, tamper);
    const result = await run({ url, patienceMs: 500, ...options });
    const [, name = 'none'] = /What this run makes is named (smoke-\w+)\./.exec(result.output) ?? [];
    return { ...result, name, requests };
  };

  // The function repeats its call until its time-out.
  testCompletely('DynamoDB refuses the orders: the step is named, and all before it deleted', async () => {
    await store.anonymous.post('/_local/faults', { kind: 'throttle', rate: 1, function: 'place-order' });
    try {
      const { code, output, name } = await failing(() => undefined);
      expect(output).toMatch(/^✗ an order +503 +\d+ ms$/m);
      // It gave up, or was told to by its time-out, which comes as it may.
      expect(output).toMatch(/^ {4}request {3}POST \/orders\n {4}came {6}503 (DynamoDB|There was no answer) .*\n/m);
      expect(output).toContain(`    expected  201 with {"orderId":"any text","customerId":"${name}","status":"Pending"`);
      expect(output).toMatch(/^Failed: 5 passed, 1 failed, \d+ not run, in .* Deleted: 2 products, 1 profile\.$/m);
      expect(code).toBe(1);
      expect(await until(() => leftovers(name), (left) => left.length === 0)).toEqual([]);
      // Those of somebody else stay on.
      expect((await store.anonymous.get('/_local/faults')).body.items).toHaveLength(1);
    } finally {
      await store.anonymous.send('DELETE', '/_local/faults');
    }
  });

  test('faults of somebody else stay on, and those of the run are skipped', async () => {
    await store.anonymous.post('/_local/faults', { kind: 'conflict', rate: 1, function: 'update-user' });
    try {
      const { code, output } = await run();
      expect(output).toMatch(/^- a fault: .* skipped: there are faults on already\n✓ an order at .*\n- the end of the fault +skipped: there are/m);
      expect(code).toBe(0);
      expect((await store.anonymous.get('/_local/faults')).body.items).toHaveLength(1);
    } finally {
      await store.anonymous.send('DELETE', '/_local/faults');
    }
  });

  const isReplay = (requests: Passing[], { path, body }: Passing) => path === '/orders' && requests.filter((one) => one.body === body).length > 1;

  const WRONG: [step: string, status: string, tamper: (requests: Passing[]) => Tamper, came: string][] = [
    ['a product', '500', () => ({ path, body }) => (path === '/products' && body !== '' ? problem(500, 'internal-error', 'It failed.') : undefined), '500 It failed.'],
    ['an order', '403', () => ({ path, body }) => (path === '/orders' && body !== '' ? { status: 403, body: { message: 'Forbidden' } } : undefined), '403 Forbidden'],
    ['the same key again: the same order', '200', (requests) => (request) => (isReplay(requests, request) ? { status: 200, body: { orderId: 'another' } } : undefined), '200 {"orderId":"another"}'],
    ['too many: refused, with what there is', '409', () => ({ body }) => (body.includes('"quantity":4') ? problem(409, 'insufficient-stock', 'No.', { lines: [{ available: 5 }] }) : undefined), '"available":5'],
    ['stock from one product to another', '404', () => ({ path }) => (path === '/inventory/transfers' ? NOT_FOUND : undefined), '404 Not Found'],
    ['what is low, from its stream and index', '200', () => ({ path }) => (path === '/products/low-stock?limit=100' ? { status: 200, body: { items: [], cursor: null } } : undefined), '200 {"items":[],"cursor":null}'],
    ['statistics that have grown, by a stream', '200', (requests) => ({ path }) => (path.endsWith('/account') && requests.some(({ path }) => path.startsWith('/orders?')) ? { status: 200, body: { stats: { orders: 1, spent: {} } } } : undefined), '"orders":1'],
    ['the end of the fault', '500', () => ({ method, path }) => (method === 'DELETE' && path === '/_local/faults' ? problem(500, 'internal-error', 'Not now.') : undefined), '500 Not now.'],
  ];
  test.each(rows(WRONG, (_, index) => [0, 3, 5, 7].includes(index)))('%s, answered wrongly with %s', async (step, status, tamper, came) => {
    let once = 0;
    const requests: Passing[] = [];
    const wrong = tamper(requests);
    const { code, output, lines, name } = await failing((request) => {
      requests.push(request);
      // The clean-up is answered.
      if (request.method === 'DELETE' && once > 0) return undefined;
      if (requests.some(({ path }) => path.includes('/cancel'))) return undefined;
      const reply = wrong(request) as ReturnType<Tamper>;
      if (reply) once++;
      return reply;
    });
    const at = lines.findIndex((line) => line.startsWith('✗'));
    expect(lines[at]).toMatch(new RegExp(`^✗ ${step} +${status} +\\d+ ms$`));
    expect(lines[at + 2]).toMatch(/^ {4}came /);
    expect(lines[at + 2]).toContain(came);
    expect(output).toMatch(/^Failed: \d+ passed, 1 failed, /m);
    expect(output).not.toContain('Left behind');
    expect(code).toBe(1);
    expect(await until(() => leftovers(name), (left) => left.length === 0)).toEqual([]);
    expect((await store.anonymous.get('/_local/faults')).body.items).toEqual([]);
  });

  test('an answer that is lost: what was made all the same is deleted', async () => {
    let lost = 0;
    const { code, output, name } = await failing(async ({ method, path, token, body }) => {
      if (lost > 0 || method !== 'POST' || path !== '/orders') return undefined;
      lost++;
      const key = `smoke-${body.slice(body.indexOf('smoke-') + 6, body.indexOf('smoke-') + 32)}-first`;
      const answer = await store.withToken(token).post(path, JSON.parse(body), { 'idempotency-key': key });
      expect(answer.status).toBe(201);
      return 'hang up';
    });
    expect(output).toMatch(/^✗ an order +\d+ ms\n {4}request {3}POST \/orders\n {4}came {6}no answer: \S+$/m);
    expect(output).toContain('Deleted: 1 order, 2 products, 1 profile.');
    expect(code).toBe(1);
    expect(await until(() => leftovers(name), (left) => left.length === 0)).toEqual([]);
  });

  test('a profile whose answer is lost is known by its preferences', async () => {
    const { output, name } = await failing(async ({ method, path, token, body }) => {
      if (method !== 'POST' || path !== '/users') return undefined;
      await store.withToken(token).post(path, JSON.parse(body));
      return 'hang up';
    });
    expect(output).toMatch(/^✗ a profile/m);
    expect(output).toContain('Deleted: 1 profile.');
    expect(await until(() => leftovers(name), (left) => left.length === 0)).toEqual([]);
  });

  test('a token that expires on the way: what is left is named', async () => {
    let hasExpired = false;
    const { code, output, name } = await failing(({ method, path, token }) => {
      hasExpired ||= method === 'GET' && path.includes('/by-amount');
      return hasExpired && token !== undefined ? { status: 401, body: { message: 'Unauthorized' } } : undefined;
    });
    expect(output).toMatch(/^✗ own orders by amount +401 +\d+ ms$/m);
    expect(output).toContain('    The token was refused (401): it has expired');
    const left = [...output.matchAll(/^Left behind: (.*)$/gm)].map(([, what]) => what);
    expect(left).toEqual([
      `orders of ${name} for the products ${name}-…, if there are any (401 Unauthorized)`,
      expect.stringMatching(/^order \w{26} \(401 Unauthorized\)$/),
      ...['tea', 'cup', 'pot', 'lid'].map((product) => `product ${name}-${product} (401 Unauthorized)`),
      `profile ${name} (401 Unauthorized)`,
    ]);
    expect(code).toBe(1);
  });

  test('a clean-up that is refused for a while is done in the end', async () => {
    const refusals = new Map<string, number>();
    const { code, output, requests } = await failing(
      ({ method, path }) => {
        const count = (refusals.get(path) ?? 0) + 1;
        if (method !== 'DELETE' || count > 2 || path.startsWith('/_local/')) return undefined;
        refusals.set(path, count);
        return count === 1 ? problem(503, 'throttled', 'Later.') : 'hang up';
      },
      { patienceMs: 10_000 },
    );
    expect(output).toMatch(/^Passed: .* Deleted: 2 orders, 3 products, 1 profile\.$/m);
    expect(code).toBe(0);
    expect(requests.filter(({ method, path }) => method === 'DELETE' && path.endsWith('-tea'))).toHaveLength(3);
  });

  test('statistics that do not follow are named, where the profile stays', async () => {
    await store.withToken(await token('counted')).post('/users', { email: 'counted@example.com', name: 'Counted' });
    let isCancelled = false;
    const { code, output } = await failing(
      ({ path }) => {
        isCancelled ||= path.endsWith('/cancel');
        return isCancelled && path.endsWith('/account') ? { status: 200, body: { stats: { orders: 2, spent: { XTS: 5_100 } } } } : undefined;
      },
      { token: await token('counted'), patienceMs: 10_000, cleanUpMs: 700 },
    );
    expect(output).toMatch(/^Passed: .* Deleted: 2 orders, 3 products\.\nLeft behind: statistics of counted: they still count orders of this run$/m);
    expect(code).toBe(1);
  });

  test('a store that goes away: one line says so, and all that may be left is named', async () => {
    let isAway = false;
    const goesAway: Tamper = ({ method }) => {
      isAway ||= method === 'PUT';
      return isAway ? 'hang up' : undefined;
    };
    const { code, output, name } = await failing(goesAway, { cleanUpMs: 1_200 });
    expect(output).toMatch(/^✗ a price, by PartiQL +\d+ ms\n.*\n {4}came {6}no answer: \S+\n/m);
    expect(output).toMatch(/^ {2}deleting what was made\nFailed: 14 passed, 1 failed, \d+ not run, in [\d.]+ s\. Deleted: nothing\.$/m);
    const left = [...output.matchAll(/^Left behind: (\S+ \S+)/gm)].map(([, what]) => what);
    expect(left).toEqual([
      'orders of',
      expect.stringMatching(/^order \w{26}$/),
      ...['tea', 'cup', 'pot', 'lid'].map((product) => `product ${name}-${product}`),
      `profile ${name}`,
    ]);
    expect(code).toBe(1);
  });

  test('Ctrl-C while it deletes: it goes on, and says so', async () => {
    const interrupt = new AbortController();
    const { code, output } = await failing(
      ({ method, path }) => {
        if (method === 'DELETE' && path.startsWith('/orders/')) interrupt.abort();
        return undefined;
      },
      { interrupt: interrupt.signal, patienceMs: 10_000 },
    );
    expect(output).toMatch(/^Deleting what was made\. Ctrl-C again ends it at once, and leaves what is named smoke-\w+\.$/m);
    expect(code).toBe(0);
  });

  test('a clean-up that is not done makes a run that passed fail', async () => {
    const { code, output, name } = await failing(
      ({ method, path }) => (method === 'DELETE' && path.endsWith('-cup') ? problem(403, 'forbidden', 'Not this one.') : undefined),
      { patienceMs: 10_000 },
    );
    expect(output).toMatch(/^Passed: .* Deleted: 2 orders, 2 products, 1 profile\.$/m);
    expect(output).toContain(`Left behind: product ${name}-cup (403 Not this one.)`);
    expect(code).toBe(1);
  });

  const SIGNALS: [NodeJS.Signals, string][] = [
    ['SIGINT', '/customers/'],
    ['SIGTERM', '/products/low-stock?limit=100'],
  ];
  test.each(rows(SIGNALS, ([signal]) => signal === 'SIGTERM'))('%s: stops after the step under way, deletes what was made, and says so', async (signal, during) => {
    const { url } = await proxy(store.url, async ({ method, path }) => {
      if (method !== 'GET' || !path.startsWith(during) || started.stdout().includes('Stopping')) return undefined;
      started.child.kill(signal);
      await until(async () => started.stdout(), (output) => output.includes('Stopping'));
      return undefined;
    });
    const started = launch(['--url', url]);
    expect(await started.ended).toBe(130);
    const output = started.stdout();
    const [, name = 'none'] = /What this run makes is named (smoke-\w+)\./.exec(output) ?? [];
    expect(output).toContain(`Stopping after this step, then deleting what was made. Ctrl-C again ends it at once, and leaves what is named ${name}.\n`);
    expect(output).toMatch(/^Interrupted: \d+ passed, \d+ not run, in [\d.]+ s\. Deleted: 1 order, [23] products, 1 profile\.$/m);
    expect(await until(() => leftovers(name), (left) => left.length === 0)).toEqual([]);
  });

  test('Ctrl-C ends a wait', async () => {
    const interrupt = new AbortController();
    const { code, output } = await failing(
      ({ path }) => {
        if (!path.includes('category=smoke') || !path.includes('limit=100')) return undefined;
        setTimeout(() => interrupt.abort(), 50);
        return problem(503, 'throttled', 'Later.', {}, { 'retry-after': '100' });
      },
      { interrupt: interrupt.signal, patienceMs: 200_000 },
    );
    // A wait that it did not end would be longer than the test may take.
    expect(code).toBe(130);
    expect(output).not.toContain('✗');
    expect(output).toContain('Interrupted: 4 passed, ');
    expect(output).toContain('Deleted: 2 products, 1 profile.');
  });
});
