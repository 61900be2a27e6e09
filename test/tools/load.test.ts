import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from '../../tools/load';
import { readCheckpoint } from '../../tools/load/checkpoint';
import { commandLine } from '../support/command-line';
import { rows, runs } from '../support/complete';
import { aProduct, startStore, type TestStore } from '../support/store';
import { PROJECT } from '../support/synthesize-once';
import { type BatchAnswer, scriptedStore, stopScriptedStores, written } from './load/scripted-store';

const folder = mkdtempSync(join(tmpdir(), 'load-'));
const running: Started[] = [];
let store: TestStore;

/** The engine writes some hundred products a second, and fewer when every suite runs at once. */
jest.setTimeout(120_000);

beforeAll(async () => {
  store = await startStore('per-domain');
});
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  await stopScriptedStores();
});
afterAll(async () => {
  await store?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  /** Resolves with the exit code; null when a signal ended it. */
  ended: Promise<number | null>;
}

/** The loader as a person starts it. */
function launch(args: string[], url = store.url): Started {
  const { PORT: _port, STORE_TOKEN: _token, ...env } = process.env;
  const child = spawn(process.execPath, ['--require', 'tsx/cjs', 'tools/load.ts', ...args, '--url', url], { cwd: PROJECT, env });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  const started = { child, stdout: () => stdout, stderr: () => stderr, ended };
  running.push(started);
  return started;
}

/** One that ends by itself, in this process. */
const run = (args: string[], url = store.url) => commandLine(() => load([...args, '--url', url], {}, () => new AbortController().signal));

async function until<Value>(value: () => Value | undefined): Promise<Value> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = value();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`It did not come to pass: ${running.at(-1)?.stdout()} ${running.at(-1)?.stderr()}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

function write(name: string, lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

/** A file of its own for each test: `n` products, with some lines replaced. */
const csvFile = (name: string, n: number, wrong: Record<number, string> = {}): string =>
  write(`${name}.csv`, [
    'productId,name,category,priceMinor,currency,stock,description',
    ...Array.from({ length: n }, (_, index) => wrong[index + 2] ?? `${name}-${index + 2},Product ${index + 2},Things,${index + 2},EUR,${index},"A ""text"", long"`),
  ]);

/** The ids of a file's products that the store has not, or not as its row has it. */
async function notLoaded(name: string, n: number): Promise<number[]> {
  const lines = Array.from({ length: n }, (_, index) => index + 2);
  const missing: number[] = [];
  while (lines.length > 0) {
    const chunk = lines.splice(0, 500);
    const { body } = await store.anonymous.post('/products/batch-get', { productIds: chunk.map((line) => `${name}-${line}`) });
    const prices = new Map(body.products.map(({ productId, priceMinor }: { productId: string; priceMinor: number }) => [productId, priceMinor]));
    missing.push(...chunk.filter((line) => prices.get(`${name}-${line}`) !== line));
  }
  return missing;
}

const failuresOf = (file: string) =>
  readFileSync(`${file}.failed.jsonl`, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as { line: number });

const beside = (file: string) => readdirSync(folder).filter((name) => join(folder, name).startsWith(`${file}.`)).sort();

describe('against the store', () => {
  test('of many rows the five that are wrong are named by line, and the others are loaded', async () => {
    // More than one request in any case; the store writes some hundred products a second.
    const [n, count] = [runs(300, 2_000), (rows: number) => rows.toLocaleString('en-US')];
    const [early, middle, late] = [Math.round(n / 3), n - 100, n - 99];
    const wrong = {
      3: 'many-3,Product,Things,cheap,EUR,1,',
      [early]: `many-${early},Product,Things,700,EUR,-1,`,
      [middle]: `many-${middle},,Things,1201,euro,1,`,
      [late]: `many-${late},Product,Things,1202,EUR`,
      [n + 1]: `many-${n + 1},"Product,Things,2001,EUR,1,`,
    };
    const file = csvFile('many', n, wrong);

    const { code, stdout, stderr } = await run([file]);

    expect(stdout).toBe(`${count(n)} rows: ${count(n - 5)} written, 5 failed (${file}.failed.jsonl)
  line 3: priceMinor: must be a whole number from 0 to 1000000000
  line ${early}: stock: must be a whole number from 0 to 1000000000
  line ${middle}: name: must be text; currency: must be an ISO 4217 code, as EUR
  line ${late}: the row has 5 columns; the header has 7
  line ${n + 1}: a quote is not closed
`);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^many\\.csv: 100 %, ${count(n - 5)} written, 5 failed, [\\d,]+ rows/s`, 'm'));
    expect(failuresOf(file)).toEqual([
      { line: 3, productId: 'many-3', reason: expect.any(String), row: wrong[3] },
      { line: early, productId: `many-${early}`, reason: expect.any(String), row: wrong[early] },
      { line: middle, productId: `many-${middle}`, reason: expect.any(String), row: wrong[middle] },
      { line: late, productId: null, reason: expect.any(String), row: wrong[late] },
      { line: n + 1, productId: null, reason: expect.any(String), row: wrong[n + 1] },
    ]);
    expect(beside(file)).toEqual(['many.csv.failed.jsonl']);
    expect(await notLoaded('many', n)).toEqual([3, early, middle, late, n + 1]);
  });

  const SIGNALS: [NodeJS.Signals, number | null][] = [
    ['SIGINT', 130],
    ['SIGTERM', 130],
    ['SIGKILL', null],
  ];
  test.each(rows(SIGNALS, ([signal]) => signal === 'SIGKILL'))('%s in the middle, and the same command again: all is there, and each row is counted once', async (signal, code) => {
    const name = `${signal.toLowerCase()}`;
    const [n, last] = [runs(300, 700), runs(290, 690)];
    const wrong = { 5: `${name}-5,No price,Things,,EUR,1,`, [last]: `${name}-${last},No price,Things,,EUR,1,` };
    const file = csvFile(name, n, wrong);
    const first = launch([file, '--batch', '10']);
    await until(() => ((readCheckpoint(`${file}.load.json`)?.written ?? 0) >= 50 ? true : undefined));
    first.child.kill(signal);
    expect(await first.ended).toBe(code);
    const { written, failed } = readCheckpoint(`${file}.load.json`)!;
    expect(written + failed).toBeLessThan(n);
    expect(first.stdout()).toBe(code === 130 ? `Interrupted after ${written + failed} rows; run the same command again to go on.\n` : '');

    const second = await run([file]);

    expect(second.stdout).toMatch(
      new RegExp(`^Going on after ${written + failed} rows of ${name}\\.csv, where its last load stopped\\.\n${n} rows: ${n - 2} written, 2 failed `),
    );
    expect(second.code).toBe(1);
    expect(failuresOf(file).map(({ line }) => line)).toEqual([5, last]);
    expect(beside(file)).toEqual([`${name}.csv.failed.jsonl`]);
    expect(await notLoaded(name, n)).toEqual([5, last]);
  });

  test('of rows with the same product the last one stays', async () => {
    const price = (priceMinor: number) => JSON.stringify(aProduct({ productId: 'twice', priceMinor, stock: priceMinor }));
    const file = write('twice.jsonl', [price(1), price(2), JSON.stringify(aProduct({ productId: 'once' })), price(3), price(4)]);
    expect(await run([file])).toMatchObject({ code: 0, stdout: '5 rows: 5 written, 0 failed\n' });
    expect((await store.anonymous.get('/products/twice')).body).toMatchObject({ priceMinor: 4, stock: 4 });
    expect(beside(file)).toEqual([]);
  });

  test('rows without an id are the same products when they are loaded again', async () => {
    const file = write('anonymous.jsonl', Array.from({ length: 20 }, () => JSON.stringify(aProduct({ category: 'Anonymous' }))));
    await run([file]);
    expect(await run([file])).toMatchObject({ code: 0, stdout: '20 rows: 20 written, 0 failed\n' });
    expect((await store.anonymous.get('/products?category=Anonymous&limit=100')).body.items).toHaveLength(20);
  });

  test('a number with more digits than are kept is named, not rounded; a key twice spoils its own row only', async () => {
    const product = (id: string, rest: string) => `{"productId":"${id}","name":"A","category":"B","currency":"EUR",${rest}}`;
    const file = write('exact.jsonl', [
      product('exact-1', '"priceMinor":1,"dimensions":{"cm":0.12345678901234567890123}'),
      product('exact-2', '"priceMinor":2'),
      product('exact-3', '"priceMinor":3,"priceMinor":4'),
    ]);
    const { code, stdout } = await run([file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^3 rows: 1 written, 2 failed \S+\n {2}line 1: dimensions\.cm: has more digits .*\n {2}line 3: products\.0\.priceMinor: is given twice\n$/);
    expect((await store.anonymous.get('/products/exact-2')).status).toBe(200);
  });
});

describe('the state of a load', () => {
  /** Answers a few requests, and the others when it is released. */
  async function stuckStore(free: number) {
    const waiting: (() => void)[] = [];
    let released = false;
    const scripted = await scriptedStore(async (request, count): Promise<BatchAnswer> => {
      if (count > free && !released) await new Promise<void>((go) => waiting.push(go));
      return written(request, (id) => (id.endsWith('-3') ? 'bad' : undefined));
    });
    return {
      ...scripted,
      waiting,
      release() {
        released = true;
        for (const go of waiting.splice(0)) go();
      },
      /** The lines of the products in the requests after the first ones. */
      linesAfter: (requests: number) =>
        scripted.requests
          .slice(requests)
          .flatMap(({ products }) => products.map(({ productId }) => Number(productId.split('-')[1])))
          .sort((a, b) => a - b),
    };
  }

  const linesFrom = (first: number) => Array.from({ length: 62 - first }, (_, index) => first + index);

  /** Starts to load 60 rows, five in a request, to a store that answers `free` requests and holds the next four. */
  async function startToLoad(name: string, free: number) {
    const file = csvFile(name, 60);
    const stuck = await stuckStore(free);
    const loader = launch([file, '--batch', '5'], stuck.url);
    await until(() => (stuck.waiting.length === 4 ? true : undefined));
    return { file, stuck, loader };
  }

  test('a signal waits for the requests under way; the same command goes on behind them', async () => {
    const { file, stuck, loader } = await startToLoad('grace', 1);
    loader.child.kill('SIGINT');
    await until(() => loader.stderr().includes('stopping') || undefined);
    stuck.release();
    expect(await loader.ended).toBe(130);
    expect(loader.stdout()).toBe('Interrupted after 25 rows; run the same command again to go on.\n');
    const again = await run([file], stuck.url);
    expect(again.code).toBe(1);
    expect(again.stdout).toMatch(/^Going on after 25 rows .*\n60 rows: 59 written, 1 failed .*\n {2}line 3: bad\n$/);
    expect(stuck.linesAfter(5)).toEqual(linesFrom(27));
    expect(failuresOf(file).map(({ line }) => line)).toEqual([3]);
  });

  test('a second signal waits for nothing; what was under way is sent again, and what was done is not', async () => {
    const { file, stuck, loader } = await startToLoad('again', 3);
    loader.child.kill('SIGINT');
    await until(() => loader.stderr().includes('stopping') || undefined);
    loader.child.kill('SIGINT');
    expect(await loader.ended).toBe(130);
    expect(loader.stdout()).toBe('');
    stuck.release();
    expect((await run([file], stuck.url)).stdout).toMatch(/^Going on after 15 rows .*\n60 rows: 59 written, 1 failed /);
    expect(stuck.linesAfter(7)).toEqual(linesFrom(17));
    expect(failuresOf(file).map(({ line }) => line)).toEqual([3]);
  });

  test.each([
    [
      'a changed file',
      (file: string) => writeFileSync(file, readFileSync(file, 'utf8').replace('Product 4', 'Product X')),
      [],
      /^changed\.csv has changed since its last load stopped: beginning at the start\.\n60 rows/,
    ],
    ['--restart', () => {}, ['--restart'], /^60 rows/],
    ['a checkpoint that cannot be read', (file: string) => writeFileSync(`${file}.load.json`, '{"half'), [], /^60 rows/],
  ])('%s begins at the start', async (_, change, args, stdout) => {
    const { file, stuck, loader } = await startToLoad('changed', 3);
    loader.child.kill('SIGKILL');
    await loader.ended;
    expect(readCheckpoint(`${file}.load.json`)).toMatchObject({ written: 14, failed: 1, position: { line: 17 } });
    change(file);
    stuck.release();
    expect((await run([file, ...args], stuck.url)).stdout).toMatch(stdout);
    expect(stuck.linesAfter(7)).toEqual(linesFrom(2));
    expect(failuresOf(file).map(({ line }) => line)).toEqual([3]);
  });

  test('to another store it begins at the start', async () => {
    const { file, loader } = await startToLoad('moved', 3);
    loader.child.kill('SIGKILL');
    await loader.ended;
    const other = await stuckStore(Infinity);
    expect((await run([file], other.url)).stdout).toMatch(
      /^The last load of moved\.csv went to http:\S+: beginning at the start\.\n60 rows: 59 written, 1 failed /,
    );
    expect(other.linesAfter(0)).toEqual(linesFrom(2));
  });

  test('--state DIR keeps it elsewhere', async () => {
    const file = csvFile('elsewhere', 3);
    const scripted = await scriptedStore((request) => written(request, () => 'bad'));
    const state = join(folder, 'new/state');
    expect((await run([file, '--state', state], scripted.url)).stdout).toContain(`(${state}/elsewhere.csv.failed.jsonl)`);
    expect([readdirSync(state), beside(file)]).toEqual([['elsewhere.csv.failed.jsonl'], []]);
  });
});

describe('what is wrong is one clear line', () => {
  const file = () => csvFile('fine', 3);

  test.each<[string, () => string[], string | RegExp]>([
    ['no file', () => [], 'Which file? npm run load -- FILE. See npm run load -- --help'],
    ['a file that is not there', () => ['/nonexistent.csv'], 'There is no file /nonexistent.csv.'],
    ['a directory', () => [folder], `${folder} is a directory; give a file of products.`],
    ['an unknown option', () => [file(), '--fast'], "Unknown option '--fast'. See npm run load -- --help"],
    ['two files', () => [file(), 'other.csv'], /^One file at a time; given: \S+, other\.csv\.$/m],
    ['a batch too large', () => [file(), '--batch', '501'], "The batch is '501'; allowed: 1 to 500."],
    ['an unknown format', () => [file(), '--format', 'xml'], "The format is 'xml'; allowed: csv, jsonl."],
    ['a column no product has', () => [write('odd.csv', ['productId,prise'])], /^The header of odd\.csv names 'prise', which no product has\. A header names columns of these: productId, name, /],
    ['a state folder that cannot be', () => [file(), '--state', `${file()}/x`], /^The folder \S+ cannot be written to \(ENOTDIR\)\. Keep the load's state elsewhere: --state DIR$/m],
  ])('%s', async (_, args, line) => {
    const { code, stdout, stderr } = await run(args());
    expect([code, stdout, stderr.split('\n').length]).toEqual([1, '', 2]);
    expect(stderr).toMatch(line);
    expect(beside(join(folder, 'fine.csv'))).toEqual([]);
  });

  test('a store that does not run is named, and nothing is left beside the file', async () => {
    const gone = await scriptedStore((request) => written(request));
    await gone.stop();
    const { code, stderr } = await run([file()], gone.url);
    expect(code).toBe(1);
    expect(stderr).toBe(`No store answers at ${gone.url} (ECONNREFUSED). Start the store with npm start, or name another one: --url URL\n`);
    expect(beside(join(folder, 'fine.csv'))).toEqual([]);
  });

  test('a store elsewhere needs a token, and a url is a url', async () => {
    expect(await run([file()], 'https://store.invalid')).toMatchObject({
      code: 1,
      stderr: 'Give the token of a user in the group admin: --token T, or $STORE_TOKEN\n',
    });
    expect(await run([file()], 'store')).toMatchObject({ code: 1, stderr: "The url is 'store'; allowed: http://... or https://...\n" });
  });

  test('a token that ends in the middle says so, and the load goes on with another', async () => {
    const scripted = await scriptedStore((request, count) =>
      request.token === 'old' && count > 2 ? { status: 401, body: { message: 'Unauthorized' } } : written(request),
    );
    const path = csvFile('expired', 30);
    const first = await run([path, '--batch', '5', '--token', 'old'], scripted.url);
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(/^The token was refused \(401\): .*\n10 rows are done; run the same command again to go on\.$/m);
    expect((await run([path, '--token', 'new'], scripted.url)).stdout).toMatch(/^Going on after 10 rows .*\n30 rows: 30 written, 0 failed\n$/);
  });

  test('--help lists the options', async () => {
    const { code, stdout } = await run(['--help']);
    expect(code).toBe(0);
    for (const option of ['--url', '--token', '--format', '--batch', '--state', '--restart']) expect(stdout).toContain(`  ${option}`);
  });
});
