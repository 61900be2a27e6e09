import { callApi } from '../../local/engine/api';
import { startEngine, type Engine, type WireReply } from '../../local/engine/engine';
import { findEngine } from '../../local/engine/find-engine';
import { type Call, chain } from '../../local/gateway/call';
import { wellFormed } from '../../local/gateway/well-formed';
import { ensureTable } from '../../local/tables';
import { engineUnderTest } from '../support/engine';

/** Requests at which an engine ends, or the gateway fails. */
describe('a request that DynamoDB does not read', () => {
  let engine: Engine;
  const TableName = 'Things';
  const Key = { pk: { S: 'a' } };
  const deep = (levels: number) => '('.repeat(levels) + 'a = :z' + ')'.repeat(levels);

  beforeAll(async () => {
    engine = await startEngine(findEngine(engineUnderTest()), undefined, 'us-east-1');
    await ensureTable(
      engine,
      { TableName, AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }], KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }] },
      false,
    );
  });
  afterAll(() => engine.stop());

  async function ask(operation: string, input: object): Promise<string> {
    const headers = { 'x-amz-target': `DynamoDB_20120810.${operation}`, 'content-type': 'application/x-amz-json-1.0' };
    const call: Call = { operation, headers, input: { ...input }, accessKeyId: '', region: 'us-east-1', traceId: undefined };
    const reply = await chain([wellFormed], (passed) => engine.send(passed.headers, Buffer.from(JSON.stringify(passed.input))))(call);
    const { status, body } = reply as WireReply;
    const { __type = '', message, Message = message } = JSON.parse(body.toString()) as Record<string, string>;
    return `${status} ${__type.replace(/.*#/, '')} ${Message}`;
  }

  const values = { ExpressionAttributeValues: { ':z': { S: 'z' } } };
  test.each<[string, string, object, RegExp]>([
    ['a multi-byte character', 'UpdateItem', { TableName, Key, UpdateExpression: 'SET € = :z', ...values }, /^400 ValidationException Invalid UpdateExpression: Syntax error; token: "€", near: "SET € = :z"/],
    ['one in a transaction', 'TransactWriteItems', { TransactItems: [{ Update: { TableName, Key, UpdateExpression: 'SET é = :z', ...values } }] }, /^400 ValidationException Invalid UpdateExpression: Syntax error/],
    ['one in a batch', 'BatchGetItem', { RequestItems: { [TableName]: { Keys: [Key], ProjectionExpression: '€' } } }, /^400 ValidationException Invalid ProjectionExpression: Syntax error/],
    ['one in a statement', 'ExecuteStatement', { Statement: `SELECT € FROM "${TableName}"` }, /^400 ValidationException Statement wasn't well formed/],
    ['2,000 parentheses', 'Scan', { TableName, FilterExpression: deep(2_000), ...values }, /^400 ValidationException Invalid FilterExpression: The expression has redundant parentheses/],
    ['2,000 parentheses in a statement', 'ExecuteStatement', { Statement: `SELECT * FROM "${TableName}" WHERE ${deep(2_000).replace(':z', '1')}` }, /^400 ValidationException Statement wasn't well formed/],
    ['more than 4 KB', 'Scan', { TableName, FilterExpression: `${'a'.repeat(4_096)} = :z`, ...values }, /^400 ValidationException Invalid FilterExpression: Expression size has exceeded .* 4101$/],
    ['301 operators', 'Scan', { TableName, FilterExpression: Array(151).fill('a = :z').join(' OR '), ...values }, /^400 ValidationException Invalid FilterExpression: .* 301; the limit is 300$/],
    ['a missing statement', 'BatchExecuteStatement', { Statements: [null] }, /^400 ValidationException .*'statements\.1\.member'.*must not be null$/],
    ['a missing action', 'TransactWriteItems', { TransactItems: [{ Put: null }] }, /^400 ValidationException .*'transactItems\.1\.member\.put'/],
    ['a missing write', 'BatchWriteItem', { RequestItems: { [TableName]: [null] } }, /^400 ValidationException .*must not be null$/],
    ['a number as a name', 'GetItem', { TableName: 7, Key }, /^400 SerializationException NUMBER_VALUE cannot be converted to String$/],
    ['a list as a key', 'GetItem', { TableName, Key: [] }, /^400 SerializationException /],
    ['20,000 levels of JSON', 'PutItem', { TableName, Item: JSON.parse('{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000)) as object }, /^400 ValidationException Nesting Levels have exceeded/],
  ])('%s is refused, and the engine serves on', async (_, operation, input, answer) => {
    expect(await ask(operation, input)).toMatch(answer);
    expect(await callApi(engine, 'ListTables', {})).toEqual({ TableNames: [TableName] });
  });

  test('300 operators, and any character in names, values and quotes, are taken', async () => {
    const FilterExpression = Array(150).fill('a = :z').join(' OR ');
    expect(await ask('Scan', { TableName, FilterExpression, ...values })).toMatch(/^200/);
    expect(await ask('UpdateItem', { TableName, Key, UpdateExpression: 'SET #e = :z', ExpressionAttributeNames: { '#e': '€' }, ExpressionAttributeValues: { ':z': { S: '€' } } })).toMatch(/^200/);
    expect(await ask('ExecuteStatement', { Statement: `SELECT * FROM "${TableName}" WHERE "€" = '€'` })).toMatch(/^200/);
  });
});
