import { ApiError, callApi } from '../../local/engine/api';
import { type Engine, startEngine } from '../../local/engine/engine';
import { findEngine } from '../../local/engine/find-engine';
import { joinClauses, mendErrorBody, nameDuplicates } from '../../local/engine/mends';
import { ensureTable } from '../../local/tables';
import { engineUnderTest } from '../support/engine';

test.each([
  ['UPDATE "T" SET a = ? SET b = ? WHERE pk = 1', 'UPDATE "T" SET a = ? , b = ? WHERE pk = 1'],
  ['update "T" set a = 1\nset b = 2 REMOVE c REMOVE d SET e = 3 where f = 1', 'update "T" set a = 1\n, b = 2 REMOVE c , d SET e = 3 where f = 1'],
  [`UPDATE "SET" SET a = 'SET it''s SET' WHERE "SET" = ' SET '`, undefined],
  [`UPDATE "T" SET a = 'unclosed SET b`, undefined],
  [`SELECT * FROM "T" WHERE pk = 'SET SET'`, undefined],
])('the clauses of %s', (statement, joined = statement) => {
  expect(joinClauses(statement)).toBe(joined);
});

test('a duplicate of DynamoDB Local has the name that DynamoDB gives it', () => {
  const Message = 'Duplicate primary key exists in table';
  const type = 'com.amazonaws.dynamodb.v20120810#';
  const mended = (error: object) => JSON.parse(mendErrorBody(Buffer.from(JSON.stringify(error)), nameDuplicates).toString()) as unknown;
  expect(mended({ __type: `${type}DuplicateItem`, Message })).toEqual({ __type: `${type}DuplicateItemException`, Message });
  const other = { __type: `${type}ValidationException`, Message: 'x' };
  expect(mended(other)).toEqual(other);
  const cancelled = (code: string) => ({
    __type: `${type}TransactionCanceledException`,
    CancellationReasons: [{ Code: 'None' }, { Code: code, Message }, { Code: 'ValidationError', Message: 'another' }],
    Message: `Transaction cancelled, please refer cancellation reasons for specific reasons [None, ${code}, ValidationError]`,
  });
  expect(mended(cancelled('ValidationError'))).toEqual(cancelled('DuplicateItem'));
  expect(mendErrorBody(Buffer.from('no JSON'), nameDuplicates).toString()).toBe('no JSON');
});

/** What the adapter makes of the engine. */
describe('PartiQL as DynamoDB documents it', () => {
  let engine: Engine;
  const pk = { S: "it's SET" };
  const Statement = `UPDATE "Things" SET a = ? SET b = 'x SET y' WHERE pk = ?`;
  const read = async () => (await callApi<{ Item?: object }>(engine, 'GetItem', { TableName: 'Things', Key: { pk } })).Item;

  beforeAll(async () => {
    engine = await startEngine(findEngine(engineUnderTest()), undefined, 'us-east-1');
    await ensureTable(
      engine,
      {
        TableName: 'Things',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      },
      false,
    );
  });
  beforeEach(() => callApi(engine, 'PutItem', { TableName: 'Things', Item: { pk } }));
  afterAll(() => engine.stop());

  test.each<[string, (statement: object) => object]>([
    ['ExecuteStatement', (statement) => statement],
    ['BatchExecuteStatement', (statement) => ({ Statements: [statement] })],
    ['ExecuteTransaction', (statement) => ({ TransactStatements: [statement] })],
  ])('%s takes repeated SET clauses', async (operation, request) => {
    await callApi(engine, operation, request({ Statement, Parameters: [{ N: '1' }, pk] }));
    expect(await read()).toEqual({ pk, a: { N: '1' }, b: { S: 'x SET y' } });
  });

  test('a duplicate INSERT is named', async () => {
    const insert = { Statement: `INSERT INTO "Things" VALUE {'pk': ?}`, Parameters: [pk] };
    await expect(callApi(engine, 'ExecuteStatement', insert)).rejects.toMatchObject({ name: 'DuplicateItemException' });
  });

  test.each([
    [`INSERT INTO "Things" VALUE {'pk': ?}`, 'DuplicateItem'],
    [`UPDATE "Things" SET a = 1 SET b = 2 WHERE pk = ? AND a = 9`, 'ConditionalCheckFailed'],
  ])('a transaction that %s cancels says so', async (refused, code) => {
    const TransactStatements = [
      { Statement: `INSERT INTO "Things" VALUE {'pk': 'another'}` },
      { Statement: refused, Parameters: [pk] },
    ];
    const reply = await engine.send(
      { 'x-amz-target': 'DynamoDB_20120810.ExecuteTransaction', 'content-type': 'application/x-amz-json-1.0' },
      Buffer.from(JSON.stringify({ TransactStatements })),
    );
    const { CancellationReasons } = JSON.parse(reply.body.toString()) as { CancellationReasons: { Code: string }[] };
    expect(CancellationReasons.map(({ Code }) => Code)).toEqual(['None', code]);
    expect(await callApi(engine, 'GetItem', { TableName: 'Things', Key: { pk: { S: 'another' } } })).toEqual({});
  });

  test('what is no statement is told by the engine', async () => {
    await expect(callApi(engine, 'ExecuteStatement', { Statement: `UPDATE 'unclosed` })).rejects.toThrow(ApiError);
  });
});
