import { request } from 'node:http';
import { DynamoDBClient, ExecuteStatementCommand, GetItemCommand, ListTablesCommand, PutItemCommand, QueryCommand, ScanCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { aProduct, startStore, type TestStore } from '../support/store';

describe('what exists on this machine only', () => {
  let store: TestStore;
  let outside: DynamoDBClient;

  beforeAll(async () => {
    store = await startStore('per-domain');
    outside = new DynamoDBClient({
      endpoint: store.dynamodb,
      region: 'localhost',
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
    ['POST', '/_local/tokens', '{"sub":"a","groups":[["admin"]]}', 400],
    ['POST', '/_local/tokens', '{"sub":"a","email":""}', 400],
    ['POST', '/_local/tokens', '{"sub":"a","email":null}', 400],
    ['POST', '/_local/tokens', '{"sub":"a","email":"a@example.com","emailVerified":"true"}', 400],
    ['POST', '/_local/tokens', 'x', 400],
    ['POST', '/_local/credentials', '{}', 400],
    ['POST', '/_local/credentials', '{"token":""}', 400],
    ['POST', '/_local/credentials', '{"token":7}', 400],
    ['POST', '/_local/credentials', '{"token":"a","sub":"a"}', 400],
    ['POST', '/_local/credentials', 'x', 400],
    ['POST', '/_local/credentials', '{"token":"a.b.c"}', 401],
    ['POST', '/_local/clock', '{"advanceSeconds":-1}', 400],
    ['POST', '/_local/clock', '{"advanceSeconds":0.5}', 400],
    ['POST', '/_local/clock', '{"reset":false}', 400],
    ['POST', '/_local/clock', '{"reset":true,"advanceSeconds":1}', 400],
    ['DELETE', '/_local/faults/none', '{}', 404],
    ['POST', '/_local/nothing', '{}', 404],
    ['DELETE', '/_local/health', undefined, 404],
  ])('%s %s %s is %d', async (method, path, rawBody, status) => {
    const answer = await store.anonymous.send(method, path, rawBody === undefined ? {} : { rawBody });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    expect(answer.body.detail).toEqual(expect.stringMatching(/./));
  });

  test.each<[object | string, unknown]>([
    ['x', 'the body is not JSON'],
    [{}, 'kind: must be one of throttle, internal-error, conflict, unprocessed, timeout-after-commit, refused, gsi-lag, duplicate-batch, kill-consumer'],
    [{ kind: 'slow' }, 'kind: must be one of throttle, internal-error, conflict, unprocessed, timeout-after-commit, refused, gsi-lag, duplicate-batch, kill-consumer'],
    [{ kind: 'throttle', function: 'nobody' }, expect.stringMatching(/^function: must be one of create-user, .*place-order/)],
    [{ kind: 'throttle', operation: 'CreateTable' }, expect.stringMatching(/^operation: must be one of BatchExecuteStatement, .*UpdateItem$/)],
    [{ kind: 'unprocessed', operation: 'PutItem' }, 'operation: must be one of BatchWriteItem, BatchGetItem'],
    [{ kind: 'gsi-lag', operation: 'GetItem' }, 'operation: must be one of Query, Scan, ExecuteStatement'],
    [{ kind: 'conflict', operation: 'GetItem' }, expect.stringMatching(/^operation: must be one of PutItem, .*ExecuteTransaction$/)],
    [{ kind: 'throttle', rate: 1.1 }, 'rate: must be a number from 0 to 1'],
    [{ kind: 'throttle', rate: -1 }, 'rate: must be a number from 0 to 1'],
    [{ kind: 'throttle', rate: '1' }, 'rate: must be a number from 0 to 1'],
    [{ kind: 'throttle', count: 0 }, 'count: must be a whole number from 1'],
    [{ kind: 'throttle', count: 1.5 }, 'count: must be a whole number from 1'],
    [{ kind: 'throttle', after: -1 }, 'after: must be a whole number from 0'],
    [{ kind: 'throttle', reason: 'TableReadTooMuch' }, expect.stringMatching(/^reason: must be Table or Index, then Read or Write, then one of Prov/)],
    [{ kind: 'throttle', reasons: [] }, 'unknown: reasons; allowed: kind, function, operation, rate, count, after, service, reason'],
    [{ kind: 'conflict', reason: 'ValidationError' }, 'reason: must be one of TransactionConflict, ItemCollectionSizeLimitExceeded'],
    [{ kind: 'conflict', reasons: ['Anything'] }, expect.stringMatching(/^reasons\.0: must be one of TransactionConflict, .*DuplicateItem$/)],
    [{ kind: 'conflict', reasons: [null] }, 'reasons: must name a reason'],
    [{ kind: 'conflict', operation: 'PutItem', reasons: ['DuplicateItem'] }, 'reasons: are those of a transaction; PutItem is none'],
    [{ kind: 'kill-consumer', operation: 'PutItem' }, 'unknown: operation; allowed: kind, function, rate, count, after'],
    [{ kind: 'gsi-lag', seconds: -1 }, 'seconds: must be a number from 0 to 3600'],
    [{ kind: 'internal-error', seconds: 1, what: 2 }, 'unknown: seconds, what; allowed: kind, function, operation, rate, count, after, service'],
    [{ kind: 'refused' }, 'service: must be one of ses, events, s3, sqs; code: must be the code of an error, as AccessDeniedException'],
    [{ kind: 'refused', service: 'sns', code: 'X' }, 'service: must be one of ses, events, s3, sqs'],
    [{ kind: 'refused', service: 'ses', code: 'two words' }, 'code: must be the code of an error, as AccessDeniedException'],
    [{ kind: 'refused', service: 'ses', code: 'X', message: 1 }, 'message: must be text'],
    [{ kind: 'throttle', service: 's3', operation: 'PutItem' }, 'operation: must be one of PutObject, GetObject, HeadObject, DeleteObject, HeadBucket, ListBuckets, ListObjectsV2'],
    [{ kind: 'internal-error', operation: 'SendEmail' }, expect.stringMatching(/^operation: must be one of BatchExecuteStatement, .*UpdateItem$/)],
    [{ kind: 'throttle', service: 'ses', reason: 'TableReadAccountLimitExceeded' }, "reason: is one of DynamoDB's; ses gives none"],
    [{ kind: 'conflict', service: 'events' }, 'unknown: service; allowed: kind, function, operation, rate, count, after, reason, reasons'],
  ])('the fault %j is refused', async (fault, detail) => {
    const answer = await store.anonymous.send('POST', '/_local/faults', typeof fault === 'string' ? { rawBody: fault } : { body: fault });
    expect([answer.status, answer.body.type]).toEqual([400, 'invalid-input']);
    expect(answer.body.detail).toEqual(detail);
    expect((await store.anonymous.get('/_local/faults')).body).toEqual({ items: [] });
  });

  test.each([
    ['/_local/credentials', '{"token":"a.b.c","sub":"ann"}', 'unknown: sub'],
    ['/_local/tokens', '{"sub":"ann","group":"admin"}', 'unknown: group'],
    ['/_local/credentials', '[]', 'must be of type object'],
    ['/_local/clock', '[]', expect.stringMatching(/^must be \{"reset": true\}, or \{"advanceSeconds": N\}: N must be a whole number from 0 to \d+$/)],
  ])('what POST %s does not take in %s is named', async (path, rawBody, detail) => {
    const { status, body } = await store.anonymous.send('POST', path, { rawBody });
    expect([status, body.type, body.detail]).toEqual([400, 'invalid-input', detail]);
  });

  test('a token is for groups with names that Cognito allows, and for no other', async () => {
    const ask = (groups: string[]) => store.anonymous.post('/_local/tokens', { sub: 'ann', groups });
    for (const name of ['admin', 'a,b', '[admin]', '日本', 'é', 'e\u0301', '✓', '"', '🙂', 'x'.repeat(128)]) expect([name, (await ask(['staff', name])).status]).toEqual([name, 200]);
    for (const name of ['', ' ', 'x admin', ' admin', 'admin ', 'a\tb', 'a\nb', '\u00a0admin', 'a\u3000b', 'a\u200bb', 'a\0b', '\ud800', 'x'.repeat(129)]) {
      const { status, body } = await ask(['staff', name]);
      expect([name, status, body.detail]).toEqual([name, 400, expect.stringMatching(/^groups\.1: must be 1 to 128 letters, marks, symbols, digits and punctuation, as Cognito names groups/)]);
    }
  });

  test('faults hit the calls of functions, and nobody else\'s, until they are removed', async () => {
    const get = () => outside.send(new GetItemCommand({ TableName: 'store-dev-Products', Key: { pk: { S: 'a' }, sk: { S: 'b' } } }));
    const posted = await store.anonymous.post('/_local/faults', { kind: 'internal-error' });
    expect([posted.status, posted.body]).toEqual([200, { id: expect.any(String), kind: 'internal-error', injected: 0 }]);
    await store.anonymous.post('/_local/faults', { kind: 'throttle', function: 'place-order' });
    await get();
    expect((await store.anonymous.get('/products/none')).status).toBe(503);
    const { items } = (await store.anonymous.get('/_local/faults')).body;
    expect(items).toEqual([
      { id: posted.body.id, kind: 'internal-error', injected: expect.any(Number) },
      { id: expect.any(String), kind: 'throttle', function: 'place-order', injected: 0 },
    ]);
    expect(items[0].injected).toBeGreaterThan(0);
    expect(items[1].id).not.toBe(items[0].id);
    expect((await store.anonymous.delete('/_local/faults')).body).toEqual({ removed: 2 });
    expect((await store.anonymous.get('/products/none')).status).toBe(404);
    expect((await store.anonymous.get('/_local/faults')).body).toEqual({ items: [] });
  });

  test('the permissions of the functions are told, and how often they were used', async () => {
    await store.anonymous.get('/products?category=Anything');
    const { items, denied } = await store.permissions();
    const resource = 'arn:aws:dynamodb:us-east-1:000000000000:table/store-dev-Products/index/gsi1';
    const used = items.find((item) => item.function === 'list-products');
    expect(used).toEqual({ function: 'list-products', action: 'dynamodb:Query', resource, used: expect.any(Number) });
    expect(used?.used).toBeGreaterThan(0);
    expect(denied).toEqual([]);
  });

  test('credentials are for who has a token of this store, as it was issued', async () => {
    const { token } = (await store.anonymous.post('/_local/tokens', { sub: 'ann' })).body as { token: string };
    const ask = (given: string) => store.anonymous.post('/_local/credentials', { token: given });
    expect((await ask(token)).body).toMatchObject({ accessKeyId: expect.any(String), expiresAt: expect.any(Number) });
    const [header, , signature] = token.split('.');
    const claims = { ...(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as object), sub: 'ben' };
    const forged = [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
    const refused = await ask(forged);
    expect([refused.status, refused.body]).toEqual([
      401,
      { type: 'unauthorized', title: 'unauthorized', status: 401, detail: 'The token is not valid, or has expired. POST /_local/tokens issues one.' },
    ]);
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
    expect(refused.status).toBe(409);
    const listed = await store.anonymous.get('/products?category=Beverages');
    const trace = async (answer: { headers: Headers }) =>
      (await store.anonymous.get(`/_local/trace?request=${answer.headers.get('apigw-requestid')}`)).body.items;

    expect(await trace(listed)).toEqual([
      {
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        function: 'list-products',
        operation: 'Query',
        region: 'us-east-1',
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

  test('a client from outside works on the same tables, by a region that is none, and sees no capacity that it did not ask for', async () => {
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
    const Statement = `SELECT * FROM "store-dev-Users"."gsi1" WHERE gsi1pk = 'none'`;
    await outside.send(new ExecuteStatementCommand({ Statement }));
    const { items } = (await store.anonymous.get('/_local/trace')).body;
    expect(items[0]).toMatchObject({ function: null, operation: 'ExecuteStatement', table: 'store-dev-Users', index: 'gsi1', outcome: 'ok' });
    expect(items[1]).toMatchObject({ function: null, operation: 'Query', table: 'none-such', outcome: 'ResourceNotFoundException' });
  });

  test('a region that the assembly does not have is empty', async () => {
    const elsewhere = new DynamoDBClient({ endpoint: store.dynamodb, region: 'eu-central-1', credentials: { accessKeyId: 'outside', secretAccessKey: 'x' } });
    expect((await elsewhere.send(new ListTablesCommand({}))).TableNames).toEqual([]);
    await expect(elsewhere.send(new ScanCommand({ TableName: 'store-dev-Users' }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    elsewhere.destroy();
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
    // The SDK would take a difference of time for a wrong clock, and send what is refused again.
    const refused = await store.admin.post('/products', aProduct({ productId: 'later' }));
    expect(refused.status).toBe(409);
    const trace = await store.anonymous.get(`/_local/trace?request=${refused.headers.get('apigw-requestid')}`);
    expect(trace.body.items).toHaveLength(1);
    expect(Date.parse(created.body.createdAt)).toBeGreaterThan(Date.now() + 3_600_000);
  });
});
