import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { senderFor } from '../../local/main';
import { isComplete, testCompletely } from '../support/complete';
import { type Answer, aProduct, client } from '../support/store';
import { assemblyOf, globalAssemblyOf, PROJECT } from '../support/synthesize-once';

test('a start without a sender in cdk.json has one, so that mail is seen here; one that is configured stays', () => {
  const { context } = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8')) as { context: { mailFrom?: string } };
  expect(senderFor(context)).toEqual({ mailFrom: 'store@example.com' });
  expect(senderFor({ mailFrom: null })).toEqual({ mailFrom: 'store@example.com' });
  expect(senderFor({ mailFrom: 'shop@example.org' })).toEqual({});
});

/** The platform as a person starts it: its process, its output, its state. */
describe('the process', () => {
  const state = mkdtempSync(join(tmpdir(), 'store-process-'));
  const running: Started[] = [];

  interface Started {
    child: ChildProcess;
    output: () => string;
    /** Resolves with the exit code; null when a signal ended it. */
    ended: Promise<number | null>;
  }

  function launch(args: string[], env: NodeJS.ProcessEnv = {}): Started {
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', 'local/main.ts', '--state', state, ...args], {
      cwd: PROJECT,
      env: { ...process.env, ...env },
    });
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (output += data.toString()));
    const started = { child, output: () => output, ended: new Promise<number | null>((done) => child.on('close', done)) };
    running.push(started);
    return started;
  }

  /** Starts a platform and waits for the last of the lines that it prints then. */
  async function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
    const started = launch(['--assembly', assemblyOf('per-domain'), '--port', '0', ...args], env);
    const url = await until(() => /ready: (http:\S+)[^]*Ctrl-C stops/.exec(started.output())?.[1]);
    const token = async (sub: string, groups: string[] = []) =>
      (await client(url, undefined).post('/_local/tokens', { sub, groups })).body.token as string;
    return { ...started, url, token };
  }

  async function until<Value>(value: () => Value | undefined): Promise<Value> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const found = value();
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`It did not come to pass: ${running.at(-1)?.output()}`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  /** What is still alive of everything that works on this state. */
  const alive = () =>
    spawnSync('ps', ['-eo', 'pid,stat,args'], { encoding: 'utf8' })
      .stdout.split('\n')
      .filter((line) => line.includes(state) && !/^\s*\d+ Z/.test(line));

  const childrenOf = (pid: number) =>
    spawnSync('ps', ['-eo', 'pid,ppid,stat'], { encoding: 'utf8' })
      .stdout.split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, ppid, stat]) => ppid === String(pid) && !stat?.startsWith('Z'))
      .map(([child]) => Number(child));

  const isAlive = (pid: number) => {
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
    return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
  };

  afterEach(async () => {
    for (const { child, ended } of running.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
    await until(() => (alive().length === 0 ? true : undefined));
  });
  afterAll(() => rmSync(state, { recursive: true, force: true }));

  test('the platform prints one line with the URL, what it does not emulate, and ends with all that it started', async () => {
    const { child, url, output, ended } = await start();
    expect((await client(url, undefined).get('/products/none')).status).toBe(404);
    expect(output().match(/ready/g)).toHaveLength(1);
    expect(output()).toMatch(/^The store is ready: http:\/\/127\.0\.0\.1:\d+ {2}\(per-domain, us-east-1, dynoxide, \d+\.\d s\)$/m);
    expect(output()).toMatch(/^ {2}Not emulated {2}API throttling/m);
    const children = childrenOf(child.pid!);
    // The engine, its guard, and the environment of the function.
    expect(children.length).toBeGreaterThanOrEqual(3);

    child.kill('SIGTERM');

    expect(await ended).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);
    expect(existsSync(join(state, 'per-domain-us-east-1-dynoxide/platform.json'))).toBe(false);
  });

  test('kill -9 in the middle of a load loses no order that was answered, and leaves nothing behind', async () => {
    const first = await start(['--fresh']);
    const admin = client(first.url, await first.token('root', ['admin']));
    const ann = client(first.url, await first.token('ann'));
    await admin.post('/products', aProduct({ productId: 'a', stock: 100_000 }));
    await admin.post('/products', aProduct({ productId: 'b', stock: 100_000 }));
    const answered: string[] = [];
    let killed = false;
    const load = Promise.all(
      Array.from({ length: 6 }, async (_, worker) => {
        for (let index = 0; !killed; index++) {
          const lines = [{ productId: 'a', quantity: 1 }, { productId: 'b', quantity: 2 }];
          const answer = await ann.post('/orders', { lines }, { 'idempotency-key': `${worker}-${index}` }).catch(() => undefined);
          if (answer?.status === 201) answered.push(answer.body.orderId);
        }
      }),
    );
    await until(() => (answered.length > 50 ? true : undefined));
    const children = childrenOf(first.child.pid!);
    killed = true;
    first.child.kill('SIGKILL');
    await Promise.all([first.ended, load]);
    await until(() => (children.some(isAlive) ? undefined : true));

    const second = await start();
    const again = client(second.url, await second.token('ann'));
    const orders: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Answer['body'] = (await again.get(`/customers/ann/orders?limit=100${cursor ? `&cursor=${cursor}` : ''}`)).body;
      orders.push(...page.items.map(({ orderId }: { orderId: string }) => orderId));
      cursor = page.cursor;
    }
    expect(answered.filter((orderId) => !orders.includes(orderId))).toEqual([]);
    const stock = async (id: string) => (await again.get(`/products/${id}`)).body.stock;
    expect([await stock('a'), await stock('b')]).toEqual([100_000 - orders.length, 100_000 - 2 * orders.length]);
  });

  test('no variable of the developer reaches a function', async () => {
    const { url, child } = await start([], {
      AWS_PROFILE: 'production',
      AWS_SESSION_TOKEN: 'real',
      AWS_REGION: 'ap-south-1',
      NODE_OPTIONS: '--no-warnings',
      DEVELOPER_SECRET: 'x',
      USERS_TABLE: 'other',
    });
    expect((await client(url, undefined).get('/products/none')).status).toBe(404);
    const environments = childrenOf(child.pid!)
      .map((pid) => spawnSync('cat', [`/proc/${pid}/environ`], { encoding: 'utf8' }).stdout.split('\0'))
      .filter((variables) => variables.includes('POWERTOOLS_SERVICE_NAME=get-product'));
    expect(environments).toHaveLength(1);
    const names = environments[0]!.map((variable) => variable.split('=')[0]).filter(Boolean).sort();
    expect(names).toEqual([
      'AWS_ACCESS_KEY_ID',
      'AWS_CONFIG_FILE',
      'AWS_DEFAULT_REGION',
      'AWS_ENDPOINT_URL_DYNAMODB',
      'AWS_ENDPOINT_URL_EVENTBRIDGE',
      'AWS_ENDPOINT_URL_LAMBDA',
      'AWS_ENDPOINT_URL_S3',
      'AWS_ENDPOINT_URL_SESV2',
      'AWS_ENDPOINT_URL_SQS',
      'AWS_EXECUTION_ENV',
      'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
      'AWS_LAMBDA_FUNCTION_NAME',
      'AWS_LAMBDA_FUNCTION_VERSION',
      'AWS_LAMBDA_INITIALIZATION_TYPE',
      'AWS_LAMBDA_LOG_GROUP_NAME',
      'AWS_LAMBDA_LOG_STREAM_NAME',
      'AWS_REGION',
      'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SHARED_CREDENTIALS_FILE',
      'HOME',
      'HOME_REGION',
      'LAMBDA_TASK_ROOT',
      'LANG',
      'LOCAL_FUNCTION_ARN',
      'NODE_CHANNEL_FD',
      'NODE_CHANNEL_SERIALIZATION_MODE',
      'ORDERS_TABLE',
      'PATH',
      'POWERTOOLS_SERVICE_NAME',
      'PRODUCTS_TABLE',
      'STATUS_SHARDS',
      'TZ',
      'USERS_TABLE',
      '_HANDLER',
    ]);
    expect(environments[0]).toContain('USERS_TABLE=store-dev-Users');
    expect(environments[0]).toContain('AWS_REGION=us-east-1');
  });

  test('many requests at once start no more environments than the pool holds', async () => {
    const { url, child } = await start();
    const anybody = client(url, undefined);
    const answers = await Promise.all(Array.from({ length: 150 }, () => anybody.get('/products/none')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
    // At most eight environments of the one function, one of each that reads a stream, the engine and its guard.
    expect(childrenOf(child.pid!).length).toBeLessThanOrEqual(13);
  });

  test('a second platform on the same state says which one runs', async () => {
    const first = await start();
    const second = launch(['--assembly', assemblyOf('per-domain'), '--port', '0']);
    expect(await second.ended).toBe(1);
    expect(second.output()).toBe(
      `A platform with this state runs already: ${first.url} (process ${first.child.pid}). Stop it, or start this one with --state DIR.\n`,
    );
    const port = new URL(first.url).port;
    const third = launch(['--assembly', assemblyOf('per-domain'), '--port', port, '--layout', 'single-table']);
    expect(await third.ended).toBe(1);
    expect(third.output()).toBe(`Port ${port} (API) is in use. Choose others: npm start -- --port ${Number(port) + 10}\n`);
    // The endpoints have the next two ports, or there is no start: a tool's settings stay right.
    const before = launch(['--assembly', assemblyOf('per-domain'), '--port', String(Number(port) - 2), '--layout', 'single-table']);
    expect(await before.ended).toBe(1);
    expect(before.output()).toMatch(/^Port \d+ \((API|DynamoDB|other services)\) is in use\. Choose others: npm start -- --port \d+\n$/);
  });

  testCompletely('another region has the data of the home region: each is a replica of the same tables', async () => {
    const assembly = ['--assembly', globalAssemblyOf('per-domain')];
    const home = await start([...assembly, '--fresh']);
    const admin = client(home.url, await home.token('root', ['admin']));
    expect((await admin.post('/products', aProduct({ productId: 'everywhere' }))).status).toBe(201);
    home.child.kill('SIGTERM');
    await home.ended;

    const elsewhere = await start([...assembly, '--region', 'ap-southeast-1']);
    expect(elsewhere.output()).toContain('(per-domain, ap-southeast-1, ');
    expect(elsewhere.output()).toContain('\n  Home region   us-east-1, where what is pinned is written, and streams are read\n');
    expect((await client(elsewhere.url, undefined).get('/products/everywhere')).body).toMatchObject({ productId: 'everywhere', stock: 10 });
    elsewhere.child.kill('SIGTERM');
    await elsewhere.ended;

    const nowhere = launch([...assembly, '--port', '0', '--region', 'us-west-2']);
    expect(await nowhere.ended).toBe(1);
    expect(nowhere.output()).toBe('The assembly has no tables in us-west-2; its regions: eu-west-1, ap-southeast-1, us-east-1.\n');
  });

  testCompletely('a region that cdk.json has not becomes one more replica', async () => {
    const started = launch(['--region', 'eu-west-1', '--port', '0']);
    const url = await until(() => /ready: (http:\S+)/.exec(started.output())?.[1]);
    expect((await client(url, undefined).get('/_local/health')).body).toMatchObject({ region: 'eu-west-1', homeRegion: 'us-east-1' });
    started.child.kill('SIGTERM');
    await started.ended;
  });

  test('a start that fails leaves nothing where there was nothing', async () => {
    const before = readdirSync(state).sort();
    // The app has to run to refuse one: it is the same line for all of them, below.
    for (const args of isComplete ? [['--layout', 'two'], ['--region', 'mars-1']] : [['--layout', 'two']]) {
      expect(await launch([...args, '--port', '0']).ended).toBe(1);
    }
    expect(readdirSync(state).sort()).toEqual(before);
    const file = join(state, 'a-file');
    writeFileSync(file, '');
    const onFile = launch(['--state', file, '--port', '0', '--assembly', assemblyOf('per-domain')]);
    expect(await onFile.ended).toBe(1);
    expect(onFile.output()).toMatch(/^The state folder \S+ cannot be made: .*\n$/);
    rmSync(file);
  });

  test('of two that start at once on one state, one runs; a lock that a crash left half-written holds up nobody', async () => {
    const lock = join(state, 'per-domain-us-east-1-dynoxide/platform.json');
    mkdirSync(dirname(lock), { recursive: true });
    writeFileSync(lock, '{"pid":');
    const args = ['--assembly', assemblyOf('per-domain'), '--port', '0'];
    const both = [launch(args), launch(args)];
    await until(() => both.some(({ output }) => output().includes('ready')) || undefined);
    const refused = both.find(({ output }) => !output().includes('ready'))!;
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toMatch(/^A platform with this state (is starting|runs already: \S+) \(process \d+\)\./);
    const ready = both.find((platform) => platform !== refused)!;
    expect(JSON.parse(readFileSync(lock, 'utf8'))).toMatchObject({ pid: ready.child.pid });
  });

  test.each([
    [['--assembly', '/nonexistent'], 'There is no cloud assembly in /nonexistent. Make one: npx cdk synth --output /nonexistent'],
    [['--port', 'x'], "The port is 'x'; allowed: 0 to 65533."],
    [['--engine', 'sqlite'], "The engine is 'sqlite'; allowed: dynoxide, dynamodb-local."],
    [['--nonsense'], "Unknown option '--nonsense'. See npm start -- --help"],
    [['--layout', 'two', '--port', '0'], "Config 'layout' is \"two\"; allowed: per-domain | single-table. Example: -c layout=per-domain"],
  ])('%j is a clear line, not a stack trace', async (args, line) => {
    const { output, ended } = launch(args);
    expect(await ended).toBe(1);
    expect(output()).toContain(line);
    expect(output()).not.toMatch(/^\s+at /m);
  });

  test('tables of another shape are not touched', async () => {
    const first = await start(['--fresh']);
    first.child.kill('SIGTERM');
    await first.ended;
    const changed = join(state, 'changed-assembly');
    cpSync(assemblyOf('per-domain'), changed, { recursive: true });
    const file = join(changed, 'Data.template.json');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('"gsi2"', '"gsi3"'));

    const second = launch(['--assembly', changed, '--port', '0']);

    expect(await second.ended).toBe(1);
    expect(second.output()).toMatch(
      /^The table store-dev-\w+ of an earlier start has other keys, indexes or stream records than the template now\. Start with --fresh/,
    );
  });

  testCompletely('the sample store is the same each time, and may be loaded again', async () => {
    const seeded = await start(['--fresh', '--seed']);
    await until(() => /Seeded: (.*)/.exec(seeded.output())?.[1]);
    expect(seeded.output()).toContain('Seeded: 60 products, 24 users, 120 orders');
    const read = async (url: string) => (await client(url, undefined).get('/products/sample-007')).body.name as string;
    const name = await read(seeded.url);
    seeded.child.kill('SIGTERM');
    await seeded.ended;
    const again = await start(['--seed']);
    await until(() => /Seeded: (.*)/.exec(again.output())?.[1]);
    expect(again.output()).toContain('Seeded: 0 products, 0 users, 0 orders');
    expect(await read(again.url)).toBe(name);
  });
});
