import '../../support/flow-environment';
import { setImmediate as turn } from 'node:timers/promises';
import { GetCommand, PutCommand, QueryCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { createWriteTransaction } from 'electrodb';
import { createStore } from '../../../lambda/model/store';
import { daxClient } from '../../../lambda/shared/dax-client';
import { awsError, failureKind, mayRepeat } from '../../../lambda/shared/errors';
import { type DaxHappening, FakeDax } from '../../support/fake-dax';
import { startTables } from '../../support/engine-tables';
import { written } from '../../support/samples';

const NAMES = { users: 'store-dev-Users', products: 'store-dev-Products', orders: 'store-dev-Orders' };

describe('a document client that goes through DAX', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  let ids = 0;
  beforeAll(async () => {
    tables = await startTables();
  });
  afterAll(() => tables.stop());

  /** The model through DAX, and beside it; `dynamodb` lists what did not go through it. */
  function connect(script?: (operation: string, nth: number) => DaxHappening, timeouts = { read: 60_000, write: 60_000 }) {
    const behind = tables.store();
    const direct = tables.store();
    const dax = new FakeDax(behind.dynamodb, undefined, script);
    const client = daxClient(async () => dax.connect(), direct.client, timeouts);
    const { entities } = createStore(NAMES, client as never);
    return { dax, client, through: entities, direct: direct.entities, dynamodb: direct.sent };
  }
  const product = (change: object = {}) => ({
    productId: `p${++ids}`,
    name: 'Tea',
    category: 'Drinks',
    priceMinor: 100,
    currency: 'EUR',
    active: true,
    createdAt: '2026-11-26T00:00:00.000Z',
    updatedAt: '2026-11-26T00:00:00.000Z',
    version: 1,
    ...change,
  });
  /** Every type that DynamoDB has. */
  const everyType = () =>
    product({
      tags: ['a', 'b'],
      sizes: [1, 2.5],
      dimensions: { height: 1, parts: [{ name: 'lid', gone: undefined }], empty: null, isRound: true },
      images: ['x', 'y'],
      thumbnail: Buffer.from([0, 255]).toString('base64'),
      imageDigests: [Buffer.from([1]).toString('base64'), Buffer.from([2, 3]).toString('base64')],
      discontinuedAt: null,
      restockAt: 9_007_199_254_740_991,
      description: undefined,
    });

  test('an item with all ten types, undefined in it, is written and read as without DAX', async () => {
    const { dax, through, direct, dynamodb } = connect();
    const item = everyType();
    await through.Product.create(item).go();
    const { productId } = item;
    const read = await through.Product.get({ productId }).go();
    expect(dynamodb).toEqual([]);
    expect(read.data).toEqual((await direct.Product.get({ productId }).go({ consistent: true })).data);
    const plain = (data: typeof read.data) => ({ ...data, tags: [...(data?.tags ?? [])].sort(), sizes: [...(data?.sizes ?? [])].sort(), imageDigests: data?.imageDigests?.toSorted() });
    const { description: _, dimensions, ...rest } = item as ReturnType<typeof everyType> & { description?: string; dimensions?: object };
    expect(plain(read.data)).toEqual({ ...rest, dimensions: { ...dimensions, parts: [{ name: 'lid' }] } });
    expect(dax.sent).toEqual(['putItem', 'getItem']);
  });

  test.each([
    ['patch with all_new', (entities: Entities, productId: string) => entities.Product.patch({ productId }).set({ name: 'Chai' }).add({ version: 1 }).go({ response: 'all_new' })],
    ['patch with updated_new', (entities: Entities, productId: string) => entities.Product.patch({ productId }).set({ priceMinor: 5 }).go({ response: 'updated_new' })],
    ['get of some attributes', (entities: Entities, productId: string) => entities.Product.get({ productId }).go({ attributes: ['name', 'version'] })],
    ['get of nothing', (entities: Entities) => entities.Product.get({ productId: 'nobody' }).go()],
    ['query of an index', (entities: Entities) => entities.Product.query.byCategory({ category: 'Cups' }).go({ attributes: ['productId', 'priceMinor'] })],
    ['query of a page', async (entities: Entities) => (await entities.Product.query.byCategory({ category: 'Cups' }).go({ limit: 1 })).data],
    ['batch get', async (entities: Entities, productId: string) => (await entities.Product.get([{ productId }, { productId: 'nobody' }]).go()).data],
    ['scan', async (entities: Entities) => (await entities.Product.scan.go({ pages: 'all' })).data.length],
    ['remove with all_old', (entities: Entities, productId: string) => entities.Product.remove({ productId }).go({ response: 'all_old' })],
    ['delete of nothing', (entities: Entities) => entities.Product.delete({ productId: 'nobody' }).go()],
    ['put over it', async (entities: Entities, productId: string) => (await entities.Product.put(product({ productId })).go()).data.name],
  ])('%s comes to the same as without DAX', async (_, call) => {
    const { through, direct, dynamodb } = connect();
    const [one, other] = [product({ category: 'Cups', productId: 'twin' }), product({ category: 'Cups' })];
    const outcome = async (entities: Entities) => {
      await direct.Product.put([one, other]).go();
      return call(entities, one.productId);
    };
    const throughDax = await outcome(through);
    expect(dynamodb).toEqual(['BatchWriteItem']);
    expect(throughDax).toEqual(await outcome(direct));
    await direct.Product.delete([one, other]).go();
  });

  test('a caller is told what was consumed only if it asks', async () => {
    const { client } = connect();
    const get = { TableName: NAMES.products, Key: { pk: 'a', sk: 'b' } };
    expect(await client.send(new GetCommand({ ...get, ReturnConsumedCapacity: 'TOTAL' }))).toMatchObject({ ConsumedCapacity: { CapacityUnits: 0.5 } });
    expect(await client.send(new GetCommand({ ...get, Key: { pk: 'b', sk: 'b' } }))).toEqual({ $metadata: expect.anything() });
  });

  test('pages go on where they ended, each item once', async () => {
    const { dax, through, direct } = connect();
    const category = `paged${++ids}`;
    const all = [1, 2, 3, 4, 5].map((priceMinor) => product({ category, priceMinor }));
    await direct.Product.put(all).go();
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { data: { productId: string }[]; cursor: string | null } = await through.Product.query.byCategory({ category }).go({ limit: 2, cursor });
      seen.push(...page.data.map(({ productId }) => productId));
      ({ cursor } = page);
    } while (cursor !== null);
    expect(seen).toEqual(all.map(({ productId }) => productId));
    expect(dax.sent).toEqual(['query', 'query', 'query']);
  });

  test('batches say what they left, in both directions', async () => {
    const { dax, through, dynamodb } = connect();
    const all = Array.from({ length: 25 }, () => product());
    expect((await through.Product.put(all).go()).unprocessed).toEqual([]);
    const { data, unprocessed } = await through.Product.get(all.map(({ productId }) => ({ productId }))).go();
    expect(unprocessed).toEqual([]);
    expect(data.map(({ productId }) => productId).sort()).toEqual(all.map(({ productId }) => productId).sort());
    expect([dax.sent, dynamodb]).toEqual([['batchWriteItem', 'batchGetItem'], []]);
  });

  describe('what goes to DynamoDB', () => {
    test('strongly consistent reads go to DynamoDB', async () => {
      const { dax, through, dynamodb } = connect();
      await through.Product.get({ productId: 'x' }).go({ consistent: true });
      await through.Product.get([{ productId: 'x' }]).go({ consistent: true });
      await through.Product.query.primary({ productId: 'x' }).go({ consistent: true });
      expect([dax.sent, dynamodb]).toEqual([[], ['GetItem', 'BatchGetItem', 'Query']]);
    });

    test('a single write that asks for what its condition met: the client would leave that out', async () => {
      const { dax, client, direct, dynamodb } = connect();
      const item = product();
      await direct.Product.create(item).go();
      const put = new PutCommand({
        TableName: NAMES.products,
        Item: written('Product', item),
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      await expect(client.send(put)).rejects.toMatchObject({ name: 'ConditionalCheckFailedException', Item: { productId: { S: item.productId } } });
      expect([dax.sent, dynamodb]).toEqual([[], ['PutItem', 'PutItem']]);
    });
  });

  describe('errors are those of the SDK', () => {
    test('a condition that does not hold fails as without DAX', async () => {
      const { through, direct } = connect();
      const item = product();
      const failures = [];
      for (const { Product } of [through, direct]) {
        await Product.put(item).go();
        failures.push(await Product.create(item).go().catch((error: unknown) => awsError(error)));
      }
      expect(failures).toEqual([expect.objectContaining({ name: 'ConditionalCheckFailedException' }), expect.objectContaining({ name: 'ConditionalCheckFailedException' })]);
      expect(failures.map(failureKind)).toEqual(['other', 'other']);
    });

    test('a cancelled transaction carries its reasons, with the item that was met', async () => {
      const { dax, through, direct } = connect();
      const item = product();
      await direct.Product.put(item).go();
      const cancel = (entities: Entities) =>
        createWriteTransaction({ Product: entities.Product, Stock: entities.Stock }, ({ Product, Stock }) => [
          Stock.delete({ productId: item.productId }).commit(),
          Product.create(item).commit({ response: 'all_old' }),
        ]).go({ token: `t${++ids}`.padEnd(36, '0') });
      const [a, b] = [await cancel(through), await cancel(direct)];
      expect(a).toEqual(b);
      expect(a).toMatchObject({ canceled: true, data: [{ code: 'None', rejected: false }, { code: 'ConditionalCheckFailed', rejected: true, item: { productId: item.productId } }] });
      // The client would send it twice, taking it for a passing failure.
      expect(dax.sent).toEqual(['transactWriteItems']);
    });

    test('reasons are an answer, also without a status', async () => {
      const refusal = Object.assign(new Error('cancelled'), { code: 'TransactionCanceledException', statusCode: -1, cancellationReasons: [{ Code: 'ConditionalCheckFailed', Message: null, Item: null }] });
      const { entities } = createStore(NAMES, daxClient(async () => ({ transactWrite: () => Promise.reject(refusal) }) as never, tables.store().client) as never);
      const { canceled, data } = await createWriteTransaction({ Product: entities.Product }, ({ Product }) => [Product.remove({ productId: 'x' }).commit()]).go();
      expect([canceled, data]).toMatchObject([true, [{ code: 'ConditionalCheckFailed' }]]);
    });

    test('a transaction that is done answers as without DAX, under its token', async () => {
      const { dax, through } = connect();
      const item = product();
      const token = 'a'.repeat(36);
      const { canceled } = await createWriteTransaction({ Product: through.Product }, ({ Product }) => [Product.create(item).commit()]).go({ token });
      expect(canceled).toBe(false);
      expect(dax.calls[0]!.input.ClientRequestToken).toBe(token);
    });

    test.each(['ThrottlingException', 'ProvisionedThroughputExceededException'])('%s of DynamoDB is passed on, also of a read: another way would not be less busy', async (name) => {
      const { client, dynamodb } = connect();
      const busy = { get: async () => Promise.reject(Object.assign(new Error(`${name}: slow down`), { code: name, statusCode: 400, requestId: 'r7' })) };
      const through = daxClient(async () => busy as never, { send: client.send } as never);
      const failure = await through.send(new GetCommand({ TableName: 'T', Key: { pk: 'a', sk: 'b' } })).catch((error: unknown) => error);
      expect([failureKind(failure), mayRepeat(failure), failure]).toEqual(['throttled', true, expect.objectContaining({ name, $metadata: { httpStatusCode: 400, requestId: 'r7' } })]);
      expect(dynamodb).toEqual([]);
    });

    test('what the client itself refuses is a defect, not an unknown outcome', async () => {
      const { client, dynamodb, dax } = connect();
      const query = new QueryCommand({ TableName: NAMES.products, KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': 'x' }, Limit: 0 });
      const failure = await client.send(query).catch((error: unknown) => error);
      expect([failureKind(failure), failure]).toEqual(['other', expect.objectContaining({ name: 'ValidationException' })]);
      const put = new PutCommand({ TableName: NAMES.products, Item: { pk: 'a', sk: 'b', set: new Set() } });
      const refused = await client.send(put).catch((error: unknown) => error);
      expect([failureKind(refused), refused]).toEqual(['other', expect.objectContaining({ message: expect.stringMatching(/non-empty set/i) })]);
      expect([dax.sent, dynamodb]).toEqual([[], []]);
    });

    test('a permission that lacks is none of DynamoDB: a read goes there, a write was not done', async () => {
      const { through, dynamodb } = connect(() => 'not-allowed');
      await through.Product.get({ productId: 'x' }).go();
      const failure = await through.Product.delete({ productId: 'x' }).go().catch((error: unknown) => error);
      expect([failureKind(failure), awsError(failure)?.name]).toEqual(['other', 'AccessDeniedException']);
      expect(dynamodb).toEqual(['GetItem']);
    });

    test('a client that cannot be made keeps no read from DynamoDB; a write says why', async () => {
      const { client: _, direct, dynamodb } = connect();
      const broken = daxClient(() => Promise.reject(new Error('no such endpoint')), { send: tables.store().client.send.bind(tables.store().client) } as never);
      const { entities } = createStore(NAMES, broken as never);
      const item = product();
      await direct.Product.create(item).go();
      expect((await entities.Product.get({ productId: item.productId }).go()).data?.name).toBe('Tea');
      const failure = await entities.Product.delete({ productId: item.productId }).go().catch((error: unknown) => error);
      expect([failureKind(failure), String(failure)]).toEqual(['other', expect.stringContaining('no such endpoint')]);
      expect(dynamodb).toEqual(['PutItem']);
    });
  });

  describe('when DAX does not answer', () => {
    const failing = ['no-route', 'connection-lost', 'answer-lost', 'unavailable', 'defect'] as const;

    test.each([...failing, 'not-allowed'] as const)('a read is answered by DynamoDB: %s', async (happening) => {
      const { through, direct, dynamodb } = connect(() => happening);
      const item = product({ category: `c${++ids}` });
      await direct.Product.create(item).go();
      dynamodb.length = 0;
      expect((await through.Product.get({ productId: item.productId }).go()).data?.name).toBe('Tea');
      expect((await through.Product.get([{ productId: item.productId }]).go()).data).toHaveLength(1);
      expect((await through.Product.query.byCategory({ category: item.category }).go()).data).toHaveLength(1);
      expect(dynamodb).toEqual(['GetItem', 'BatchGetItem', 'Query']);
    });

    test('a read that hangs waits as long as the timeout says and no longer, and is answered by DynamoDB', async () => {
      const { dax, through, direct, dynamodb } = connect(() => 'hangs', { read: 1_000, write: 5_000 });
      const item = product();
      await direct.Product.create(item).go();
      dynamodb.length = 0;
      jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
      try {
        const reading = through.Product.get({ productId: item.productId }).go();
        while (dax.sent.length === 0) await turn();
        await jest.advanceTimersByTimeAsync(999);
        expect(dynamodb).toEqual([]);
        await jest.advanceTimersByTimeAsync(1);
        while (dynamodb.length === 0) await turn();
        jest.useRealTimers();
        expect((await reading).data?.name).toBe('Tea');
      } finally {
        jest.useRealTimers();
      }
    });

    test.each([...failing, 'hangs', 'hangs-after'] as const)('a write is unknown, and nobody sends it again: %s', async (happening) => {
      const { dax, through, client, direct, dynamodb } = connect(() => happening, { read: 50, write: 50 });
      const item = product();
      const writes = [
        () => through.Product.create(item).go(),
        () => through.Product.patch({ productId: 'twin' }).set({ name: 'Chai' }).go(),
        () => through.Product.delete({ productId: 'twin' }).go(),
        () => through.Product.put([item]).go(),
        () => createWriteTransaction({ Product: through.Product }, ({ Product }) => [Product.put(item).commit()]).go(),
        () => client.send(new UpdateCommand({ TableName: NAMES.products, Key: { pk: 'a', sk: 'b' } })),
        () => client.send(new TransactWriteCommand({ TransactItems: [{ Delete: { TableName: NAMES.products, Key: { pk: 'a', sk: 'b' } } }] })),
      ];
      await direct.Product.put(product({ productId: 'twin' })).go();
      dynamodb.length = 0;
      for (const write of writes) {
        dax.calls.length = 0;
        const failure = await write().then(() => 'done', (error: unknown) => error);
        expect([failureKind(failure), mayRepeat(failure)]).toEqual(['unknown-outcome', false]);
        expect(dax.calls).toHaveLength(1);
      }
      expect(dynamodb).toEqual([]);
    });

    test('a caller that gives up is not held', async () => {
      const { client, dax, through, dynamodb } = connect(() => 'hangs');
      const abort = new AbortController();
      const reading = through.Product.get({ productId: 'x' }).go({ abortSignal: abort.signal });
      abort.abort();
      await expect(reading).rejects.toThrow(/aborted/i);
      const sent = dax.calls.length;
      // It gave up before: nothing is sent any more.
      const get = new GetCommand({ TableName: NAMES.products, Key: { pk: 'a', sk: 'b' } });
      await expect(client.send(get, { abortSignal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
      await expect(through.Product.get({ productId: 'x' }).go({ abortSignal: abort.signal })).rejects.toThrow(/aborted/i);
      await expect(through.Product.delete({ productId: 'x' }).go({ abortSignal: abort.signal })).rejects.toThrow(/aborted/i);
      expect([dax.calls.length, dynamodb]).toEqual([sent, []]);
    });
  });
});

type Entities = ReturnType<typeof createStore>['entities'];
