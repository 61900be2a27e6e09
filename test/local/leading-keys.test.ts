import { UnreadableKey } from '../../local/gateway/key-condition';
import { leadingKeysOf } from '../../local/gateway/leading-keys';
import { targetsOf } from '../../local/gateway/targets';

const TableName = 'Orders';
const own = { S: 'own' };
const other = { S: 'other' };
const key = (pk: object) => ({ pk, sk: { S: 'x' } });

/** The leading keys of what a call does, joined; the reason where they cannot be read. */
function keysOf(operation: string, input: object, partitionKey: string[] | undefined = ['pk']): string {
  try {
    return targetsOf({ operation, input: { ...input } }).flatMap((target) => leadingKeysOf(target, input, partitionKey)).join();
  } catch (error) {
    if (!(error instanceof UnreadableKey)) throw error;
    return `unreadable: ${error.message}`;
  }
}

test.each<[string, object, string]>([
  ['GetItem', { TableName, Key: key(own) }, 'own'],
  ['GetItem', { TableName, Key: key({ N: '7' }) }, '7'],
  ['GetItem', { TableName, Key: key({ B: 'AQI=' }) }, 'AQI='],
  ['GetItem', { TableName }, ''],
  ['DeleteItem', { TableName, Key: key(own) }, 'own'],
  ['UpdateItem', { TableName, Key: key(own) }, 'own'],
  ['PutItem', { TableName, Item: key(own) }, 'own'],
  ['BatchGetItem', { RequestItems: { Orders: { Keys: [key(own), key(other)] }, Users: { Keys: [key(own)] } } }, 'own,other,own'],
  ['BatchGetItem', { RequestItems: { Orders: {} } }, ''],
  ['BatchWriteItem', { RequestItems: { Orders: [{ PutRequest: { Item: key(own) } }, { DeleteRequest: { Key: key(other) } }] } }, 'own,other'],
  ['TransactGetItems', { TransactItems: [{ Get: { TableName, Key: key(own) } }, { Get: { TableName, Key: key(other) } }] }, 'own,other'],
  [
    'TransactWriteItems',
    { TransactItems: [{ Put: { TableName, Item: key(own) } }, { Update: { TableName, Key: key(other) } }, { ConditionCheck: { TableName, Key: key({ S: 'third' }) } }] },
    'own,other,third',
  ],
  ['Scan', { TableName, FilterExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': own } }, ''],
  ['DescribeTable', { TableName }, ''],
  ['ListTables', {}, ''],
  ['ExecuteStatement', { Statement: `SELECT * FROM "Orders" WHERE sk = 'x' AND pk = ?`, Parameters: [own] }, 'own'],
  ['ExecuteStatement', { Statement: `SELECT * FROM "Orders" WHERE pk = 'own' OR (pk = 'other' AND sk = 'x')` }, 'own,other'],
  ['ExecuteStatement', { Statement: `SELECT * FROM "Orders" WHERE pk = 'own' OR sk = 'x'` }, ''],
  ['ExecuteStatement', { Statement: `SELECT * FROM "Orders" WHERE pk IN ['own', 'other']` }, 'unreadable: the statement does not say by = what pk is'],
  ['ExecuteStatement', { Statement: `INSERT INTO "Orders" VALUE {'pk': 'own', 'sk': 'x'}` }, 'own'],
  ['ExecuteStatement', { Statement: `UPDATE "Orders" SET a = 1 WHERE pk = 'own' AND sk = 'x'` }, 'own'],
  ['ExecuteStatement', { Statement: `DELETE FROM "Orders" WHERE sk = 'x'` }, 'unreadable: the statement does not say by = what pk is'],
  ['BatchExecuteStatement', { Statements: [{ Statement: `SELECT * FROM "Orders" WHERE pk = ?`, Parameters: [other] }] }, 'other'],
  ['ExecuteTransaction', { TransactStatements: [{ Statement: `DELETE FROM "Orders" WHERE pk = 'own'` }] }, 'own'],
  ['GetItem', { TableName, Key: key({ ...own, N: '1' }) }, 'unreadable: pk is {"S":"own","N":"1"}, which is no key'],
  ['GetItem', { TableName, Key: key({ SS: ['own'] }) }, 'unreadable: pk is {"SS":["own"]}, which is no key'],
  ['GetItem', { TableName, Key: key({ S: ['own'] }) }, 'unreadable: pk is {"S":["own"]}, which is no key'],
  ['GetItem', { TableName, Key: { pk: null } }, 'unreadable: pk is null, which is no key'],
])('%s %j names %j', (operation, input, keys) => {
  expect(keysOf(operation, input)).toBe(keys);
});

describe('the key condition of a Query', () => {
  const ExpressionAttributeValues = { ':own': own, ':other': other, ':from': { S: 'a' }, ':to': { S: 'b' } };
  const ExpressionAttributeNames = { '#pk': 'pk', '#sk': 'sk' };
  const query = (KeyConditionExpression: unknown, more: object = {}) =>
    keysOf('Query', { TableName, KeyConditionExpression, ExpressionAttributeValues, ExpressionAttributeNames, ...more });

  test.each([
    'pk = :own',
    '#pk=:own',
    ':own = pk',
    '  ( pk = :own )  ',
    '((#pk = :own))',
    'pk = :own AND sk = :from',
    'sk > :from and pk = :own',
    'pk = :own And sk <= :from',
    'begins_with(sk, :from) AND pk = :own',
    'pk = :own AND begins_with ( #sk , :from )',
    'pk = :own AND sk BETWEEN :from AND :to',
    '(sk between :from and :to) AND (#pk = :own)',
  ])('%s', (expression) => {
    expect(query(expression)).toBe('own');
  });

  test('every value that a condition gives the partition key counts', () => {
    expect(query('pk = :own AND pk = :other')).toBe('own,other');
    expect(query('pk = :own AND (pk = :other)', { KeyConditions: { pk: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'third' }] } } })).toBe('third,own,other');
  });

  test.each(['sk = :own', 'pk > :own', 'begins_with(pk, :own)', 'pk BETWEEN :own AND :own', 'PK = :own', ':own = :own', 'pk = pk', 'pk = sk'])('%s names none', (expression) => {
    expect(query(expression)).toBe('');
  });

  test.each<[unknown, string]>([
    ['pk = :own OR pk = :other', 'has an unexpected OR'],
    ['NOT pk = :own', 'has an unexpected pk'],
    ['pk <> :own', 'has an unexpected <>'],
    ['pk IN (:own)', 'has an unexpected IN'],
    ['pk = :nobody', 'has an unexpected :nobody'],
    ['#nobody = :own', 'has an unexpected #nobody'],
    ['#toString = :own', 'has an unexpected #toString'],
    ['pk = :own)', 'has an unexpected )'],
    ['(pk = :own', 'ends too early'],
    ['pk = :own AND', 'ends too early'],
    ['pk = ', 'ends too early'],
    ['', 'ends too early'],
    ["pk = 'own'", 'is not read beyond 4'],
    ['pk.a = :own', 'is not read beyond 2'],
    ['a[0] = :own', 'is not read beyond 1'],
    [7, 'is no text'],
    [null, 'is no text'],
  ])('%j is not read, and said why', (expression, why) => {
    expect(query(expression)).toBe(`unreadable: its KeyConditionExpression ${why}`);
  });

  test('an attribute name that is no text is none', () => {
    expect(query('#pk = :own', { ExpressionAttributeNames: { '#pk': 7 } })).toBe('unreadable: its KeyConditionExpression has an unexpected #pk');
  });

  test.each<[object, string]>([
    [{ pk: { ComparisonOperator: 'EQ', AttributeValueList: [own] } }, 'own'],
    [{ pk: { ComparisonOperator: 'EQ', AttributeValueList: [own, other] } }, 'own,other'],
    [{ pk: { ComparisonOperator: 'BEGINS_WITH', AttributeValueList: [own] } }, ''],
    [{ sk: { ComparisonOperator: 'EQ', AttributeValueList: [own] } }, ''],
    [{}, ''],
  ])('by KeyConditions %j: %j', (KeyConditions, keys) => {
    expect(keysOf('Query', { TableName, KeyConditions })).toBe(keys);
  });

  test('the partition key of a query of an index is that of the index', () => {
    const input = { TableName, IndexName: 'gsi1', KeyConditionExpression: 'gsi1pk = :own AND pk = :other', ExpressionAttributeValues };
    expect(keysOf('Query', input, ['gsi1pk'])).toBe('own');
  });

  test('of a table or index that there is not, or with a key of several attributes, says nothing', () => {
    const input = { TableName, KeyConditionExpression: 'pk = :own', ExpressionAttributeValues };
    expect(keysOf('Query', input, [])).toBe('');
    expect(keysOf('Query', input, ['pk', 'tenant'])).toBe('unreadable: its partition key has several attributes');
  });
});

describe('what a request holds besides', () => {
  const Transaction = { TransactItems: [{ Get: { TableName, Key: key(own) } }], Statement: `SELECT * FROM "Orders" WHERE pk = 'own'` };

  // An engine passes over members that the operation does not have.
  test.each<[string, object, string[], string]>([
    ['Scan', { TableName }, ['Scan'], ''],
    ['GetItem', { TableName, Key: key(other) }, ['GetItem'], 'other'],
    ['GetItem', { TableName, Key: key(other), Item: key(own) }, ['GetItem'], 'other'],
    ['PutItem', { TableName, Key: key(own), Item: key(other) }, ['PutItem'], 'other'],
    ['Query', { TableName, Key: key(own), KeyConditions: { pk: { ComparisonOperator: 'EQ', AttributeValueList: [other] } } }, ['Query'], 'other'],
    ['BatchGetItem', { RequestItems: { Orders: { Keys: [key(other)] } } }, ['BatchGetItem'], 'other'],
    ['ExecuteStatement', { Statement: `DELETE FROM "Orders" WHERE pk = 'other'`, Statements: [], TransactStatements: [] }, ['PartiQLDelete'], 'other'],
    ['BatchExecuteStatement', { Statements: [{ Statement: `DELETE FROM "Orders" WHERE pk = 'other'` }], TransactStatements: [] }, ['PartiQLDelete'], 'other'],
    ['TransactWriteItems', { TransactItems: [{ Put: { TableName, Key: key(own), Item: key(other) } }] }, ['PutItem'], 'other'],
    ['BatchWriteItem', { RequestItems: { Orders: [{ PutRequest: { Item: key(own) }, DeleteRequest: { Key: key(other) } }] } }, ['BatchWriteItem'], 'own,other'],
  ])('is nothing to a %s', (operation, input, actions, keys) => {
    const call = { ...Transaction, ...input };
    expect(targetsOf({ operation, input: call }).map(({ action }) => action)).toEqual(actions);
    expect(keysOf(operation, call)).toBe(keys);
  });
});
