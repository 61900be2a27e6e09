import {
  type AttributeValue,
  BatchExecuteStatementCommand,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  type DynamoDBClient,
  DeleteItemCommand,
  ExecuteStatementCommand,
  ExecuteTransactionCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactGetItemsCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Engine, WireReply } from '../../local/engine/engine';
import { jsonReply } from '../../local/gateway/call';
import { effectOf } from '../../local/gateway/effects';
import type { Fault } from '../../local/gateway/fault';
import { LaggingCopy } from '../../local/gateway/lagging-copy';
import { TableKeys } from '../../local/table-keys';
import { startTables } from '../support/engine-tables';
import { aProduct, startStore } from '../support/store';
import { eventually, until } from '../support/until';
import { FaultInjector } from '../../local/gateway/faults';

const TableName = 'store-dev-Users';
const ARN = `arn:aws:dynamodb:us-east-1:000000000000:table/${TableName}`;

let keysUsed = 0;
const aKey = () => ({ pk: { S: `fault-${++keysUsed}` }, sk: { S: 's' } });

describe('a fault, as the SDK sees it', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  let plain: DynamoDBClient;
  beforeAll(async () => {
    tables = await startTables();
    plain = tables.store().dynamodb;
  });
  afterAll(() => tables.stop());

  /** A store whose SDK tries once. */
  const meeting = (...faults: Fault[]) => tables.store(faults, { maxAttempts: 1 });
  const get = async (Key: Record<string, AttributeValue>) =>
    (await plain.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item;
  const read = () => new GetItemCommand({ TableName, Key: aKey() });
  const write = () => new PutItemCommand({ TableName, Item: aKey() });
  const failure = (sent: Promise<unknown>) => sent.then(() => undefined, (error: Error) => error);

  describe('throttle', () => {
    test.each([
      ['ProvisionedThroughputExceeded', 'ProvisionedThroughputExceededException', 'ThrottlingReasons'],
      ['KeyRangeThroughputExceeded', 'ProvisionedThroughputExceededException', 'ThrottlingReasons'],
      ['AccountLimitExceeded', 'RequestLimitExceeded', 'ThrottlingReasons'],
      ['MaxOnDemandThroughputExceeded', 'ThrottlingException', 'throttlingReasons'],
    ] as const)('%s is a %s', async (limit, name, member) => {
      const { dynamodb } = meeting({ kind: 'throttle', reason: `TableWrite${limit}` });
      await expect(dynamodb.send(write())).rejects.toMatchObject({ name, [member]: [{ reason: `TableWrite${limit}`, resource: ARN }] });
    });

    test('a throttled call is tried again by the SDK', async () => {
      const { dynamodb, sent } = tables.store([{ kind: 'throttle', count: 1 }]);
      await dynamodb.send(write());
      expect(sent).toHaveLength(2);
    });

    test.each([
      ['TableRead', ARN, () => read()],
      ['TableWrite', ARN, () => write()],
      ['TableWrite', ARN, () => new ExecuteStatementCommand({ Statement: `DELETE FROM "${TableName}" WHERE pk = 'a' AND sk = 'b'` })],
      ['IndexRead', `${ARN}/index/gsi1`, () => new ScanCommand({ TableName, IndexName: 'gsi1' })],
      ['IndexRead', `${ARN}/index/gsi1`, () => new ExecuteStatementCommand({ Statement: `SELECT * FROM "${TableName}"."gsi1"` })],
      ['TableRead', ARN, () => new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [aKey()] } } })],
      ['TableWrite', ARN, () => new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName, Item: aKey() } }] })],
    ])('a throttled call says %s on %s', async (where, resource, command) => {
      const sent = meeting({ kind: 'throttle' }).dynamodb.send(command() as PutItemCommand);
      await expect(sent).rejects.toMatchObject({ ThrottlingReasons: [{ reason: `${where}KeyRangeThroughputExceeded`, resource }] });
    });

    test('a write that an index throttles names an index of the table', async () => {
      const sent = meeting({ kind: 'throttle', reason: 'IndexWriteProvisionedThroughputExceeded' }).dynamodb.send(write());
      await expect(sent).rejects.toMatchObject({ ThrottlingReasons: [{ resource: `${ARN}/index/gsi1` }] });
    });

    test('a throttled write does nothing', async () => {
      const command = write();
      await failure(meeting({ kind: 'throttle' }).dynamodb.send(command));
      expect(await get(command.input.Item as never)).toBeUndefined();
    });
  });

  test('internal-error is a 500, and does nothing', async () => {
    const command = write();
    const { dynamodb, sent } = tables.store([{ kind: 'internal-error' }]);
    await expect(dynamodb.send(command)).rejects.toMatchObject({ name: 'InternalServerError', $metadata: { httpStatusCode: 500 } });
    expect(sent).toHaveLength(4);
    expect(await get(command.input.Item as never)).toBeUndefined();
  });

  describe('conflict', () => {
    test.each([
      ['PutItem', () => write()],
      ['UpdateItem', () => new UpdateItemCommand({ TableName, Key: aKey() })],
      ['DeleteItem', () => new DeleteItemCommand({ TableName, Key: aKey() })],
    ])('a conflict of %s has its own name', async (_, command) => {
      const conflict = meeting({ kind: 'conflict' }).dynamodb.send(command() as PutItemCommand);
      await expect(conflict).rejects.toMatchObject({ name: 'TransactionConflictException' });
      const full = meeting({ kind: 'conflict', reason: 'ItemCollectionSizeLimitExceeded' }).dynamodb.send(command() as PutItemCommand);
      await expect(full).rejects.toMatchObject({ name: 'ItemCollectionSizeLimitExceededException' });
    });

    test.each([
      ['TransactWriteItems', () => new TransactWriteItemsCommand({ TransactItems: [1, 2, 3].map(() => ({ Put: { TableName, Item: aKey() } })) })],
      ['TransactGetItems', () => new TransactGetItemsCommand({ TransactItems: [1, 2, 3].map(() => ({ Get: { TableName, Key: aKey() } })) })],
      [
        'ExecuteTransaction',
        () =>
          new ExecuteTransactionCommand({
            TransactStatements: [1, 2, 3].map(() => ({ Statement: `INSERT INTO "${TableName}" VALUE {'pk': ?, 'sk': ?}`, Parameters: Object.values(aKey()) })),
          }),
      ],
    ])('a conflict of %s cancels it by one of its actions', async (_, command) => {
      const codes = async (fault: Fault) => {
        const error = await failure(meeting(fault).dynamodb.send(command() as TransactWriteItemsCommand));
        expect(error).toBeInstanceOf(TransactionCanceledException);
        const { CancellationReasons = [], message } = error as TransactionCanceledException;
        expect(message).toContain('please refer cancellation reasons');
        return CancellationReasons.map(({ Code, Message }) => (Code === 'None' ? null : [Code, Message]));
      };
      const conflict = ['TransactionConflict', 'Transaction is ongoing for the item.'];
      expect((await codes({ kind: 'conflict' })).sort()).toEqual([conflict, null, null]);
      expect((await codes({ kind: 'conflict', reason: 'ItemCollectionSizeLimitExceeded' })).sort()).toEqual([
        ['ItemCollectionSizeLimitExceeded', 'Collection size exceeded.'],
        null,
        null,
      ]);
      expect(await codes({ kind: 'conflict', reasons: ['ConditionalCheckFailed', null, 'TransactionConflict', 'DuplicateItem'] })).toEqual([
        ['ConditionalCheckFailed', 'The conditional request failed.'],
        null,
        conflict,
      ]);
      expect(await codes({ kind: 'conflict', reasons: [null, 'ThrottlingError'] })).toEqual([null, ['ThrottlingError', expect.any(String)], null]);
    });

    test('a conflict with reasons leaves single writes alone', async () => {
      const { dynamodb, injector } = meeting({ kind: 'conflict', reasons: ['TransactionConflict'] });
      await dynamodb.send(write());
      expect(injector.list()).toMatchObject([{ injected: 0 }]);
    });

    test('a write in conflict does nothing', async () => {
      const Item = aKey();
      const transaction = new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName, Item } }] });
      await failure(meeting({ kind: 'conflict' }).dynamodb.send(transaction));
      await failure(meeting({ kind: 'conflict' }).dynamodb.send(new PutItemCommand({ TableName, Item })));
      expect(await get(Item)).toBeUndefined();
    });
  });

  describe('unprocessed', () => {
    const batchWrite = (count: number) =>
      new BatchWriteItemCommand({ RequestItems: { [TableName]: Array.from({ length: count }, () => ({ PutRequest: { Item: aKey() } })) } });

    test('a batch is left unprocessed as a whole', async () => {
      const command = batchWrite(3);
      const { UnprocessedItems } = await meeting({ kind: 'unprocessed' }).dynamodb.send(command);
      expect(UnprocessedItems).toEqual(command.input.RequestItems);
      expect(await get(command.input.RequestItems?.[TableName]?.[0]?.PutRequest?.Item as never)).toBeUndefined();
    });

    test('a share of the writes is left unprocessed, and the others are done', async () => {
      const command = batchWrite(25);
      const { UnprocessedItems } = await meeting({ kind: 'unprocessed', rate: 0.5 }).dynamodb.send(command);
      const items = (requests: typeof command.input.RequestItems) => requests?.[TableName]?.map(({ PutRequest }) => PutRequest?.Item?.pk?.S) ?? [];
      const left = items(UnprocessedItems);
      expect(left.length).toBeGreaterThan(0);
      expect(left.length).toBeLessThan(25);
      for (const [pk, item] of await Promise.all(items(command.input.RequestItems).map(async (pk) => [pk, await get({ pk: { S: pk! }, sk: { S: 's' } })] as const))) {
        expect([pk, item === undefined]).toEqual([pk, left.includes(pk)]);
      }
    });

    test('keys are left with how they are to be read, and the others are read', async () => {
      const items = batchWrite(25);
      await plain.send(items);
      const Keys = items.input.RequestItems?.[TableName]?.map(({ PutRequest }) => PutRequest?.Item as Record<string, AttributeValue>);
      const how = { ConsistentRead: true, ProjectionExpression: '#pk', ExpressionAttributeNames: { '#pk': 'pk' } };
      const { Responses, UnprocessedKeys } = await meeting({ kind: 'unprocessed', rate: 0.5 }).dynamodb.send(
        new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys, ...how } } }),
      );
      const left = UnprocessedKeys?.[TableName];
      expect(left).toMatchObject(how);
      expect(left!.Keys!.length).toBeGreaterThan(0);
      expect([...Responses![TableName]!, ...left!.Keys!].map(({ pk }) => pk?.S).sort()).toEqual(Keys?.map(({ pk }) => pk?.S).sort());
      const all = await meeting({ kind: 'unprocessed' }).dynamodb.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } }));
      expect([all.Responses, all.UnprocessedKeys?.[TableName]?.Keys?.length]).toEqual([{}, 25]);
    });

    test('a fault leaves items beside those that DynamoDB itself left', async () => {
      const RequestItems = { [TableName]: Array.from({ length: 30 }, () => ({ PutRequest: { Item: aKey() } })) };
      const call = { operation: 'BatchWriteItem', input: { RequestItems }, headers: {}, accessKeyId: '', region: '', traceId: undefined };
      const effect = effectOf({ kind: 'unprocessed', rate: 0.5 }, call, new TableKeys([]));
      let sent = 0;
      const reply = (await effect?.((call) => {
        sent = (call.input.RequestItems as typeof RequestItems)[TableName]!.length;
        return Promise.resolve(jsonReply({ UnprocessedItems: call.input.RequestItems }));
      })) as WireReply;
      const { UnprocessedItems } = JSON.parse(reply.body.toString()) as { UnprocessedItems: typeof RequestItems };
      const pks = (requests: typeof RequestItems) => requests[TableName]?.map(({ PutRequest }) => PutRequest.Item.pk.S).sort();
      expect([sent > 0, sent < 30, pks(UnprocessedItems)]).toEqual([true, true, pks(RequestItems)]);
    });

    test('a fault that leaves no item is not counted', async () => {
      const { dynamodb, injector } = meeting({ kind: 'unprocessed', rate: 0 });
      expect((await dynamodb.send(batchWrite(3))).UnprocessedItems).toEqual({});
      expect(injector.list()).toMatchObject([{ injected: 0 }]);
    });
  });

  describe('timeout-after-commit', () => {
    const [put, batch, transaction, statement, statements, partiql] = Array.from({ length: 6 }, aKey);
    const insert = (key: Record<string, AttributeValue> | undefined) => ({
      Statement: `INSERT INTO "${TableName}" VALUE {'pk': ?, 'sk': ?}`,
      Parameters: Object.values(key!),
    });

    test.each([
      [put, new PutItemCommand({ TableName, Item: put })],
      [batch, new BatchWriteItemCommand({ RequestItems: { [TableName]: [{ PutRequest: { Item: batch } }] } })],
      [transaction, new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName, Item: transaction } }] })],
      [statement, new ExecuteStatementCommand(insert(statement))],
      [statements, new BatchExecuteStatementCommand({ Statements: [insert(statements)] })],
      [partiql, new ExecuteTransactionCommand({ TransactStatements: [insert(partiql)] })],
    ])('a write is done, and there is no answer (%#)', async (key, command) => {
      const { dynamodb, sent } = tables.store([{ kind: 'timeout-after-commit', count: 4 }]);
      await expect(dynamodb.send(command as PutItemCommand)).rejects.toMatchObject({ name: 'TimeoutError', $metadata: { attempts: 4 } });
      expect(sent).toHaveLength(4);
      expect(await get(key!)).toBeDefined();
    });

    test('a lost answer hits a read only where it is named', async () => {
      await meeting({ kind: 'timeout-after-commit' }).dynamodb.send(read());
      await meeting({ kind: 'timeout-after-commit' }).dynamodb.send(new ExecuteStatementCommand({ Statement: `SELECT * FROM "${TableName}" WHERE pk = 'x'` }));
      const { dynamodb } = meeting({ kind: 'timeout-after-commit', operation: 'GetItem' });
      await expect(dynamodb.send(read())).rejects.toThrow('socket hang up');
    });
  });

  describe('which calls it hits', () => {
    test('a fault hits calls of its operation only', async () => {
      const { dynamodb } = meeting({ kind: 'internal-error', operation: 'GetItem' });
      await dynamodb.send(write());
      await expect(dynamodb.send(read())).rejects.toThrow('Internal server error');
    });

    test('a fault hits after so many calls, and at most so many', async () => {
      const { dynamodb, injector, sent } = meeting({ kind: 'conflict', after: 2, count: 1 });
      await dynamodb.send(write());
      await dynamodb.send(read());
      await dynamodb.send(write());
      await expect(dynamodb.send(write())).rejects.toMatchObject({ name: 'TransactionConflictException' });
      await dynamodb.send(write());
      expect(sent).toHaveLength(5);
      expect(injector.list()).toEqual([{ id: '1', kind: 'conflict', after: 2, count: 1, injected: 1 }]);
    });

    test('a fault hits a share of the calls', async () => {
      const { dynamodb, injector } = meeting({ kind: 'conflict', rate: 0.5 });
      const outcomes = await Promise.all(Array.from({ length: 60 }, () => failure(dynamodb.send(write()))));
      const hit = outcomes.filter(Boolean).length;
      expect([hit > 0, hit < 60, injector.list()[0]?.injected]).toEqual([true, true, hit]);
    });

    test('of several faults the first that hits counts', async () => {
      const { dynamodb } = meeting({ kind: 'conflict', count: 1 }, { kind: 'conflict', reason: 'ItemCollectionSizeLimitExceeded' });
      await expect(dynamodb.send(write())).rejects.toMatchObject({ name: 'TransactionConflictException' });
      await expect(dynamodb.send(write())).rejects.toMatchObject({ name: 'ItemCollectionSizeLimitExceededException' });
    });

    test('a fault of another flow hits no call', async () => {
      await meeting({ kind: 'internal-error', function: 'another' }).dynamodb.send(write());
      await expect(meeting({ kind: 'internal-error', function: 'tested' }).dynamodb.send(write())).rejects.toThrow('Internal server error');
    });
  });

  describe('gsi-lag', () => {
    const indexed = (key: object, name: string) => ({ ...key, gsi1pk: { S: 'lagging' }, gsi1sk: { S: JSON.stringify(key) }, name: { S: name } });
    const where = { KeyConditionExpression: 'gsi1pk = :pk', ExpressionAttributeValues: { ':pk': { S: 'lagging' } } };
    const query = { TableName, IndexName: 'gsi1', ...where };
    const names = (items: Record<string, AttributeValue>[] | undefined) => items?.map(({ name }) => name?.S).sort();
    const byIndex = async (client: DynamoDBClient) => names((await client.send(new QueryCommand(query))).Items);
    const put = (client: DynamoDBClient, key: object, name: string) => client.send(new PutItemCommand({ TableName, Item: indexed(key, name) as never }));
    beforeEach(async () => {
      for (const { pk, sk } of (await plain.send(new QueryCommand(query))).Items ?? []) {
        await plain.send(new DeleteItemCommand({ TableName, Key: { pk: pk!, sk: sk! } }));
      }
    });

    test('lagging indexes show what was, the table shows what is', async () => {
      const [kept, changed, deleted, made] = [aKey(), aKey(), aKey(), aKey()];
      for (const [key, name] of [[kept, 'kept'], [changed, 'old'], [deleted, 'deleted']] as const) await put(plain, key, name);
      const { dynamodb } = meeting({ kind: 'gsi-lag', seconds: 600 });
      const before = ['deleted', 'kept', 'old'];
      expect(await byIndex(dynamodb)).toEqual(before);

      await put(dynamodb, made, 'made');
      await put(dynamodb, changed, 'new');
      await dynamodb.send(new DeleteItemCommand({ TableName, Key: deleted }));

      expect(await byIndex(dynamodb)).toEqual(before);
      const { KeyConditionExpression: FilterExpression, ExpressionAttributeValues } = where;
      const scan = new ScanCommand({ TableName, IndexName: 'gsi1', FilterExpression, ExpressionAttributeValues });
      expect(names((await dynamodb.send(scan)).Items)).toEqual(before);
      const select = new ExecuteStatementCommand({ Statement: `SELECT * FROM "${TableName}"."gsi1" WHERE gsi1pk = 'lagging'` });
      expect(names((await dynamodb.send(select)).Items)).toEqual(before);
      const base = await dynamodb.send(new GetItemCommand({ TableName, Key: changed }));
      expect(base.Item?.name).toEqual({ S: 'new' });
      const own = await dynamodb.send(
        new QueryCommand({ TableName, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': made.pk } }),
      );
      expect(names(own.Items)).toEqual(['made']);
      expect(await byIndex(plain)).toEqual(['kept', 'made', 'new']);
    });

    test('a lagging index follows every way to write, in time', async () => {
      const [batched, transacted, updated, stated, gone] = [aKey(), aKey(), aKey(), aKey(), aKey()];
      const { dynamodb } = meeting({ kind: 'gsi-lag', seconds: 0.3 });
      // What is written by one call arrives item by item, so a number of items says nothing yet.
      const shows = (expected: string[]) => eventually(async () => expect(await byIndex(dynamodb)).toEqual(expected));
      const insert = (item: Record<string, AttributeValue>) => ({
        Statement: `INSERT INTO "${TableName}" VALUE {${Object.keys(item).map((name) => `'${name}': ?`).join(', ')}}`,
        Parameters: Object.values(item),
      });
      const rename = (key: Record<string, AttributeValue>) => ({
        Statement: `UPDATE "${TableName}" SET "name" = 'renamed' WHERE pk = ? AND sk = ?`,
        Parameters: Object.values(key),
      });
      await dynamodb.send(
        new BatchWriteItemCommand({ RequestItems: { [TableName]: [batched, gone].map((key) => ({ PutRequest: { Item: indexed(key, 'batched') as never } })) } }),
      );
      await shows(['batched', 'batched']);
      await dynamodb.send(
        new TransactWriteItemsCommand({
          TransactItems: [
            { Put: { TableName, Item: indexed(transacted, 'transacted') as never } },
            { Put: { TableName, Item: indexed(updated, 'updated') as never } },
            { Delete: { TableName, Key: gone } },
          ],
        }),
      );
      await dynamodb.send(new ExecuteStatementCommand(insert(indexed(stated, 'stated') as never)));
      await dynamodb.send(new ExecuteTransactionCommand({ TransactStatements: [rename(updated)] }));
      await shows(['batched', 'renamed', 'stated', 'transacted']);
      await dynamodb.send(new BatchExecuteStatementCommand({ Statements: [rename(batched), { Statement: `DELETE FROM "${TableName}" WHERE pk = ? AND sk = ?`, Parameters: Object.values(stated) }] }));
      await shows(['renamed', 'renamed', 'transacted']);
    });

    test('writes of one item arrive in their order, however long it takes to read them', async () => {
      const Item = aKey();
      let version = 0;
      let reads = 0;
      const applied: unknown[] = [];
      const [table] = tables.tables;
      const fake = (answer: (operation: string, input: Record<string, unknown>) => Promise<object> | object) =>
        ({
          send: async (headers: Record<string, string>, body: Buffer) =>
            jsonReply(await answer(headers['x-amz-target']?.split('.')[1] ?? '', JSON.parse(body.toString()) as Record<string, unknown>)),
        }) as unknown as Engine;
      const source = fake(async (operation) => {
        if (operation === 'Scan') return { Items: [] };
        const seen = version;
        // The first image is read the slowest.
        if (++reads === 1) await new Promise((done) => setTimeout(done, 100));
        return { Item: { ...Item, version: { N: String(seen) } } };
      });
      const copy = fake((operation, input) => {
        const GlobalSecondaryIndexes = table!.GlobalSecondaryIndexes!.map((index) => ({ ...index, IndexStatus: 'ACTIVE' }));
        if (operation === 'DescribeTable') return { Table: { ...table, TableStatus: 'ACTIVE', GlobalSecondaryIndexes } };
        return (applied.push((input.Item as { version: object }).version), {});
      });
      const lagging = new LaggingCopy(source, Promise.resolve(copy), new TableKeys([table!]), 0);
      const call = { operation: 'PutItem', input: { TableName: table!.TableName, Item }, headers: {}, accessKeyId: '', region: '', traceId: undefined };
      await lagging.ready;
      for (version = 1; version <= 3; version++) {
        lagging.follow(call);
        await new Promise((done) => setImmediate(done));
      }
      version = 3;
      await until(() => applied.length, (count) => count === 3);
      expect(applied).toEqual([{ N: '1' }, { N: '3' }, { N: '3' }]);
    });

    test('a share of the reads lags, and another fault may answer them', async () => {
      const { dynamodb } = meeting({ kind: 'gsi-lag', rate: 0.5, seconds: 600 }, { kind: 'internal-error', operation: 'Query', after: 41 });
      expect(await byIndex(dynamodb)).toEqual([]);
      await put(dynamodb, aKey(), 'new');
      const reads = await Promise.all(Array.from({ length: 40 }, () => byIndex(dynamodb)));
      expect(new Set(reads.map((read) => read?.length))).toEqual(new Set([0, 1]));
      await expect(byIndex(dynamodb)).rejects.toMatchObject({ name: 'InternalServerError' });
    });

    test('the lag of an index ends with its fault', async () => {
      const { dynamodb, injector } = meeting({ kind: 'gsi-lag', seconds: 600 });
      await put(dynamodb, aKey(), 'new');
      expect(await byIndex(dynamodb)).toEqual([]);
      expect(await injector.end()).toBe(1);
      expect(await byIndex(dynamodb)).toEqual(['new']);
    });
  });
});

describe('on the platform', () => {
  let store: Awaited<ReturnType<typeof startStore>>;
  beforeAll(async () => {
    store = await startStore('per-domain');
    await store.admin.post('/products', aProduct({ productId: 'tea' }));
  });
  afterEach(() => store.anonymous.delete('/_local/faults'));
  afterAll(() => store.stop());

  const inject = async (fault: Fault) => {
    const answer = await store.anonymous.post('/_local/faults', fault);
    expect(answer).toMatchObject({ status: 200, body: { id: expect.any(String), ...fault, injected: 0 } });
  };
  const order = async (key: string) =>
    (await store.user('ann')).post('/orders', { lines: [{ productId: 'tea', quantity: 1 }] }, { 'idempotency-key': key });

  test('with lagging indexes the owner sees an order at once, and the shop does not yet', async () => {
    await inject({ kind: 'gsi-lag', seconds: 600 });
    const ann = await store.user('ann');
    const placed = await order('lag');
    expect(placed.status).toBe(201);
    const { orderId } = placed.body;
    expect((await ann.get(`/orders/${orderId}`)).body).toMatchObject({ orderId, status: 'Pending' });
    expect((await ann.send('POST', `/orders/${orderId}/cancel`)).body).toMatchObject({ status: 'Cancelled' });
    const listed = async (status: string) => (await store.admin.get(`/orders?status=${status}`)).body.items.length as number;
    expect([await listed('Pending'), await listed('Cancelled')]).toEqual([0, 0]);
    expect((await store.anonymous.delete('/_local/faults')).body).toEqual({ removed: 1 });
    expect([await listed('Pending'), await listed('Cancelled')]).toEqual([0, 1]);
  });

  test('an answer that never comes is in the trace, and the order is made once', async () => {
    await inject({ kind: 'timeout-after-commit', function: 'place-order', operation: 'TransactWriteItems', count: 1 });
    const placed = await order('lost');
    expect(placed.status).toBe(201);
    const requestId = placed.headers.get('apigw-requestid');
    const { items } = (await store.anonymous.get(`/_local/trace?request=${requestId}`)).body as { items: { operation: string; outcome: string }[] };
    const outcomes = items.filter(({ operation }) => operation === 'TransactWriteItems').map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['ok', 'no-answer']);
    const { body } = await store.anonymous.get('/_local/faults');
    expect(body.items).toEqual([
      { id: expect.any(String), kind: 'timeout-after-commit', function: 'place-order', operation: 'TransactWriteItems', count: 1, injected: 1 },
    ]);
    expect((await store.anonymous.delete('/_local/faults')).body).toEqual({ removed: 1 });
    expect((await store.anonymous.get('/_local/faults')).body).toEqual({ items: [] });
  });
});

test('a fault of deliveries strikes its kind and its function only, by its count', async () => {
  const faults = new FaultInjector(undefined as never, undefined as never, undefined as never);
  await faults.add({ kind: 'kill-consumer', function: 'orders-trigger', count: 1, after: 1 });
  const strikes = ['users-trigger', 'orders-trigger', 'orders-trigger', 'orders-trigger'].map((name) => faults.strikes('kill-consumer', name, true));
  expect(strikes).toEqual([false, false, true, false]);
  expect(faults.strikes('duplicate-batch', 'orders-trigger', true)).toBe(false);
  await faults.add({ kind: 'duplicate-batch' });
  expect([faults.strikes('duplicate-batch', 'orders-trigger', true), faults.strikes('duplicate-batch', 'orders-trigger', false)]).toEqual([false, true]);
});

test('a fault ends by its id, and the others stay', async () => {
  const faults = new FaultInjector(undefined as never, undefined as never, undefined as never);
  const [first, second] = [await faults.add({ kind: 'throttle' }), await faults.add({ kind: 'conflict' })];
  expect([await faults.end(first.id), await faults.end(first.id), faults.list()]).toEqual([1, 0, [second]]);
  expect(await faults.end()).toBe(1);
});
