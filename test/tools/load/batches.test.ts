import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Batches } from '../../../tools/load/batches';
import { type Checkpoint, readCheckpoint } from '../../../tools/load/checkpoint';
import { Ledger } from '../../../tools/load/ledger';
import type { ProductRow, Row } from '../../../tools/load/rows';

const folder = mkdtempSync(join(tmpdir(), 'load-batches-'));
afterEach(() => {
  for (const file of Object.values(files)) rmSync(file, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = { checkpoint: join(folder, 'p.csv.load.json'), failures: join(folder, 'p.csv.failed.jsonl') };
const fresh: Checkpoint = {
  fingerprint: 'f',
  url: 'u',
  position: { offset: 0, line: 1 },
  written: 0,
  failed: 0,
  failedBytes: 0,
  firstFailures: [],
};

/** Rows of these products, one a line; a `!` makes a row that holds none. */
function rowsOf(ids: (string | null)[]): Row[] {
  return ids.map((productId, index) => {
    const place = { line: index + 1, next: { offset: (index + 1) * 10, line: index + 2 }, raw: `row ${index + 1}` };
    return productId === '!' ? { ...place, productId: null, fault: 'no product' } : { ...place, productId, json: `{"n":${index + 1}}` };
  });
}

function batchesOf(ids: (string | null)[], limits = { rows: 3, bytes: 1_000 }, state = fresh) {
  const ledger = new Ledger(files, state);
  const iterator = (async function* () {
    yield* rowsOf(ids);
  })();
  return { ledger, batches: new Batches(iterator, ledger, limits) };
}

const lines = (batch: ProductRow[] | undefined) => batch?.map(({ line }) => line);
const reports = () =>
  readFileSync(files.failures, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as unknown);
const none = new Map<ProductRow, string>();
const all = (batch: ProductRow[], reason: string) => new Map(batch.map((row) => [row, reason]));

test('requests are bounded by rows and by bytes, and hold each row once', async () => {
  const { batches } = batchesOf(['a', 'b', 'c', 'd', 'e']);
  expect([lines(await batches.next()), lines(await batches.next()), await batches.next()]).toEqual([[1, 2, 3], [4, 5], undefined]);
  const small = batchesOf(['a', 'b', 'c'], { rows: 3, bytes: 20 });
  expect(lines(await small.batches.next())).toEqual([1, 2]);
  expect(lines(await small.batches.next())).toEqual([3]);
});

test('a row waits while an earlier one of its product is under way', async () => {
  const { batches } = batchesOf(['a', 'a', 'b', 'a', null, null]);
  const first = (await batches.next())!;
  expect(lines(first)).toEqual([1, 3, 5]);
  const second = (await batches.next())!;
  expect(lines(second)).toEqual([6]);
  let third: ProductRow[] | undefined;
  const waiting = batches.next().then((batch) => (third = batch));
  batches.settle(second, none);
  expect(third).toBeUndefined();
  batches.settle(first, none);
  expect(lines(await waiting)).toEqual([2]);
  batches.settle(third!, none);
  expect(lines(await batches.next())).toEqual([4]);
});

test('a row that waits is not overtaken by one that is read when its product is free', async () => {
  const gate: (() => void)[] = [];
  const rows = rowsOf(['a', 'a', 'a']);
  const ledger = new Ledger(files, fresh);
  const batches = new Batches(
    (async function* () {
      yield* rows.slice(0, 2);
      await new Promise<void>((open) => gate.push(open));
      yield rows[2]!;
    })(),
    ledger,
    { rows: 1, bytes: 1_000 },
  );
  const first = (await batches.next())!;
  const second = batches.next();
  for (let turn = 0; gate.length === 0 && turn < 1_000; turn++) await new Promise((done) => setImmediate(done));
  batches.settle(first, none);
  gate[0]!();
  expect(lines(await second)).toEqual([2]);
});

test('a row that was left unprocessed is sent again before a later one of its product, five times', async () => {
  const { batches, ledger } = batchesOf(['a', 'a']);
  for (let sending = 0; sending < 6; sending++) {
    const batch = (await batches.next())!;
    expect(lines(batch)).toEqual([1]);
    expect(ledger.now.failed).toBe(0);
    batches.settle(batch, all(batch, 'unprocessed: busy'));
  }
  expect(ledger.now.failed).toBe(1);
  const last = (await batches.next())!;
  expect(lines(last)).toEqual([2]);
  batches.settle(last, none);
  expect([batches.areDone, await batches.next()]).toEqual([true, undefined]);
  expect(reports()).toEqual([{ line: 1, productId: 'a', reason: 'unprocessed: busy', row: 'row 1' }]);
});

test('what is settled behind a row under way is not counted yet, and counted once', async () => {
  const { batches, ledger } = batchesOf(['a', 'b', 'c', 'd', '!', 'e'], { rows: 2, bytes: 1_000 });
  const [first, second] = [(await batches.next())!, (await batches.next())!];
  batches.settle(second, all(second.slice(1), 'bad'));
  expect(ledger.now).toMatchObject({ written: 0, failed: 0, position: { offset: 0 } });
  expect([existsSync(files.checkpoint), existsSync(files.failures)]).toEqual([false, false]);
  batches.settle(first, none);
  expect(readCheckpoint(files.checkpoint)).toMatchObject({ written: 3, failed: 1, position: { offset: 40, line: 5 } });
  const third = (await batches.next())!;
  batches.settle(third, none);
  expect(readCheckpoint(files.checkpoint)).toMatchObject({
    written: 4,
    failed: 2,
    position: { offset: 60, line: 7 },
    firstFailures: [{ line: 4, reason: 'bad' }, { line: 5, reason: 'no product' }],
  });
  ledger.close();
  expect(existsSync(files.checkpoint)).toBe(false);
  expect(reports()).toMatchObject([{ line: 4, row: 'row 4' }, { line: 5, productId: null }]);
});

test('reports after the checkpoint are of rows that come again', async () => {
  writeFileSync(files.failures, '{"line":1}\n{"line":2,"half');
  const { batches } = batchesOf(['b'], undefined, { ...fresh, failed: 1, failedBytes: 11 });
  const batch = (await batches.next())!;
  batches.settle(batch, all(batch, 'bad'));
  expect(reports()).toEqual([{ line: 1 }, { line: 1, productId: 'b', reason: 'bad', row: 'row 1' }]);
});

test('the reports of an earlier load stay until this one gets on', async () => {
  writeFileSync(files.failures, '{"line":1}\n');
  const { batches, ledger } = batchesOf(['b']);
  const batch = (await batches.next())!;
  expect(existsSync(files.failures)).toBe(true);
  batches.settle(batch, none);
  ledger.close();
  expect(existsSync(files.failures)).toBe(false);
});

test('no more is read ahead than is bounded, however many rows are faulty or wait', async () => {
  const faulty = batchesOf([...Array<string>(12_000).fill('!'), 'a']);
  expect(lines(await faulty.batches.next())).toEqual([12_001]);
  expect(faulty.ledger.now.failed).toBe(12_000);

  let read = 0;
  const ledger = new Ledger(files, fresh);
  const same = (async function* () {
    for (const row of rowsOf(Array<string>(20_000).fill('a'))) {
      read++;
      yield row;
    }
  })();
  const batches = new Batches(same, ledger, { rows: 100, bytes: 1_000_000 });
  expect(lines(await batches.next())).toEqual([1]);
  expect(read).toBeLessThan(2_000);
});

test('after a stop nothing is begun, and who waits is let go', async () => {
  const { batches } = batchesOf(['a', 'a']);
  await batches.next();
  const waiting = batches.next();
  batches.stop();
  expect([await waiting, await batches.next(), batches.areDone]).toEqual([undefined, undefined, false]);
});
