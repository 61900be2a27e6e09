import {
  BatchExecuteStatementCommand,
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  ExecuteStatementCommand,
  ExecuteTransactionCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import '../support/flow-environment';
import { type ConsumedCapacity, countingCalls, noteCall } from '../../lambda/shared/consumed-capacity';
import { createProduct } from '../../lambda/products/create-product';
import { importProducts } from '../../lambda/products/import-products';
import { createUser } from '../../lambda/users/create-user';
import { type FaultScript, startTables } from '../support/engine-tables';
import { invocation } from '../support/shop';

/** Runs calls as an invocation does, and tells what its line would; a call may fail. */
async function consumedBy(calls: () => Promise<unknown>): Promise<ConsumedCapacity> {
  return countingCalls(async (consumed) => {
    await calls().catch(() => {});
    return consumed;
  });
}

describe('what an invocation consumed', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  beforeAll(async () => {
    tables = await startTables();
  });
  afterAll(() => tables.stop());

  const TableName = 'store-dev-Users';
  const Key = { pk: 'p', sk: 's' };
  const SMALL = { pk: 'small', sk: 's' };
  const Item = { ...Key, text: 'x'.repeat(1_500) };
  const key = `WHERE "pk" = 'p' AND "sk" = 's'`;
  const SELECT = { Statement: `select * from "${TableName}" ${key}`, ConsistentRead: true };
  const UPDATE = { Statement: `UPDATE "${TableName}" SET "n" = 1 ${key}` };
  const inTable = { KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': 'p' } };

  test.each([
    ['PutItem', new PutCommand({ TableName, Item }), { writeUnits: 2 }],
    ['GetItem', new GetCommand({ TableName, Key }), { readUnits: 0.5 }],
    ['GetItem, strongly consistent', new GetCommand({ TableName, Key, ConsistentRead: true }), { readUnits: 1 }],
    ['GetItem of nothing', new GetCommand({ TableName, Key: { pk: 'none', sk: 's' } }), { readUnits: 0.5 }],
    ['Query', new QueryCommand({ TableName, ...inTable, ConsistentRead: true }), { readUnits: 1 }],
    ['Scan', new ScanCommand({ TableName }), { readUnits: 0.5 }],
    ['BatchGetItem', new BatchGetCommand({ RequestItems: { [TableName]: { Keys: [Key] } } }), { readUnits: 0.5 }],
    ['TransactGetItems', new TransactGetCommand({ TransactItems: [{ Get: { TableName, Key } }] }), { readUnits: 2 }],
    ['UpdateItem', new UpdateCommand({ TableName, Key, UpdateExpression: 'SET a = :a', ExpressionAttributeValues: { ':a': 1 } }), { writeUnits: 2 }],
    ['BatchWriteItem', new BatchWriteCommand({ RequestItems: { [TableName]: [{ PutRequest: { Item } }] } }), { writeUnits: 2 }],
    ['TransactWriteItems', new TransactWriteCommand({ TransactItems: [{ Put: { TableName, Item } }] }), { writeUnits: 4 }],
    ['DeleteItem', new DeleteCommand({ TableName, Key: { pk: 'none', sk: 's' } }), { writeUnits: 1 }],
  ])('%s', async (_, command, units) => {
    const { client, requestIds } = tables.store();
    const { readUnits, writeUnits, consumedUnits, dynamodbRequestIds } = await consumedBy(() => client.send(command as GetCommand));
    expect({ readUnits, writeUnits }).toEqual({ readUnits: 0, writeUnits: 0, ...units });
    expect(consumedUnits).toBe(readUnits + writeUnits);
    expect([dynamodbRequestIds, requestIds.length]).toEqual([requestIds, 1]);
  });

  test('a SELECT of PartiQL reads and any other statement writes, alone, in a batch and in a transaction', async () => {
    const { client } = tables.store();
    await client.send(new PutCommand({ TableName, Item }));
    const commands = {
      select: new ExecuteStatementCommand(SELECT),
      update: new ExecuteStatementCommand(UPDATE),
      'batch of select': new BatchExecuteStatementCommand({ Statements: [SELECT] }),
      'batch of update': new BatchExecuteStatementCommand({ Statements: [UPDATE] }),
      'transaction of select': new ExecuteTransactionCommand({ TransactStatements: [{ Statement: SELECT.Statement }] }),
      'transaction of update': new ExecuteTransactionCommand({ TransactStatements: [UPDATE] }),
    };
    const units: Record<string, number[]> = {};
    for (const [name, command] of Object.entries(commands)) {
      const { readUnits, writeUnits } = await consumedBy(() => client.send(command as ExecuteStatementCommand));
      units[name] = [readUnits, writeUnits];
    }
    expect(units).toEqual({
      select: [1, 0],
      update: [0, 2],
      'batch of select': [1, 0],
      'batch of update': [0, 2],
      'transaction of select': [2, 0],
      'transaction of update': [0, 4],
    });
  });

  test('a caller sees nothing of the consumed capacity, unless it asks itself', async () => {
    const { client } = tables.store();
    await client.send(new PutCommand({ TableName, Item }));
    const answer = await client.send(new GetCommand({ TableName, Key }));
    expect(Object.keys(answer).sort()).toEqual(['$metadata', 'Item']);
    const asked = await client.send(new GetCommand({ TableName, Key, ReturnConsumedCapacity: 'INDEXES' }));
    expect(asked.ConsumedCapacity).toMatchObject({ CapacityUnits: 0.5, Table: { CapacityUnits: 0.5 } });
    expect(await client.send(new GetCommand({ TableName, Key, ReturnConsumedCapacity: 'NONE' }))).not.toHaveProperty('ConsumedCapacity');
  });

  test.each([
    ['throttled', { kind: 'throttle' } as const],
    ['answered with a 500', { kind: 'internal-error' } as const],
  ])('a call that the SDK repeats since it was %s has an id for each try', async (_, fault) => {
    const store = tables.store((_operation, nth) => (nth <= 2 ? fault : 'pass'));
    const consumed = await consumedBy(() => store.client.send(new PutCommand({ TableName, Item: SMALL })));
    expect(consumed).toEqual({ readUnits: 0, writeUnits: 1, consumedUnits: 1, dynamodbRequestIds: store.requestIds });
    expect(store.requestIds).toHaveLength(3);
  });

  test('a try that was not answered has no id', async () => {
    const store = tables.store((_, nth) => (nth === 1 ? { kind: 'timeout-after-commit' } : 'pass'));
    const { dynamodbRequestIds } = await consumedBy(() => store.client.send(new PutCommand({ TableName, Item: SMALL })));
    expect([store.sent.length, dynamodbRequestIds]).toEqual([2, store.requestIds]);
    expect(dynamodbRequestIds).toHaveLength(1);
  });

  const user = (name: string) => ({ email: `${name}@example.com`, name });

  test('a transaction that is cancelled has its ids, and units only when it was done', async () => {
    const conflict: FaultScript = (operation, nth) =>
      operation === 'TransactWriteItems' && nth === 1 ? { kind: 'conflict', reasons: ['TransactionConflict', null] } : 'pass';
    const store = tables.store(conflict);
    const done = await consumedBy(() => createUser('u1', user('u1'), invocation(), store.entities));
    expect(done.dynamodbRequestIds).toEqual(store.requestIds);
    expect([store.requestIds.length, done.readUnits, done.writeUnits > 0]).toEqual([2, 0, true]);
    const refused = await consumedBy(() => createUser('u1', user('u1'), invocation(), store.entities));
    expect([refused.consumedUnits, refused.dynamodbRequestIds]).toEqual([0, store.requestIds.slice(2)]);
  });

  test('a batch that leaves items unprocessed adds up what each call took', async () => {
    const products = Array.from({ length: 8 }, (_, index) => ({ productId: `b${index}`, name: 'Tea', category: 'Drinks', priceMinor: 1, currency: 'EUR', stock: 1 }));
    const whole = await consumedBy(() => importProducts(products, invocation(), tables.store().entities));
    const again = products.map((product) => ({ ...product, productId: `again-${product.productId}` }));
    const store = tables.store((operation, nth) => (operation === 'BatchWriteItem' && nth <= 2 ? { kind: 'unprocessed', rate: 0.5 } : 'pass'));
    const inParts = await consumedBy(() => importProducts(again, invocation(), store.entities));
    expect(store.sent.filter((operation) => operation === 'BatchWriteItem').length).toBeGreaterThan(1);
    expect(inParts.writeUnits).toBe(whole.writeUnits);
    expect(inParts.dynamodbRequestIds).toEqual(store.requestIds);
  });

  test('invocations at once keep apart what each consumed', async () => {
    const { entities } = tables.store();
    const create = (productId: string) => () =>
      createProduct({ productId, name: 'Tea', category: 'Drinks', priceMinor: 1, currency: 'EUR', stock: 1 }, invocation(), entities);
    const [alone] = [await consumedBy(create('alone'))];
    const together = await Promise.all(['t1', 't2', 't3'].map((productId) => consumedBy(create(productId))));
    expect(together.map(({ writeUnits }) => writeUnits)).toEqual(Array(3).fill(alone.writeUnits));
    expect(new Set(together.flatMap(({ dynamodbRequestIds }) => dynamodbRequestIds)).size).toBe(3 * alone.dynamodbRequestIds.length);
  });

  test('of hundreds of calls twenty ids are kept, and the others counted', async () => {
    const store = tables.store();
    const { dynamodbRequestIds, dynamodbRequestIdsOmitted, readUnits } = await consumedBy(async () => {
      for (let call = 0; call < 23; call++) await store.client.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
    });
    expect([dynamodbRequestIds, dynamodbRequestIdsOmitted]).toEqual([store.requestIds.slice(0, 20), 3]);
    expect(readUnits).toBe(23);
  });
});

test('a client that is not the SDK notes its calls itself', async () => {
  const consumed = await consumedBy(async () => {
    noteCall({ kind: 'read', units: 1.5, requestId: 'r1' });
    await Promise.resolve();
    noteCall({ kind: 'write', units: 2 });
  });
  expect(consumed).toEqual({ readUnits: 1.5, writeUnits: 2, consumedUnits: 3.5, dynamodbRequestIds: ['r1'] });
});

test('outside of an invocation nothing is noted', () => {
  expect(() => noteCall({ kind: 'read', units: 1 })).not.toThrow();
});
