import { request } from 'node:http';
import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand, ScanCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { aProduct, startStore, type TestStore } from '../support/store';

describe('what exists on this machine only', () => {
  let store: TestStore;
  let outside: DynamoDBClient;

  beforeAll(async () => {
    store = await startStore('per-domain');
    outside = new DynamoDBClient({
      endpoint: store.dynamodb,
      region: 'eu-north-1',
      credentials: { accessKeyId: 'any_thing-1', secretAccessKey: 'x' },
    });
  });
  afterAll(async () => {
    outside.destroy();
    await store.stop();
  });

  test('health names the DynamoDB endpoint', async () => {
    const { status, body } = await store.anonymous.get('/_local/health');
    expect([status, body]).toEqual([200, expect.objectContaining({ status: 'ok', engine: 'dynoxide', dynamodb: store.dynamodb })]);
  });

  test('the keys of the tokens are published', async () => {
    const { body } = await store.anonymous.get('/_local/.well-known/jwks.json');
    expect(body.keys).toEqual([expect.objectContaining({ kty: 'RSA', alg: 'RS256', n: expect.any(String) })]);
    expect(JSON.stringify(body)).not.toContain('"d"');
  });

  test.each([
    ['POST', '/_local/tokens', '{}', 400],
    ['POST', '/_local/tokens', '{"sub":""}', 400],
    ['POST', '/_local/tokens', '{"sub":"a","groups":"admin"}', 400],
    ['POST', '/_local/tokens', '{"sub":"a","groups":["a b"]}', 400],
    ['POST', '/_local/tokens', 'x', 400],
    ['POST', '/_local/clock', '{"advanceSeconds":-1}', 400],
    ['POST', '/_local/clock', '{"advanceSeconds":0.5}', 400],
    ['POST', '/_local/nothing', '{}', 404],
    ['DELETE', '/_local/health', undefined, 404],
  ])('%s %s %s is %d', async (method, path, rawBody, status) => {
    const answer = await store.anonymous.send(method, path, rawBody === undefined ? {} : { rawBody });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    expect(answer.body.detail).toEqual(expect.stringMatching(/./));
  });

  test('a page of another site has no access', async () => {
    for (const headers of [{ origin: 'https://evil.example' }, { host: 'evil.example' }, { origin: 'null' }]) {
      const status = await new Promise((done) => {
        const outgoing = request(`${store.url}/_local/tokens`, { method: 'POST', headers }, (answer) => done(answer.resume().statusCode));
        outgoing.end('{"sub":"a"}');
      });
      expect([headers, status]).toEqual([headers, 403]);
    }
    for (const headers of [{ origin: 'https://evil.example' }, { host: 'evil.example' }]) {
      const status = await new Promise((done) => {
        request(store.dynamodb, { method: 'POST', headers }, (answer) => done(answer.resume().statusCode)).end('{}');
      });
      expect([headers, status]).toEqual([headers, 400]);
    }
    const own = await store.anonymous.send('POST', '/_local/tokens', { rawBody: '{"sub":"a"}', headers: { origin: 'http://localhost:3000' } });
    expect(own.status).toBe(200);
  });

  test('the trace tells flow, operation, table, index, units and outcome of the calls of a request', async () => {
    await store.admin.post('/products', aProduct({ productId: 'tea', stock: 0 }));
    const ann = await store.user('ann');
    const refused = await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 1 }] }, { 'idempotency-key': '1' });
    const listed = await store.anonymous.get('/products?category=Beverages');
    const trace = async (answer: { headers: Headers }) =>
      (await store.anonymous.get(`/_local/trace?request=${answer.headers.get('apigw-requestid')}`)).body.items;

    expect(await trace(listed)).toEqual([
      {
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        function: 'list-products',
        operation: 'Query',
        table: 'store-dev-Products',
        index: 'gsi1',
        units: 0.5,
        ms: expect.any(Number),
        requestId: listed.headers.get('apigw-requestid'),
        outcome: 'ok',
      },
    ]);
    const calls = (await trace(refused)) as { operation: string; table: string; outcome: string }[];
    expect(calls.map(({ operation, table, outcome }) => [operation, table, outcome])).toEqual([
      ['TransactWriteItems', 'store-dev-Products, store-dev-Orders', 'TransactionCanceledException'],
      ['BatchGetItem', 'store-dev-Products', 'ok'],
      ['GetItem', 'store-dev-Orders', 'ok'],
    ]);
  });

  test('a client from outside works on the same tables, in any region, and sees no capacity that it did not ask for', async () => {
    await outside.send(
      new PutItemCommand({ TableName: 'store-dev-Users', Item: { pk: { S: 'outside' }, sk: { S: '1' }, n: { N: '12345678901234567890.5' } } }),
    );
    const query = { TableName: 'store-dev-Users', KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: 'outside' } } };
    const plain = await outside.send(new QueryCommand(query));
    expect(plain.Items?.[0]?.n).toEqual({ N: '12345678901234567890.5' });
    expect(plain.ConsumedCapacity).toBeUndefined();
    const asked = await outside.send(new QueryCommand({ ...query, ReturnConsumedCapacity: 'INDEXES' }));
    expect(asked.ConsumedCapacity).toMatchObject({ CapacityUnits: 0.5, Table: { CapacityUnits: 0.5 } });
    await expect(outside.send(new QueryCommand({ ...query, TableName: 'none-such' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    const { items } = (await store.anonymous.get('/_local/trace')).body;
    expect(items[0]).toMatchObject({ function: null, operation: 'Query', table: 'none-such', outcome: 'ResourceNotFoundException' });
  });

  test('what is not DynamoDB gets an error as DynamoDB answers it', async () => {
    const post = async (headers: Record<string, string>, body: string) => {
      const response = await fetch(store.dynamodb, { method: 'POST', headers, body });
      return [response.status, ((await response.json()) as { __type: string }).__type.replace(/.*#/, '')];
    };
    const target = { 'x-amz-target': 'DynamoDB_20120810.ListTables' };
    const signed = { ...target, authorization: 'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/dynamodb/aws4_request, Signature=0' };
    expect(await post({}, '{}')).toEqual([400, 'UnknownOperationException']);
    expect(await post(target, '{}')).toEqual([400, 'MissingAuthenticationTokenException']);
    expect(await post(signed, '{')).toEqual([400, 'SerializationException']);
    expect(await post(signed, '[]')).toEqual([400, 'SerializationException']);
  });

  test('the clock ends the ten minutes in which DynamoDB remembers a ClientRequestToken', async () => {
    const Key = { pk: { S: 'counter' }, sk: { S: 'token' } };
    const count = async () => {
      await outside.send(
        new TransactWriteItemsCommand({
          ClientRequestToken: 'one token',
          TransactItems: [
            {
              Update: {
                TableName: 'store-dev-Users',
                Key,
                UpdateExpression: 'ADD n :one',
                ExpressionAttributeValues: { ':one': { N: '1' } },
              },
            },
          ],
        }),
      );
      return (await outside.send(new GetItemCommand({ TableName: 'store-dev-Users', Key, ConsistentRead: true }))).Item?.n?.N;
    };
    expect([await count(), await count()]).toEqual(['1', '1']);
    await store.anonymous.post('/_local/clock', { advanceSeconds: 601 });
    expect([await count(), await count()]).toEqual(['2', '2']);
  });

  test('the clock moves what functions see, and the sweeper deletes what has expired, but only that', async () => {
    const item = (pk: string, expiresAt: object) => ({ TableName: 'store-dev-Users', Item: { pk: { S: pk }, sk: { S: 'ttl' }, expiresAt } });
    const now = Math.floor(Date.now() / 1_000);
    const items: [string, object][] = [
      ['soon', { N: String(now + 3_600) }],
      ['later', { N: String(now + 3_600 * 5) }],
      ['text', { S: String(now + 3_600) }],
      ['old', { N: String(now - 6 * 365 * 86_400) }],
    ];
    for (const [pk, expiresAt] of items) await outside.send(new PutItemCommand(item(pk, expiresAt) as never));
    const left = async () =>
      (await outside.send(new ScanCommand({ TableName: 'store-dev-Users' }))).Items?.filter(({ sk }) => sk?.S === 'ttl').map(({ pk }) => pk?.S).sort();
    expect(await left()).toEqual(['later', 'old', 'soon', 'text']);

    const { body } = await store.anonymous.post('/_local/clock', { advanceSeconds: 3_700 });

    expect(body).toMatchObject({ aheadSeconds: 4_301 });
    expect(await left()).toEqual(['later', 'old', 'text']);
    const created = await store.admin.post('/products', aProduct({ productId: 'later' }));
    expect(Date.parse(created.body.createdAt)).toBeGreaterThan(Date.now() + 3_600_000);
  });
});
