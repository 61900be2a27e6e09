import '../support/flow-environment';
import dns from 'node:dns';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { HOME_REGION_WAIT } from '../../lambda/shared/home-region';
import { type Flow, FLOWS } from '../../lib/flows';
import { capturedOutput } from '../support/captured-output';
import { startTables } from '../support/engine-tables';
import { FLOW_CASES, type FlowCall, type FlowName } from '../support/flow-cases';
import { linesOf } from '../support/log-lines';

const HOME = 'us-east-1';
const HERE = 'eu-west-1';

/** How the home region answers a call: as always, not at all, not at all once it has done it, or with an error of its own. */
type Mood = 'well' | 'hangs' | 'dies-after-commit' | 'fails' | 'throttles';

/** Each function as it is deployed in another region, with the real SDK and real connections to an endpoint of both regions. */
describe('the API of another region, when the home region is away', () => {
  const DEPLOYED = { ...HOME_REGION_WAIT };
  /** The same wait in less time, where it has to end. */
  const waitFor = (wait: Partial<typeof DEPLOYED>) => Object.assign(HOME_REGION_WAIT, wait);
  /** More than any wait here takes, and less than the SDK's own retries of one call. */
  const SOON_MS = 8_000;
  let tables: Awaited<ReturnType<typeof startTables>>;
  let mood: Mood | ((call: number) => Mood) = 'well';
  let calls = 0;
  const printed = capturedOutput();

  const server = createServer((request, response) => void answer(request, response));
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A write on a connection that was kept, and that the other side has closed, may have been read.
    response.setHeader('connection', 'close');
    const body = await buffer(request);
    const [, region] = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '') ?? [];
    const now = region === HOME ? (typeof mood === 'string' ? mood : mood(++calls)) : 'well';
    if (now === 'hangs') return;
    const fails = (status: number, type: string) => response.writeHead(status).end(JSON.stringify({ __type: `x#${type}`, message: 'x' }));
    if (now === 'fails') return void fails(500, 'InternalServerError');
    if (now === 'throttles') return void fails(400, 'ThrottlingException');
    const reply = await tables.engine.send(request.headers as Record<string, string>, body);
    if (now === 'dies-after-commit') return void request.socket.destroy();
    const { 'content-length': _, connection: __, ...kept } = reply.headers;
    response.writeHead(reply.status, kept).end(reply.body);
  }
  const listen = (port = 0) => new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  const close = () =>
    new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    });
  let port = 0;

  beforeAll(async () => {
    tables = await startTables();
    await listen();
    ({ port } = server.address() as AddressInfo);
    Object.assign(process.env, {
      AWS_REGION: HERE,
      HOME_REGION: HOME,
      AWS_ENDPOINT_URL_DYNAMODB: `http://dynamodb.example:${port}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    });
  });
  afterAll(async () => {
    await close();
    await tables.stop();
  });
  const lookUp = (isKnown: boolean) =>
    jest.spyOn(dns, 'lookup').mockImplementation(((_: string, options: { all?: boolean }, done: (...args: unknown[]) => void) => {
      if (isKnown) done(null, options.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4);
    }) as never);
  beforeEach(async () => {
    if (!server.listening) await listen(port);
    mood = 'well';
    calls = 0;
    waitFor(DEPLOYED);
    lookUp(true);
    jest.spyOn(Math, 'random').mockReturnValue(0.1);
  });

  async function invoke({ flow, path, query, body, headers = {}, sub = 'ann' }: FlowCall) {
    const { entry, route, who } = (FLOWS as readonly Flow[]).find(({ name }) => name === flow) as Flow;
    const { handler } = require(`../../lambda/${entry}`) as {
      handler: (event: object, context: object) => Promise<APIGatewayProxyStructuredResultV2>;
    };
    const { email } = (body ?? {}) as { email?: string };
    const claims = { sub, 'cognito:groups': who === 'admin' ? '[admin]' : '', ...(email && { email, email_verified: 'true' }) };
    const event = {
      routeKey: route,
      headers,
      ...(path && { pathParameters: path }),
      ...(query && { queryStringParameters: query }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
      requestContext: { requestId: 'r', authorizer: { jwt: { claims } } },
    };
    const began = performance.now();
    const answer = await handler(event, { getRemainingTimeInMillis: () => 20_000 });
    return {
      status: answer.statusCode,
      type: (JSON.parse(answer.body ?? 'null') as { type?: string } | null)?.type,
      retryAfter: answer.headers?.['retry-after'],
      ms: performance.now() - began,
    };
  }
  const away = { status: 503, type: 'home-region-unavailable', retryAfter: '1' };
  const unknown = { status: 503, type: 'outcome-unknown', retryAfter: '1' };
  const register = (sub: string): FlowCall => ({ flow: 'create-user', sub, body: { email: `${sub}@example.com`, name: 'A' } });
  const oneOf = (flow: FlowName): FlowCall => {
    const [{ request }] = FLOW_CASES[flow] as [(typeof FLOW_CASES)[FlowName][number]];
    return { flow, ...(typeof request === 'function' ? request({ orderId: '01KAZZZZZZZZZZZZZZZZZZZZZZ', sessionId: 'none', signedUpAt: '2026-11' }) : request) };
  };
  const isAtHome = ({ access, replica = {} }: Flow) => Object.keys(access).length > 0 || Object.keys(replica).length === 0;
  const [atHome, here] = [true, false].map((is) => (FLOWS as readonly Flow[]).filter((flow) => isAtHome(flow) === is).map(({ name }) => name as FlowName));

  test('a request waits 5 s for it at most, and 2 s for a connection', () => {
    expect(DEPLOYED).toEqual({ totalMs: 5_000, connectMs: 2_000 });
  });

  // First of all: the SDK repeats no call of a client that has met many failures.
  test('one answer that is lost is asked for again', async () => {
    await invoke(register('lost'));
    mood = (call) => (call === 1 ? 'dies-after-commit' : 'well');
    expect(await invoke({ flow: 'get-user', path: { userId: 'lost' }, sub: 'lost' })).toMatchObject({ status: 200 });
  });

  test.each(here!)('%s works, whatever the home region does', async (flow) => {
    mood = 'hangs';
    waitFor({ totalMs: 800 });
    expect((await invoke(oneOf(flow))).status).toBeLessThan(500);
  });

  describe('it refuses connections', () => {
    beforeEach(async () => {
      await close();
      waitFor({ connectMs: 100 });
    });

    // An import names the products that it did not write; a product is read in both regions, which have one endpoint here.
    test.each(atHome!.filter((flow) => flow !== 'import-products' && flow !== 'get-product'))('%s: nothing was sent, so the region is away', async (flow) => {
      const answer = await invoke(oneOf(flow));
      expect([flow, answer]).toMatchObject([flow, away]);
      expect(answer.ms).toBeLessThan(SOON_MS);
    });
  });

  test('it takes no connection: nothing was sent, and the first try is the last', async () => {
    lookUp(false);
    const answer = await invoke(register('nowhere'));
    expect(answer).toMatchObject(away);
    expect(answer.ms).toBeGreaterThan(DEPLOYED.connectMs - 50);
    expect(answer.ms).toBeLessThan(2 * DEPLOYED.connectMs);
  });

  test.each<[FlowCall, object]>([
    [oneOf('get-user'), away],
    [oneOf('get-product'), away],
    // They read first, so they have written nothing.
    [oneOf('place-order'), away],
    [oneOf('set-price'), away],
    [register('hanging'), unknown],
    [oneOf('insert-product'), unknown],
  ])('it takes the call and does not answer: %j', async (call, expected) => {
    mood = 'hangs';
    waitFor({ totalMs: 800 });
    const answer = await invoke(call);
    expect(answer).toMatchObject(expected);
    expect(answer.ms).toBeGreaterThan(750);
    expect(answer.ms).toBeLessThan(SOON_MS);
  });

  test('all calls of a request have one limit together', async () => {
    await invoke(oneOf('create-product'));
    await invoke(register('ann'));
    // What it read first was answered, the transaction is not.
    mood = (call) => (call <= 2 ? 'well' : 'hangs');
    waitFor({ totalMs: 2_000 });
    const answer = await invoke(oneOf('place-order'));
    expect(answer).toMatchObject(unknown);
    expect(answer.ms).toBeLessThan(SOON_MS);
  });

  test('it dies after it has done a write: the outcome is unknown, and the write is done once', async () => {
    mood = 'dies-after-commit';
    waitFor({ totalMs: 800 });
    const answer = await invoke(register('dying'));
    expect(answer).toMatchObject(unknown);
    expect(answer.ms).toBeLessThan(SOON_MS);
    mood = 'well';
    waitFor(DEPLOYED);
    expect(await invoke(register('dying'))).toMatchObject({ status: 409, type: 'user-exists' });
  });

  test.each([
    ['fails', 'unavailable'],
    ['throttles', 'throttled'],
  ] as const)('an answer is no absence: it %s', async (now, type) => {
    mood = now;
    expect(await invoke(oneOf('get-user'))).toMatchObject({ status: 503, type });
  });

  test('the line of the request says so', async () => {
    await close();
    waitFor({ connectMs: 100 });
    await invoke(oneOf('get-user'));
    expect(linesOf(printed())).toMatchObject([{ level: 'WARN', status: 503, problem: 'home-region-unavailable', kind: 'unknown-outcome', ServerErrors: 1 }]);
  });
});
