import '../../support/flow-environment';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createStore } from '../../../lambda/model/store';
import { DAX_TIMEOUTS } from '../../../lambda/shared/dax-client';
import { productCache } from '../../../lambda/shared/product-cache';
import { type Bundles, bundleFunctions } from '../../../lib/bundle';
import { FLOWS } from '../../../lib/flows';
import { freePort } from '../../../local/engine/engine';
import { Environment } from '../../../local/functions/environment';
import { startTables } from '../../support/engine-tables';
import { FakeDax } from '../../support/fake-dax';
import { SAMPLES } from '../../support/samples';

const mockLibrary: { loaded: number; client: object } = { loaded: 0, client: {} };
jest.mock('@amazon-dax-sdk/lib-dax', () => {
  mockLibrary.loaded++;
  // Loaded as it is, but not connected: it would look for its cluster as long as the suite runs.
  jest.isolateModules(() => void jest.requireActual<object>('@amazon-dax-sdk/lib-dax'));
  return { DaxDocument: function DaxDocument() { return mockLibrary.client; } };
});

describe('the library of DAX', () => {
  afterEach(() => void delete process.env.DAX_ENDPOINT);
  const dynamodb = { send: async () => ({}) } as unknown as DynamoDBDocumentClient;

  test('the library of DAX is not loaded where the template names no cluster', () => {
    expect([productCache(dynamodb), mockLibrary.loaded]).toEqual([undefined, 0]);
    process.env.DAX_ENDPOINT = '';
    expect([productCache(dynamodb), mockLibrary.loaded]).toEqual([undefined, 0]);
  });

  test('the library of DAX removes all listeners for warnings as it loads, and they are put back', async () => {
    mockLibrary.client = { get: async () => ({ Item: { name: 'Tea' } }) };
    const listener = () => {};
    process.on('warning', listener);
    const before = process.listeners('warning');
    process.env.DAX_ENDPOINT = `dax://127.0.0.1:${await freePort()}`;
    const cache = productCache(dynamodb) as unknown as { send(command: object): Promise<unknown> };
    const { GetCommand } = require('@aws-sdk/lib-dynamodb') as { GetCommand: new (input: object) => object };
    expect(await cache.send(new GetCommand({ TableName: 'T', Key: {} }))).toMatchObject({ Item: { name: 'Tea' } });
    expect(mockLibrary.loaded).toBe(1);
    expect(process.listeners('warning')).toEqual(before);
    process.removeListener('warning', listener);
  });
});

test('a write is not sent before the client has looked for its nodes: until then it would repeat it, and long after it was given up', async () => {
  const tables = await startTables();
  try {
    // The real client, with its retries.
    const dax = new FakeDax(tables.store().dynamodb, undefined, undefined, false);
    mockLibrary.client = dax.connect();
    process.env.DAX_ENDPOINT = 'dax://127.0.0.1:8111';
    const { client, sent } = tables.store();
    const { cached, writeThrough } = createStore({ users: 'store-dev-Users', products: 'store-dev-Products', orders: 'store-dev-Orders' }, client, { cache: productCache(client) });
    Object.assign(DAX_TIMEOUTS, { read: 50, write: 50 });
    await expect(writeThrough.Product.put(SAMPLES.Product).go()).rejects.toMatchObject({ cause: { name: 'UnansweredWrite' } });
    expect((await cached.Product.get({ productId: 'Tea' }).go()).data).toBeNull();
    dax.isStarted = true;
    // The next one is sent, once; the first never was.
    Object.assign(DAX_TIMEOUTS, { read: 5_000, write: 5_000 });
    await writeThrough.Product.put({ ...SAMPLES.Product, name: 'Chai' }).go();
    expect([dax.sent, sent]).toEqual([['putItem'], ['GetItem']]);
    expect(dax.calls[0]!.input.Item.name).toEqual({ S: 'Chai' });
  } finally {
    Object.assign(DAX_TIMEOUTS, { read: 1_000, write: 5_000 });
    delete process.env.DAX_ENDPOINT;
    await tables.stop();
  }
});

/** The bundles as Lambda runs them, with the client's own wire, against what is no cluster. */
describe('the functions, where DAX is dead', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  let bundles: Bundles;
  const running: Environment[] = [];
  beforeAll(async () => {
    const names = ['get-product', 'delete-product'];
    [tables, bundles] = await Promise.all([startTables(), bundleFunctions(FLOWS.filter(({ name }) => names.includes(name)), { withDax: true })]);
    const { Product, Stock } = tables.store().entities;
    await Product.put(SAMPLES.Product).go();
    await Stock.put(SAMPLES.Stock).go();
  });
  afterAll(async () => {
    for (const environment of running) environment.stop();
    await bundles.dispose();
    await tables.stop();
  });

  async function invoke(name: string, endpoint: string) {
    const fn = {
      name,
      functionName: name,
      arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
      handler: 'index.handler', runtime: 'nodejs24.x', architectures: [],
      folder: bundles.folder(name),
      memoryMb: 512,
      timeoutMs: 20_000,
      region: 'us-east-1',
      accessKeyId: 'test',
      variables: {
        POWERTOOLS_SERVICE_NAME: name,
        USERS_TABLE: 'store-dev-Users',
        PRODUCTS_TABLE: 'store-dev-Products',
        ORDERS_TABLE: 'store-dev-Orders',
        HOME_REGION: 'us-east-1',
        STATUS_SHARDS: '4',
        DAX_ENDPOINT: endpoint,
      },
    };
    const environment = new Environment(fn, { AWS_ENDPOINT_URL_DYNAMODB: tables.engine.endpoint }, () => {});
    running.push(environment);
    const claims = { sub: 'root', 'cognito:groups': '[admin]' };
    const event = { routeKey: 'test', headers: {}, pathParameters: { productId: 'Tea' }, requestContext: { requestId: 'r', authorizer: { jwt: { claims } } } };
    const result = await environment.invoke({ requestId: 'r', traceId: 'Root=1-0-0', event: JSON.stringify(event), clockOffset: 0 });
    if ('error' in result) throw new Error(JSON.stringify(result.error));
    const { statusCode, body } = JSON.parse(result.payload) as { statusCode: number; body?: string };
    return { status: statusCode, body: JSON.parse(body ?? 'null') as { type?: string; name?: string; stock?: number } };
  }
  const isThere = async () => (await tables.store().entities.Product.get({ productId: 'Tea' }).go({ consistent: true })).data !== null;

  test('nobody listens: DynamoDB answers the read; a write is unknown, and not done another way', async () => {
    const endpoint = `dax://127.0.0.1:${await freePort()}`;
    expect(await invoke('get-product', endpoint)).toMatchObject({ status: 200, body: { name: 'Tea', stock: 1 } });
    expect(await invoke('delete-product', endpoint)).toMatchObject({ status: 503, body: { type: 'outcome-unknown' } });
    expect(await isThere()).toBe(true);
  });

  test('the functions answer where somebody listens for DAX and says nothing', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket.on('error', () => {})));
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    try {
      const endpoint = `dax://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const answers = await Promise.all([invoke('get-product', endpoint), invoke('delete-product', endpoint)]);
      expect(answers).toMatchObject([
        { status: 200, body: { name: 'Tea', stock: 1 } },
        { status: 503, body: { type: 'outcome-unknown' } },
      ]);
      expect(await isThere()).toBe(true);
      expect(sockets.length).toBeGreaterThan(0);
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });
});
