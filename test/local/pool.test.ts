import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Environment, type LocalFunction } from '../../local/functions/environment';
import { Pool } from '../../local/functions/pool';
import { until } from '../support/until';

/** What a function does, and what becomes of its environment. */
describe('invoking a function', () => {
  const root = mkdtempSync(join(tmpdir(), 'store-pool-'));
  const pools: Pool[] = [];
  let environments: Environment[];
  let output: string;
  let printed: string[];

  afterEach(() => pools.splice(0).forEach((pool) => pool.stop()));
  afterAll(() => rmSync(root, { recursive: true }));

  function pool(code: string, { timeoutMs = 5_000, size = 1, most = size }: { timeoutMs?: number; size?: number; most?: number } = {}): Pool {
    const folder = join(root, `f${Math.random()}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'index.mjs'), code);
    const fn: LocalFunction = {
      name: 'tested',
      functionName: 'store-tested',
      arn: 'arn:tested',
      handler: 'index.handler', runtime: 'nodejs24.x', architectures: [],
      folder,
      memoryMb: 512,
      timeoutMs,
      region: 'us-east-1',
      accessKeyId: 'ASIA',
      variables: { TEMPLATE: 'variable', AWS_REGION: 'of the template' },
    };
    environments = [];
    output = '';
    printed = [];
    const made = new Pool(fn, { soon: size, most }, () => {
      const environment = new Environment(fn, {}, (_, text) => {
        printed.push(text);
        output += text;
      });
      environments.push(environment);
      return environment;
    });
    pools.push(made);
    return made;
  }

  const invoke = async (subject: Pool, event: unknown = {}, clockOffset = 0) => {
    const result = await subject.invoke({ requestId: 'r1', traceId: 'Root=1-2-3', event: JSON.stringify(event), clockOffset });
    return 'payload' in result ? (JSON.parse(result.payload) as unknown) : result.error;
  };

  test.each([
    ['before it begins', () => AbortSignal.abort()],
    ['in the middle', () => AbortSignal.timeout(100)],
  ])('killed %s, an invocation is an error, and a process of its own serves the next', async (_, kill) => {
    const subject = pool('export const handler = () => new Promise(() => {})');
    const event = { requestId: 'r1', traceId: 'Root=1-2-3', event: '{}', clockOffset: 0, kill: kill() };
    expect(await subject.invoke(event)).toEqual({ error: { errorType: 'Runtime.ExitError', errorMessage: 'Runtime exited with SIGKILL' } });
    expect(environments.map(({ usable }) => usable)).toEqual([false]);
  });

  test('its result has what it printed, where that is asked for, and nothing of another invocation', async () => {
    const subject = pool('export const handler = async ({ text }) => { console.log(text); return 1; }');
    await invoke(subject, { text: 'before' });
    const event = { requestId: 'r2', traceId: 'Root=1-2-3', event: '{"text":"asked for"}', clockOffset: 0, tail: true };
    expect(await subject.invoke(event)).toEqual({
      payload: '1',
      log: expect.stringMatching(/^START RequestId: r2 Version: \$LATEST\nasked for\nEND RequestId: r2\nREPORT RequestId: r2\tDuration: \d+ ms\tMemory Size: 512 MB\n$/),
    });
    expect(printed.join('')).toBe('before\nasked for\n');
  });

  test('it gets the event, the context and the variables that Lambda would give', async () => {
    const subject = pool(`export const handler = async (event, context) => ({
      event, cwd: process.cwd(), remaining: context.getRemainingTimeInMillis(), id: context.awsRequestId,
      arn: context.invokedFunctionArn, trace: process.env._X_AMZN_TRACE_ID, own: process.env.TEMPLATE,
      region: process.env.AWS_REGION, zone: new Date(0).getTimezoneOffset() })`);
    expect(await invoke(subject, { a: 'é' })).toEqual({
      event: { a: 'é' },
      cwd: subject.fn.folder,
      remaining: expect.any(Number),
      id: 'r1',
      arn: 'arn:tested',
      trace: 'Root=1-2-3',
      own: 'variable',
      region: 'us-east-1',
      zone: 0,
    });
  });

  test('its clock is ahead by what was advanced, in every way to ask, and only there', async () => {
    const subject = pool(`export const handler = async () => ({ now: Date.now(), made: +new Date(), text: Date(), given: +new Date(5), is: new Date() instanceof Date })`);
    const hour = 3_600_000;
    const ahead = (await invoke(subject, {}, hour)) as Record<string, number | string>;
    expect(Number(ahead.now) - Date.now()).toBeGreaterThan(hour - 10_000);
    expect(Number(ahead.made) - Date.now()).toBeGreaterThan(hour - 10_000);
    expect(Date.parse(String(ahead.text)) - Date.now()).toBeGreaterThan(hour - 10_000);
    expect([ahead.given, ahead.is]).toEqual([5, true]);
  });

  test('an error is reported as Lambda does, and the environment serves on', async () => {
    const subject = pool(`let calls = 0; export const handler = async ({ fail }) => { calls++; if (fail) throw new TypeError('broken'); return calls }`);
    expect(await invoke(subject, { fail: true })).toMatchObject({ errorType: 'TypeError', errorMessage: 'broken', trace: expect.any(Array) });
    expect(await invoke(subject)).toBe(2);
  });

  test.each([
    ['a process that ends', `export const handler = async ({ fail }) => fail ? process.exit(3) : 'fine'`, /^Runtime exited with status 3$/],
    ['a timeout', `export const handler = async ({ fail }) => fail ? new Promise(() => setInterval(() => {}, 9)) : 'fine'`, /^Task timed out after 1\.00 seconds$/],
    ['an endless loop', `export const handler = async ({ fail }) => { while (fail); return 'fine' }`, /^Task timed out after 1\.00 seconds$/],
  ])('%s costs the environment, and the next invocation gets another', async (_, code, message) => {
    const subject = pool(code, { timeoutMs: 1_000 });
    expect(await invoke(subject, { fail: true })).toMatchObject({ errorMessage: expect.stringMatching(message) });
    expect(await invoke(subject)).toBe('fine');
    expect(environments).toHaveLength(2);
  });

  test.each([
    ['does not load', `throw new Error('The environment variable X is not set')`, 'The environment variable X is not set'],
    ['exports no handler', `export const other = 1`, 'index.mjs exports no function handler'],
  ])('a bundle that %s says why', async (_, code, message) => {
    expect(await invoke(pool(code))).toMatchObject({ errorMessage: message });
  });

  test('an answer of more than 6 MB is an error', async () => {
    const subject = pool(`export const handler = async ({ bytes }) => 'x'.repeat(bytes)`);
    expect(await invoke(subject, { bytes: 6 * 1024 * 1024 })).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
    expect(await invoke(subject, { bytes: 6 * 1024 * 1024 - 2 })).toHaveLength(6 * 1024 * 1024 - 2);
  });

  test('more invocations than environments wait their turn, also behind one that fails', async () => {
    const subject = pool(`export const handler = async ({ n }) => n === 1 ? process.exit(1) : n`, { size: 2 });
    const results = await Promise.all([0, 1, 2, 3, 4, 5].map((n) => invoke(subject, { n })));
    expect(results.filter((result) => typeof result === 'number')).toEqual([0, 2, 3, 4, 5]);
    expect(environments.length).toBeLessThanOrEqual(3);
  });

  test('an invocation that waits gets an environment of its own, while there are fewer than the most', async () => {
    const subject = pool(
      `import { existsSync } from 'node:fs';
       export const handler = async ({ until }) => { while (!existsSync(until)) await new Promise((done) => setTimeout(done, 5)); return process.pid }`,
      { size: 1, most: 2 },
    );
    const file = join(root, 'all-began');
    const running = [0, 1, 2].map(() => invoke(subject, { until: file }));
    while (environments.length < 2) await new Promise((done) => setTimeout(done, 5));
    writeFileSync(file, '');
    expect(new Set(await Promise.all(running)).size).toBe(2);
  });

  test('what it prints comes in whole lines, though several print at once and in pieces', async () => {
    const subject = pool(
      `import { existsSync, writeFileSync } from 'node:fs';
       const print = (text) => new Promise((done) => process.stdout.write(text, done));
       export const handler = async ({ n, mine, other }) => {
         await print('half of ' + n);
         writeFileSync(mine, '');
         while (!existsSync(other)) await new Promise((done) => setTimeout(done, 5));
         await print(', whole\\nsecond of ' + n + '\\nunended of ' + n);
         process.exit(1);
       }`,
      { size: 2 },
    );
    const [one, two] = [join(root, 'one'), join(root, 'two')];
    await Promise.all([invoke(subject, { n: 1, mine: one, other: two }), invoke(subject, { n: 2, mine: two, other: one })]);
    const lines = [1, 2].flatMap((n) => [`half of ${n}, whole\n`, `second of ${n}\n`, `unended of ${n}`]);
    expect((await until(async () => printed, ({ length }) => length >= lines.length)).sort()).toEqual(lines.sort());
  });

  test('a stop answers what waits, and starts nothing', async () => {
    const subject = pool(`export const handler = () => new Promise(() => setInterval(() => {}, 9))`);
    const waiting = [invoke(subject), invoke(subject), invoke(subject)];
    subject.stop();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => expect.objectContaining({ errorType: expect.stringMatching(/^Runtime/) })));
    expect(environments.length).toBeLessThanOrEqual(1);
  });

  test('an environment ends with its platform, even in the middle of an invocation', async () => {
    const subject = pool(`export const handler = async () => { console.log('busy'); setInterval(() => {}, 9); return new Promise(() => {}) }`);
    const running = invoke(subject);
    while (!output.includes('busy')) await new Promise((done) => setTimeout(done, 5));
    // What the child sees when the platform is killed.
    environments[0]!['child'].disconnect();
    expect(await running).toMatchObject({ errorMessage: 'Runtime exited with status 0' });
  });
});
