import type { ProductRow } from '../../../tools/load/rows';
import { Sender, type SenderOptions, Stopped } from '../../../tools/load/send';
import { givenToken, localToken } from '../../../tools/token';
import { type BatchAnswer, scriptedStore, stopScriptedStores, written } from './scripted-store';

afterEach(stopScriptedStores);

const waits: string[] = [];
afterEach(() => waits.splice(0));

async function sender(answer: Parameters<typeof scriptedStore>[0], options: Partial<SenderOptions> = {}) {
  const store = await scriptedStore(answer);
  const stop = new AbortController();
  const onWait = (reason: string | undefined) => void (reason && waits.push(reason));
  const defaults = { url: store.url, tokens: localToken(store.url, { sub: 'loader' }), patienceMs: 10_000, stop: stop.signal, onWait };
  return { ...store, stopSending: () => stop.abort(), sender: new Sender({ ...defaults, ...options }) };
}

const row = (productId: string, json = JSON.stringify({ productId })): ProductRow => ({
  line: 1,
  next: { offset: 0, line: 2 },
  raw: json,
  productId,
  json,
});

const failing = (status: number, type: string, headers = {}): BatchAnswer => ({ status, headers, body: { type, detail: `It is ${type}.` } });

test('the text of the rows is the text of the request', async () => {
  const { sender: it, requests } = await sender((request) => written(request));
  expect(await it.send([row('a', '{"productId":"a","n":1.00000000000000000001}'), row('b', '{ "productId":"b" }')])).toEqual(new Map());
  expect(requests[0]).toMatchObject({
    body: '{"products":[{"productId":"a","n":1.00000000000000000001},{ "productId":"b" }]}',
    token: 'token-1',
  });
});

test('what failed is named by its row', async () => {
  const { sender: it } = await sender((request) => written(request, (id) => (id === 'b' ? 'stock: is wrong' : undefined)));
  const [a, b, c] = [row('a'), row('b'), row('c')];
  expect(await it.send([a, b, c])).toEqual(new Map([[b, 'stock: is wrong']]));
});

test.each([429, 500, 502, 503, 504])('a %d is tried again, and says what is waited for', async (status) => {
  const { sender: it, requests } = await sender((request, count) => (count < 3 ? failing(status, 'throttled') : written(request)));
  expect(await it.send([row('a')])).toEqual(new Map());
  expect(requests).toHaveLength(3);
  expect(waits).toEqual(Array(2).fill(expect.stringMatching(new RegExp(`^waiting \\d\\.\\d s: the store answers ${status}, It is throttled\\.$`))));
});

test('Retry-After is waited for', async () => {
  const { sender: it } = await sender((request, count) => (count < 2 ? failing(503, 'throttled', { 'retry-after': '1' }) : written(request)));
  const started = performance.now();
  await it.send([row('a')]);
  expect(performance.now() - started).toBeGreaterThan(990);
});

test('a store that goes away is waited for, and given up in the end', async () => {
  const { sender: it, stop } = await sender((request) => written(request), { patienceMs: 300 });
  await it.send([row('a')]);
  await stop();
  await expect(it.send([row('b')])).rejects.toThrow(/^Nothing was taken for \d s: \S+/);
  expect(waits).not.toEqual([]);
});

test('a stop ends a wait', async () => {
  const { sender: it, stopSending } = await sender(() => failing(503, 'throttled', { 'retry-after': '60' }));
  const sending = it.send([row('a')]).catch((error: unknown) => error);
  while (waits.length === 0) await new Promise((done) => setTimeout(done, 5));
  stopSending();
  expect(await sending).toBeInstanceOf(Stopped);
});

test('a token that has expired is renewed, once for all requests', async () => {
  const { sender: it, requests } = await sender((request) =>
    request.token === 'token-1' ? { status: 401, body: { message: 'Unauthorized' } } : written(request),
  );
  await Promise.all([it.send([row('a')]), it.send([row('b')]), it.send([row('c')])]);
  await it.send([row('d')]);
  expect(requests.map(({ token }) => token)).toEqual([...Array(3).fill('token-1'), ...Array(4).fill('token-2')]);
});

test.each<[string, BatchAnswer, string | undefined, string]>([
  ['a given token that is refused', { status: 401, body: { message: 'Unauthorized' } }, 'mine', 'The token was refused (401): it has expired'],
  ['an own token that is refused', { status: 401, body: { message: 'Unauthorized' } }, undefined, 'refuses the token that it issued (401)'],
  ['a token of no admin', failing(403, 'forbidden'), 'mine', 'The token is of no admin (403).'],
  ['another server', { status: 404, body: { message: 'Not Found' } }, 'mine', 'has no POST /products/batch (404). Is the --url right?'],
  ['an answer that says too little', { body: { written: 7, failed: [] } }, 'mine', 'does not answer as the store does: {"written":7'],
  ['another status', { status: 418, body: 'teapot' }, 'mine', 'answers 418: "teapot"'],
])('%s ends the load', async (_, answer, token, message) => {
  const { sender: it } = await sender(() => answer, token ? { tokens: givenToken(token) } : {});
  await expect(it.send([row('a')])).rejects.toThrow(message);
});

test('a request that is refused for one product is taken without it', async () => {
  const { sender: it, requests } = await sender((request) =>
    request.body.includes('poison') ? { status: 400, body: { detail: 'No.', errors: [{ path: 'products', message: 'is not JSON' }] } } : written(request),
  );
  const rows = Array.from({ length: 9 }, (_, index) => row(index === 4 ? 'poison' : `p${index}`));
  expect(await it.send(rows)).toEqual(new Map([[rows[4], 'products: is not JSON']]));
  const taken = requests.filter(({ body }) => !body.includes('poison')).flatMap(({ products }) => products);
  expect(taken.map(({ productId }) => productId).sort()).toEqual(['p0', 'p1', 'p2', 'p3', 'p5', 'p6', 'p7', 'p8']);
});

test('a product that makes the store fail is found, while others are taken', async () => {
  const { sender: it } = await sender((request) => (request.body.includes('poison') ? failing(500, 'internal-error') : written(request)));
  const [poison, a] = [row('poison'), row('a')];
  expect(await it.send([poison, a])).toEqual(new Map([[poison, 'It is internal-error.']]));
});

test('a store that fails for all is at fault itself', async () => {
  const { sender: it } = await sender(() => failing(500, 'internal-error'), { patienceMs: 3_000 });
  await expect(it.send([row('a'), row('b')])).rejects.toThrow('the store answers 500, It is internal-error.');
});

test('a store that leaves all unprocessed is waited for before the next request, and given up in the end', async () => {
  const { sender: it } = await sender((request) => written(request, () => 'unprocessed: later'), { patienceMs: 300 });
  const a = row('a');
  expect(await it.send([a])).toEqual(new Map([[a, 'unprocessed: later']]));
  expect(waits).toEqual([]);
  const untilRefused = async () => {
    for (;;) await it.send([a]);
  };
  await expect(untilRefused()).rejects.toThrow('the store leaves products unprocessed');
  expect(waits).not.toEqual([]);
});
