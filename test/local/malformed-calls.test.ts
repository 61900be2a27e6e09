import * as fc from 'fast-check';
import { OPERATIONS } from '../../local/gateway/operations';
import { runs } from '../support/complete';
import { startStore, type TestStore } from '../support/store';

/** Calls that no client makes, with the same seed every time. */
describe('a malformed call', () => {
  let store: TestStore;
  beforeAll(async () => {
    store = await startStore('per-domain');
  });
  afterAll(() => store.stop());

  const MEMBERS = ['TableName', 'IndexName', 'Key', 'Item', 'Keys', 'RequestItems', 'TransactItems', 'Statements', 'TransactStatements', 'Statement', 'Parameters', 'UpdateExpression', 'FilterExpression', 'KeyConditionExpression', 'ProjectionExpression', 'ExpressionAttributeNames', 'ExpressionAttributeValues', 'ReturnConsumedCapacity', 'ClientRequestToken', 'Put', 'Update', 'store-dev-Users', 'pk', 'S', 'N'];
  const leaf = fc.oneof(fc.constantFrom(null, true, 7, '', 'store-dev-Users', 'SET € = :z', '((a', 'a = :z', "SELECT * FROM \"store-dev-Users\"", {}, []), fc.string());
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...MEMBERS), tie('value'), { maxKeys: 4 })),
  }));
  const JAVASCRIPT = /TypeError|RangeError|is not a function|is not iterable|Cannot (?:read|convert)|reading '/;

  const TableName = 'store-dev-Users';
  const Key = { pk: { S: 'a' }, sk: { S: 'b' } };
  const values = { ExpressionAttributeNames: { '#p': 'pk' }, ExpressionAttributeValues: { ':p': { S: 'a' } } };
  const query = { TableName, KeyConditionExpression: '#p = :p', FilterExpression: 'attribute_exists(n)', ...values };
  const statement = { Statement: `SELECT * FROM "${TableName}" WHERE pk = ?`, Parameters: [{ S: 'a' }] };
  const put = { TableName, Item: { ...Key, n: { N: '1' }, list: { L: [{ M: { x: { BOOL: true } } }] } } };
  const update = { TableName, Key, UpdateExpression: 'SET #p1 = :p', ExpressionAttributeNames: { '#p1': 'x' }, ExpressionAttributeValues: { ':p': { S: 'a' } } };
  /** A call of each operation that DynamoDB takes. */
  const VALID: Record<(typeof OPERATIONS)[number], object> = {
    BatchExecuteStatement: { Statements: [statement] },
    BatchGetItem: { RequestItems: { [TableName]: { Keys: [Key], ProjectionExpression: 'pk' } } },
    BatchWriteItem: { RequestItems: { [TableName]: [{ PutRequest: { Item: put.Item } }, { DeleteRequest: { Key: { ...Key, sk: { S: 'c' } } } }] } },
    DeleteItem: { TableName, Key, ConditionExpression: 'attribute_not_exists(gone)' },
    ExecuteStatement: statement,
    ExecuteTransaction: { TransactStatements: [statement] },
    GetItem: { TableName, Key, ConsistentRead: true },
    PutItem: put,
    Query: query,
    Scan: { TableName, Limit: 1, Segment: 0, TotalSegments: 2 },
    TransactGetItems: { TransactItems: [{ Get: { TableName, Key } }] },
    TransactWriteItems: { TransactItems: [{ Put: put }, { Update: { ...update, Key: { ...Key, sk: { S: 'd' } } } }] },
    UpdateItem: update,
  };

  /** The value with another in one place, which the numbers choose level by level. */
  function damaged(value: unknown, [turn = 0, ...turns]: number[], other: unknown): unknown {
    const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    if (names.length === 0 || turns.length === 0) return other;
    const name = names[turn % names.length]!;
    const member = damaged((value as Record<string, unknown>)[name], turns, other);
    return Array.isArray(value) ? value.map((entry: unknown, at) => (String(at) === name ? member : entry)) : { ...(value as object), [name]: member };
  }

  test('none of the calls that are damaged is malformed before', async () => {
    const statuses = await Promise.all(OPERATIONS.map(async (operation) => [operation, (await ask(operation, VALID[operation])).status]));
    expect(statuses).toEqual(OPERATIONS.map((operation) => [operation, 200]));
  });

  const ask = (operation: string, input: unknown) =>
    fetch(store.dynamodb, {
      method: 'POST',
      headers: {
        'x-amz-target': `DynamoDB_20120810.${operation}`,
        'content-type': 'application/x-amz-json-1.0',
        authorization: 'AWS4-HMAC-SHA256 Credential=owner/20260501/us-east-1/dynamodb/aws4_request',
      },
      body: JSON.stringify(input),
    });

  test('of DynamoDB is answered as DynamoDB answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...OPERATIONS), value, fc.array(fc.nat(20), { minLength: 1, maxLength: 7 }), async (operation, other, turns) => {
        const response = await ask(operation, damaged(VALID[operation], turns, other));
        expect([response.status < 500, await response.text()]).toEqual([true, expect.not.stringMatching(JAVASCRIPT)]);
      }),
      { seed: 16, numRuns: runs(200, 5_000) },
    );
  }, 600_000);
});
