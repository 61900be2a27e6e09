import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUNNABLE } from '../../support/contexts';
import { aProduct, startStore } from '../../support/store';
import { assemblyOf, assemblyWith } from '../../support/synthesize-once';
import { until } from '../../support/until';

/** A copy of the assembly with another events template. */
function changedAssembly(change: (template: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), 'store-assembly-'));
  cpSync(assemblyOf('per-domain'), folder, { recursive: true });
  const file = join(folder, 'Events.template.json');
  const template = readFileSync(file, 'utf8');
  const changed = change(template);
  expect(changed).not.toBe(template);
  writeFileSync(file, changed);
  return folder;
}

test.each([
  ['dynamodb:GetRecords', /^Lambda would refuse the event source mapping userstriggerMapping\w+\. .*dynamodb:GetRecords on resource: arn:aws:dynamodb:.*\/stream\//],
  ['dynamodb:GetShardIterator', /dynamodb:GetShardIterator on resource: /],
  ['dynamodb:ListStreams', /dynamodb:ListStreams on resource: /],
  ['sqs:SendMessage', /^Lambda would refuse the event source mapping \w+\. .*sqs:SendMessage on resource: arn:aws:sqs:/],
])('a role without %s stops the start, as Lambda refuses its mapping', async (action, message) => {
  const assembly = changedAssembly((template) => template.replaceAll(`"${action}"`, '"dynamodb:DescribeTable"'));
  await expect(startStore('per-domain', { assembly })).rejects.toThrow(message);
  rmSync(assembly, { recursive: true });
});

test('a batch that a fault is to deliver twice is delivered twice', async () => {
  const batches: string[] = [];
  const keep = (name: string, text: string) => name === 'users-trigger' && batches.push(...text.split('\n').filter((line) => line.includes('"message":"batch"')));
  const store = await startStore('per-domain', { onFunctionOutput: keep });
  await store.admin.post('/_local/faults', { kind: 'duplicate-batch', count: 1 });
  await (await store.user('ann')).post('/users', { email: 'ann@example.com', name: 'Ann' });
  expect(await until(async () => batches, ({ length }) => length > 1)).toHaveLength(2);
  expect((await store.outbox('email')).length).toBe(1);
  await store.stop();
});

test('a fault that names no consumer waits for one that calls something', async () => {
  const batches: string[] = [];
  const keep = (name: string, text: string) => name === 'products-trigger' && batches.push(...text.split('\n').filter((line) => line.includes('"message":"batch"')));
  const store = await startStore('per-domain', { onFunctionOutput: keep });
  const faults = async () => (await store.anonymous.get('/_local/faults')).body.items as { kind: string; injected: number }[];
  const made = await store.admin.post('/products', aProduct({ productId: 'tea' }));
  // Putting the flag of low stock is what follows from a new product.
  await until(async () => batches, ({ length }) => length > 0);
  for (const kind of ['kill-consumer', 'duplicate-batch']) await store.admin.post('/_local/faults', { kind, count: 1 });
  // Another name is in the stream, and no effect does anything about it.
  const before = batches.length;
  await store.admin.patch('/products/tea', { name: 'Green tea' }, { 'if-match': made.headers.get('etag') as string });
  await until(async () => batches, ({ length }) => length > before);
  expect((await faults()).map(({ injected }) => injected)).toEqual([0, 0]);
  await (await store.user('ann')).post('/users', { email: 'ann@example.com', name: 'Ann' });
  expect((await until(faults, (items) => items.every(({ injected }) => injected === 1))).map(({ injected }) => injected)).toEqual([1, 1]);
  expect(await until(() => store.outbox('email'), ({ length }) => length > 0)).not.toEqual([]);
  await store.stop();
});

test.each(['text', '199999999999999999999'])('a checkpoint %j is named, and its stream is read again from the oldest record', async (position) => {
  const state = mkdtempSync(join(tmpdir(), 'store-checkpoints-'));
  const problems: string[] = [];
  try {
    const first = await startStore('per-domain', { state });
    await (await first.user('ann')).post('/users', { email: 'ann@example.com', name: 'Ann' });
    await until(() => first.outbox('email'), ({ length }) => length > 0);
    await first.stop();
    const [file = ''] = readdirSync(state, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('checkpoints.json'));
    const kept = JSON.parse(readFileSync(join(state, file), 'utf8')) as Record<string, string>;
    const users = Object.keys(kept).find((name) => name.startsWith('users'))!;
    writeFileSync(join(state, file), JSON.stringify({ ...kept, [users]: position }));
    const second = await startStore('per-domain', { state, onStreamProblem: (text) => problems.push(text) });
    const read = () => Promise.resolve((JSON.parse(readFileSync(join(state, file), 'utf8')) as Record<string, string>)[users]);
    expect(await until(read, (now = '') => /^\d+$/.test(now) && now !== position && BigInt(now) >= BigInt(kept[users]!))).not.toBe(position);
    await second.stop();
    expect(problems).toEqual([`The checkpoint "${position}" of users-trigger is no position in its stream. The stream is read again from its oldest record.`]);
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
});

test('a mapping that is not enabled reads nothing, and one that begins at LATEST begins there', async () => {
  const state = mkdtempSync(join(tmpdir(), 'store-latest-'));
  const off = changedAssembly((template) => template.replaceAll('"StartingPosition": "TRIM_HORIZON"', '"StartingPosition": "LATEST", "Enabled": false'));
  const latest = changedAssembly((template) => template.replaceAll('"StartingPosition": "TRIM_HORIZON"', '"StartingPosition": "LATEST"'));
  const signUp = async (store: Awaited<ReturnType<typeof startStore>>, sub: string) =>
    (await store.user(sub)).post('/users', { email: `${sub}@example.com`, name: sub });
  try {
    const first = await startStore('per-domain', { assembly: off, state });
    await signUp(first, 'early');
    await first.stop();
    const second = await startStore('per-domain', { assembly: latest, state });
    await signUp(second, 'late');
    const mails = await until(() => second.outbox('email'), ({ length }) => length > 0);
    expect(mails.map(({ to }) => to[0])).toEqual(['late@example.com']);
    await second.stop();
  } finally {
    for (const folder of [state, off, latest]) rmSync(folder, { recursive: true, force: true });
  }
});

test('with Kinesis, each change of an order is in the stream once, and sales are counted by the minute', async () => {
  const assembly = assemblyWith(RUNNABLE.kinesis);
  const output: string[] = [];
  const store = await startStore('per-domain', { assembly, onFunctionOutput: (name, text) => name === 'sales-per-minute' && output.push(text) });
  try {
    await store.admin.post('/products', aProduct({ productId: 'tea', priceMinor: 7 }));
    const ann = await store.user('ann');
    const { body: order } = await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 3 }] }, { 'idempotency-key': '1' });
    const ofOrder = async () =>
      (await store.outbox('stream')).filter(({ record }) => record.dynamodb.NewImage?.__edb_e__?.S === 'Order').map(({ stream, record }) => [stream, record]);
    const [change, ...others] = await until(ofOrder, ({ length }) => length > 0);
    expect(others).toEqual([]);
    expect(change).toEqual([
      'store-dev-sales',
      expect.objectContaining({ eventName: 'INSERT', tableName: 'store-dev-Orders', recordFormat: 'application/json' }),
    ]);
    const sales = await until(async () => output.join('').split('\n').filter((line) => line.includes('SalesMinor')), ({ length }) => length > 0);
    const { SalesMinor, currency, _aws } = JSON.parse(sales[0]!) as { SalesMinor: number; currency: string; _aws: { Timestamp: number } };
    expect([SalesMinor, currency]).toEqual([21, 'EUR']);
    expect(await ofOrder()).toHaveLength(1);
    expect(_aws.Timestamp).toBe(Math.floor(Date.parse(order.placedAt) / 60_000) * 60_000);
  } finally {
    await store.stop();
  }
});
