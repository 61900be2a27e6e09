import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, generateKeyPair, SignJWT } from 'jose';
import { HttpApi, type RequestLogEntry } from '../../local/api/http-api';

/** Payload format 2.0 both ways, with a function that answers what the test says. */
describe('the HTTP API', () => {
  let server: Server;
  let url: string;
  let answer: string;
  let event: Record<string, unknown>;
  let log: RequestLogEntry[];

  let privateKey: CryptoKey;
  beforeAll(async () => {
    const pair = await generateKeyPair('RS256');
    const { publicKey } = pair;
    privateKey = pair.privateKey;
    const pool = {
      fn: { name: 'tested' } as never,
      invoke: (invocation: { event: string }) => {
        event = JSON.parse(invocation.event) as typeof event;
        return Promise.resolve({ payload: answer });
      },
    };
    const api = new HttpApi({
      apiId: 'api',
      routes: [
        { routeKey: 'ANY /things/{id}', target: { pool } },
        { routeKey: 'GET /own', target: { pool, authorizer: { issuer: 'https://issuer.example', audience: ['client'] } } },
      ],
      keys: () => Promise.resolve(publicKey),
      clockOffset: () => 0,
      corsOrigins: ['https://shop.example'],
      onRequest: (entry) => log.push(entry),
    });
    server = createServer((request, response) => void api.handle(request, response));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    answer = '{"statusCode":204}';
    log = [];
  });
  afterAll(() => new Promise((done) => server.close(done)));

  test.each([
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ host: 'evil.example' }, 403],
    [{ host: 'evil.example', origin: 'https://shop.example' }, 403],
    [{ origin: 'https://shop.example' }, 204],
    [{ origin: 'http://localhost:5173' }, 204],
    [{}, 204],
  ])('a request with %j is answered %i: no page of another site gets in, unless corsOrigins has it', async (headers, status) => {
    const before = log.length;
    const { port } = new URL(url);
    const answered = await new Promise((done, fail) => {
      get({ host: '127.0.0.1', port, path: '/things/1', headers }, (response) => done(response.resume().statusCode)).on('error', fail);
    });
    expect(answered).toBe(status);
    expect(log.slice(before).map(({ flow }) => flow === undefined)).toEqual([status === 403]);
  });

  test('the event has what API Gateway makes of a request', async () => {
    await fetch(`${url}/things/caf%C3%A9?a=1&b=x%20y&a=2`, {
      method: 'PUT',
      headers: { 'X-Upper': 'Kept', cookie: 'one=1; two=2', 'content-type': 'application/json' },
      body: '{"é":1}',
    });
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'ANY /things/{id}',
      rawPath: '/things/café',
      rawQueryString: 'a=1&b=x%20y&a=2',
      queryStringParameters: { a: '1,2', b: 'x y' },
      pathParameters: { id: 'café' },
      cookies: ['one=1', 'two=2'],
      headers: { 'x-upper': 'Kept' },
      body: '{"é":1}',
      isBase64Encoded: false,
      requestContext: { http: { method: 'PUT', path: '/things/café' }, stage: '$default', requestId: expect.any(String) },
    });
    expect(event.headers).not.toHaveProperty('cookie');
    expect(event.requestContext).not.toHaveProperty('authorizer');
  });

  test.each([
    ['text/plain', true],
    ['text/csv;charset=latin1', true],
    ['application/json', true],
    ['Application/JSON; charset=utf-8', true],
    ['application/xml', true],
    ['application/javascript', true],
    ['application/problem+json', false],
    ['application/json-patch', false],
    ['application/x-www-form-urlencoded', false],
    ['image/png', false],
    [undefined, false],
  ])('a body of the type %s is text: %s; what is not UTF-8 is lost in text, and kept in base64', async (type, isText) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    await fetch(`${url}/things/1`, { method: 'POST', headers, body: Buffer.from([0x41, 0xff]) });
    expect([event.body, event.isBase64Encoded]).toEqual(isText ? ['A\ufffd', false] : ['Qf8=', true]);
  });

  test('a query parameter may have any name, those of an object too', async () => {
    await fetch(`${url}/things/1?__proto__=a&constructor=b&constructor=c&=d`);
    expect(Object.entries(event.queryStringParameters as object)).toEqual([['__proto__', 'a'], ['constructor', 'b,c'], ['', 'd']]);
  });

  test('claims come as text, as API Gateway hands them on', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const given = {
      iss: 'https://issuer.example',
      aud: 'client',
      exp: now + 60,
      email: 'ann@example.com',
      email_verified: true,
      'cognito:groups': ['staff', 'admin', ']'],
      'cognito:roles': ['admin'],
      none: [],
      nested: [['admin'], []],
      identities: [{ userId: '1', primary: true, issuer: null, dateCreated: 1_586_892_043_214 }],
    };
    const token = await new SignJWT(given).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
    expect((await fetch(`${url}/own`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(204);
    expect((event.requestContext as { authorizer: object }).authorizer).toEqual({
      jwt: {
        claims: {
          iss: 'https://issuer.example',
          aud: 'client',
          exp: String(now + 60),
          email: 'ann@example.com',
          email_verified: 'true',
          'cognito:groups': '[staff admin ]]',
          'cognito:roles': '[admin]',
          none: '[]',
          nested: '[[admin] []]',
          identities: '[map[dateCreated:1586892043214 issuer:<nil> primary:true userId:1]]',
        },
        scopes: null,
      },
    });
  });

  test.each([
    [{ statusCode: 201, headers: { etag: '"1"' }, body: 'é' }, 201, 'é', { etag: '"1"', 'content-type': 'text/plain;charset=utf-8' }],
    [{ statusCode: 200, body: 'AP8=', isBase64Encoded: true, headers: { 'content-type': 'image/png' } }, 200, '\u0000\ufffd', { 'content-type': 'image/png' }],
    [{ statusCode: 200, cookies: ['a=1', 'b=2'] }, 200, '', { 'set-cookie': 'a=1, b=2' }],
    [{ statusCode: 204 }, 204, '', {}],
    [{ any: 'json' }, 200, '{"any":"json"}', { 'content-type': 'application/json' }],
    ['text', 200, 'text', { 'content-type': 'application/json' }],
  ])('%j is answered as API Gateway would', async (result, status, body, headers) => {
    answer = JSON.stringify(result);
    const response = await fetch(`${url}/things/1`);
    expect([response.status, await response.text()]).toEqual([status, body]);
    const received = Object.keys(headers).map((name) => [name, response.headers.get(name)]);
    expect(Object.fromEntries(received)).toEqual(headers);
    expect(response.headers.get('apigw-requestid')).toEqual(expect.any(String));
  });

  test.each([{ statusCode: 200, headers: { bad: 'line\nbreak' } }, { statusCode: 'none' }, { statusCode: 42 }])(
    '%j is no response: 500, and the platform lives on',
    async (result) => {
      answer = JSON.stringify(result);
      const response = await fetch(`${url}/things/1`);
      expect([response.status, await response.json()]).toEqual([500, { message: 'Internal Server Error' }]);
      expect(log).toEqual([expect.objectContaining({ flow: 'tested', failure: expect.stringMatching(/no HTTP response/) })]);
      answer = '{"statusCode":204}';
      expect((await fetch(`${url}/things/1`)).status).toBe(204);
    },
  );

  test('what the function may not take is refused before it', async () => {
    // Under API Gateway's 10 MB, over Lambda's 6 MB.
    const response = await fetch(`${url}/things/1`, { method: 'POST', body: 'x'.repeat(7 * 1024 * 1024) });
    expect([response.status, await response.json()]).toEqual([413, { message: 'Request Entity Too Large' }]);
  });
});
