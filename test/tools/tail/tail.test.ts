import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tail as commandLineOfTail } from '../../../tools/tail';
import { readCheckpoint } from '../../../tools/tail/checkpoint';
import { commandLine } from '../../support/command-line';
import { runs } from '../../support/complete';
import { until } from '../../support/until';
import { PROJECT } from '../../support/synthesize-once';
import { numberOf, type ScriptedStream, scriptedStream, sequenceNumber, stopScriptedStreams, TABLE } from './scripted-stream';

let state: string;
const running: Started[] = [];

/** Each tail takes a second to start, and more when every suite runs at once. */
jest.setTimeout(120_000);

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'tail-'));
});
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  await stopScriptedStreams();
  rmSync(state, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  /** Resolves with the exit code; null when a signal ended it. */
  ended: Promise<number | null>;
}

/** The tail as a person starts it. */
function launch(args: string[], stream?: ScriptedStream): Started {
  const { PORT: _port, ...env } = process.env;
  const all = [...args, '--state', state, ...(stream ? ['--url', stream.url] : [])];
  const child = spawn(process.execPath, ['--require', 'tsx/cjs', 'tools/tail.ts', ...all], { cwd: PROJECT, env });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  const started = { child, stdout: () => stdout, stderr: () => stderr, ended };
  running.push(started);
  return started;
}

/** One that ends by itself, in this process. */
const run = (args: string[], stream?: ScriptedStream) =>
  commandLine(() => commandLineOfTail([...args, '--state', state, ...(stream ? ['--url', stream.url] : [])], {}));

const soon = async (tail: Started, holds: () => boolean) => {
  const came = await until(async () => holds(), (it) => it, 60_000);
  if (!came) throw new Error(`It did not come to pass: ${tail.stderr()} ${tail.stdout()}`);
};

/** The numbers of the records in lines of JSON. What a kill cut off is no record. */
const numbers = (stdout: string): number[] =>
  stdout.split('\n').slice(0, -1).map((line) => numberOf((JSON.parse(line) as { sequenceNumber: string }).sequenceNumber));

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** How often a tail is ended, and how many records each shard gets meanwhile. */
const ENDS = runs(1, 3);
const RECORDS = runs(150, 400);

/** Records of two shards that keep coming while they are read; the numbers of `b` begin at 1001. */
async function flowing() {
  const stream = await scriptedStream({ a: { records: [] }, b: { records: [] } });
  stream.beforeRecords = (id) => {
    const { records } = stream.shards[id]!;
    const base = id === 'a' ? 1 : 1_001;
    if (records.length < RECORDS) records.push(base + records.length, base + records.length + 1);
  };
  return stream;
}

const ALL = [...range(1, RECORDS), ...range(1_001, 1_000 + RECORDS)];
const ascending = (values: Iterable<number>) => [...values].toSorted((a, b) => a - b);
const ofShard = (values: number[], shard: 'a' | 'b') => values.filter((n) => n > 1_000 === (shard === 'b'));

test('after each SIGTERM while records keep coming none is lost, and none comes twice', async () => {
  const stream = await flowing();
  const printed: number[] = [];
  for (let end = 0; end < ENDS; end++) {
    const tail = launch(['orders', '--json'], stream);
    await soon(tail, () => numbers(tail.stdout()).length >= 40);
    tail.child.kill('SIGTERM');
    expect(await tail.ended).toBe(0);
    printed.push(...numbers(tail.stdout()));
  }
  expect(printed.length).toBeLessThan(ALL.length);
  const last = launch(['orders', '--json'], stream);
  await soon(last, () => printed.length + numbers(last.stdout()).length >= ALL.length);
  last.child.kill('SIGINT');
  expect(await last.ended).toBe(0);
  printed.push(...numbers(last.stdout()));

  expect(ofShard(printed, 'a')).toEqual(range(1, RECORDS));
  expect(ofShard(printed, 'b')).toEqual(range(1_001, 1_000 + RECORDS));
});

test('after each kill -9 while records keep coming none is lost', async () => {
  const stream = await flowing();
  const printed: number[] = [];
  for (let end = 0; end < ENDS; end++) {
    const tail = launch(['orders', '--json'], stream);
    await soon(tail, () => numbers(tail.stdout()).length >= 40);
    tail.child.kill('SIGKILL');
    expect(await tail.ended).toBeNull();
    printed.push(...numbers(tail.stdout()));
  }
  expect(printed.length).toBeLessThan(ALL.length);
  const last = launch(['orders', '--json'], stream);
  await soon(last, () => new Set([...printed, ...numbers(last.stdout())]).size >= ALL.length);
  printed.push(...numbers(last.stdout()));

  expect(ascending(new Set(printed))).toEqual(ALL);
  // A page of each shard at most comes again after each kill.
  expect(printed.length).toBeLessThanOrEqual(ALL.length + ENDS * 2 * 3);
});

test('a reader that goes away ends it in order, and nothing is left out', async () => {
  const stream = await scriptedStream({ a: { records: [] } });
  stream.beforeRecords = () => {
    const { records } = stream.shards.a!;
    records.push(records.length + 1);
  };
  const first = launch(['orders', '--json'], stream);
  await soon(first, () => numbers(first.stdout()).length >= 5);
  first.child.stdout?.destroy();
  expect([await first.ended, first.stderr()]).toEqual([0, expect.stringMatching(/^following [^\n]*\n$/)]);
  const seen = numbers(first.stdout());
  const [name = ''] = readdirSync(state).filter((file) => file.endsWith('.json'));
  const after = numberOf(readCheckpoint(join(state, name))?.shards.a?.after);
  expect(seen).toEqual(range(1, seen.length));
  expect(after).toBeGreaterThanOrEqual(seen.length);
  expect(after).toBeLessThan(stream.shards.a!.records.length);

  const second = launch(['orders', '--json'], stream);
  await soon(second, () => numbers(second.stdout()).length >= 5);
  expect(numbers(second.stdout()).slice(0, 5)).toEqual(range(after + 1, after + 5));
});

test('a second tail of a stream says so and stops; one that was killed is in nobody\'s way', async () => {
  const stream = await scriptedStream({ a: { records: [1] } });
  const first = launch(['orders', '--json'], stream);
  await soon(first, () => numbers(first.stdout()).length === 1);

  const second = await run(['orders', '--json'], stream);
  expect(second).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining(`Another tail (process ${first.child.pid}) follows this stream`) });

  first.child.kill('SIGKILL');
  await first.ended;
  const third = launch(['orders', '--json'], stream);
  await soon(third, () => third.stderr().includes('following'));
  third.child.kill('SIGTERM');
  expect([await third.ended, third.stdout()]).toEqual([0, '']);
  expect(readdirSync(state).filter((file) => !file.endsWith('.json'))).toEqual([]);
});

test('connections that are lost are outlasted', async () => {
  const stream = await scriptedStream({ a: { records: [1] } });
  const tail = launch(['orders', '--json'], stream);
  await soon(tail, () => numbers(tail.stdout()).length === 1);
  stream.refuse = () => 'hang-up';
  await soon(tail, () => /waiting for the (records of a|shards of the stream): ./.test(tail.stderr()));
  stream.shards.a!.records.push(2);
  stream.refuse = () => undefined;
  await soon(tail, () => numbers(tail.stdout()).length === 2 && tail.stderr().includes('going on'));
  expect(numbers(tail.stdout())).toEqual([1, 2]);
});

test('a store that comes back with its DynamoDB at another address is followed there', async () => {
  const store = await scriptedStream({});
  const before = await scriptedStream({ a: { records: [1] } });
  store.dynamodb = before.url;
  const tail = launch(['orders', '--json'], store);
  await soon(tail, () => numbers(tail.stdout()).length === 1);
  await before.stop();
  store.dynamodb = (await scriptedStream({ a: { records: [1, 2] } })).url;
  await soon(tail, () => numbers(tail.stdout()).length === 2);
  expect(numbers(tail.stdout())).toEqual([1, 2]);
});

test('of one table for all domains, only the domain that is asked for is shown, for a person', async () => {
  const stream = await scriptedStream({ a: { records: range(1, 4) } });
  stream.tables = ['store-dev-Store'];
  stream.createdAt = () => Date.parse('2026-11-25T10:00:00Z') / 1_000;
  const { item } = stream;
  stream.item = (n) => (n % 2 === 0 ? item(n) : { pk: { S: '$store#productId_p' }, sk: { S: '$productFile#Stock_1' }, __edb_e__: { S: 'Stock' } });
  const tail = launch(['orders'], stream);
  await soon(tail, () => tail.stdout().split('\n').length >= 5);
  expect(tail.stdout()).toBe(`2026-11-25T10:00:00Z INSERT Order customerId=c placedAt=p orderId=2
  + n 2
2026-11-25T10:00:00Z INSERT Order customerId=c placedAt=p orderId=4
  + n 4
`);
});

describe('what is wrong is told in a line', () => {
  test.each<[string[], string]>([
    [[], "Which table? npm run tail -- users | products | orders, or --table NAME. See npm run tail -- --help"],
    [['carts'], "'carts' is no table of the store; npm run tail -- users | products | orders, or --table NAME. See npm run tail -- --help"],
    [['orders', 'users'], 'One table at a time.'],
    [['orders', '--from', 'now'], "--from is 'now'; allowed: checkpoint, trim-horizon, latest."],
    [['orders', '--nothing'], "Unknown option '--nothing'. See npm run tail -- --help"],
    [['orders', '--url', 'x'], "The url is 'x'; allowed: http://... or https://..."],
    [['orders', '--region', 'eu-north-1'], '--region goes with --aws; a store on this machine tells its own.'],
  ])('the arguments %j', async (args, message) => {
    expect(await run(args)).toEqual({ code: 1, stdout: '', stderr: `${message}\n` });
  });

  test('a store that does not run', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    await new Promise((done) => server.close(done));
    const url = `http://127.0.0.1:${port}`;
    expect(await run(['orders', '--url', url])).toEqual({
      code: 1,
      stdout: '',
      stderr: `No store runs at ${url}. Start one: npm start (or name it: --url URL; for AWS: --aws)\n`,
    });
  });

  test('a table that there is not, and a table without a stream', async () => {
    const stream = await scriptedStream({});
    stream.streamArn = undefined;
    expect((await run(['users'], stream)).stderr).toBe(`There is no table store-dev-Users and no store-dev-Store. There is ${TABLE}.\n`);
    expect((await run(['orders'], stream)).stderr).toBe(`The table ${TABLE} has no stream.\n`);
  });

  test('a checkpoint that is broken', async () => {
    const stream = await scriptedStream({ a: { records: [1] } });
    const first = launch(['orders', '--json'], stream);
    await soon(first, () => numbers(first.stdout()).length === 1);
    first.child.kill('SIGTERM');
    await first.ended;
    const [name = ''] = readdirSync(state);
    const file = join(state, name);
    expect(readCheckpoint(file)?.shards).toEqual({ a: { after: sequenceNumber(1) } });
    writeFileSync(file, '{"shards":');
    expect(await run(['orders', '--json'], stream)).toEqual({
      code: 1,
      stdout: '',
      stderr: `The checkpoint ${file} cannot be read. Begin anew with --from trim-horizon or --from latest.\n`,
    });
  });
});
