import '../support/flow-environment';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FLOWS } from '../../lib/flows';
import { DISPATCHERS, SALES_CONSUMER } from '../../lib/triggers';
import { noteCall } from '../../lambda/shared/consumed-capacity';
import { outcomeUnknown, Problem } from '../../lambda/shared/errors';
import { type Answer, flow } from '../../lambda/shared/http';
import { logger } from '../../lambda/shared/logger';
import { redact } from '../../lambda/shared/redact';
import { noteWrite } from '../../lambda/shared/sent-writes';
import { capturedOutput } from '../support/captured-output';
import { faultsOf, linesOf } from '../support/log-lines';
import { PROJECT } from '../support/synthesize-once';

const printed = capturedOutput();

const event = { routeKey: 'GET /x/{id}', headers: {}, requestContext: { requestId: 'r' } };
const context = (ms = 10_000) => ({ getRemainingTimeInMillis: () => ms }) as never;

/** The lines of one request whose flow does as it is told. */
async function linesOfRequest(work: () => Answer | Promise<Answer>, ms?: number) {
  await flow('tested', async () => work())(event as never, context(ms));
  return linesOf(printed());
}

const fails = (error: unknown) => async (): Promise<Answer> => {
  throw error;
};
/** Fails after a write that came to this. */
const writes = (end: 'done' | 'not-done' | 'unanswered', error: unknown) => async (): Promise<Answer> => {
  noteWrite()(end);
  throw error;
};
/** An error as the SDK throws it, and as ElectroDB wraps it. */
const sdkError = (name: string, members: object = {}) =>
  Object.assign(new Error('it says why'), { name, $metadata: { httpStatusCode: 400, requestId: 'failed' }, ...members });
const wrapped = (cause: Error) => Object.assign(new Error('wrapped', { cause }), { isElectroError: true });

describe('a request is one line', () => {
  const frames = expect.stringMatching(/^at /);
  const reasons = [{ reason: 'TableReadKeyRangeThroughputExceeded', resource: 'arn' }];
  test.each([
    ['that is answered', () => ({ status: 200, body: {} }), undefined, { level: 'INFO', status: 200, ServerErrors: 0 }],
    ['without a body', () => ({ status: 204 }), undefined, { level: 'INFO', status: 204 }],
    ['that finds nothing', fails(new Problem('not-found', 'x')), undefined, { level: 'INFO', status: 404, problem: 'not-found', ServerErrors: 0 }],
    ['that a condition refuses', fails(new Problem('precondition-failed', 'x')), undefined, { level: 'INFO', status: 412, problem: 'precondition-failed' }],
    ['that is too large for DynamoDB', fails(sdkError('ItemCollectionSizeLimitExceededException')), undefined, { level: 'INFO', status: 409, problem: 'item-collection-full' }],
    ['that a flow gives up', fails(new Problem('throttled', 'x')), undefined, { level: 'WARN', status: 503, problem: 'throttled', ServerErrors: 1 }],
    ['that comes to its deadline', () => new Promise<Answer>(() => {}), 550, { level: 'WARN', status: 503, problem: 'unavailable' }],
    ['that comes to its deadline with a write under way', () => (noteWrite(), new Promise<Answer>(() => {})), 550, { level: 'WARN', status: 503, problem: 'outcome-unknown' }],
    ['whose answer is too large', () => ({ status: 200, body: 'x'.repeat(7e6) }), undefined, { level: 'ERROR', status: 500, problem: 'answer-too-large' }],
    [
      'that DynamoDB throttles',
      fails(wrapped(sdkError('ThrottlingException', { throttlingReasons: reasons }))),
      undefined,
      { level: 'WARN', status: 503, problem: 'throttled', kind: 'throttled', error: 'ThrottlingException', reason: 'it says why', failedRequestId: 'failed', throttlingReasons: reasons, stack: frames },
    ],
    [
      'that DynamoDB does not answer',
      fails(sdkError('TimeoutError', { $metadata: {} })),
      undefined,
      { level: 'WARN', status: 503, problem: 'unavailable', kind: 'unknown-outcome', error: 'TimeoutError' },
    ],
    [
      'that DynamoDB throttles after it has written',
      writes('done', sdkError('ThrottlingException')),
      undefined,
      { level: 'WARN', status: 503, problem: 'outcome-unknown', kind: 'throttled', error: 'ThrottlingException' },
    ],
    ['that DynamoDB throttles after a write without an answer', writes('unanswered', sdkError('ThrottlingException')), undefined, { level: 'WARN', problem: 'outcome-unknown' }],
    ['that DynamoDB throttles after a write that it refused', writes('not-done', sdkError('ThrottlingException')), undefined, { level: 'WARN', problem: 'throttled' }],
    [
      'with a defect after it has written, which is no 500 to be sent again',
      writes('done', new RangeError('out of it')),
      undefined,
      { level: 'ERROR', status: 503, problem: 'outcome-unknown', kind: 'other', error: 'RangeError' },
    ],
    [
      'that knows the failure behind its problem',
      fails(outcomeUnknown(sdkError('AccessDeniedException'))),
      undefined,
      { level: 'ERROR', status: 503, problem: 'outcome-unknown', kind: 'other', error: 'AccessDeniedException', failedRequestId: 'failed' },
    ],
    [
      'that DynamoDB denies',
      fails(wrapped(sdkError('AccessDeniedException'))),
      undefined,
      { level: 'ERROR', status: 500, problem: 'internal-error', kind: 'other', error: 'AccessDeniedException', reason: 'it says why', failedRequestId: 'failed', ServerErrors: 1 },
    ],
    [
      'with a defect',
      fails(new RangeError('out of it')),
      undefined,
      { level: 'ERROR', status: 500, problem: 'internal-error', kind: 'other', error: 'RangeError', reason: 'out of it', stack: frames },
    ],
    ['with a defect before anything is awaited', () => { throw new TypeError('at once'); }, undefined, { level: 'ERROR', status: 500, error: 'TypeError' }],
    ['that throws what is no error', fails('text'), undefined, { level: 'ERROR', status: 500, error: 'unknown', reason: 'text' }],
  ])('%s', async (_, work, ms, expected) => {
    const [line, ...others] = await linesOfRequest(work, ms);
    expect(others).toEqual([]);
    expect(line).toMatchObject({ message: 'request', route: 'GET /x/{id}', flow: 'tested', requestId: 'r', ...expected });
    expect(faultsOf(line!, 'request')).toEqual([]);
  });

  test('a line has what its calls consumed, and the metrics of it', async () => {
    const [line] = await linesOfRequest(async () => {
      noteCall({ kind: 'read', units: 0.5, requestId: 'r1' });
      noteCall({ kind: 'write', units: 3, requestId: 'r2' });
      return { status: 200 };
    });
    expect(line).toMatchObject({ readUnits: 0.5, writeUnits: 3, consumedUnits: 3.5, dynamodbRequestIds: ['r1', 'r2'], ReadUnits: 0.5, WriteUnits: 3 });
    expect(line!.Latency).toBe(line!.latencyMs);
  });

  test('a line has nothing of the line before', async () => {
    const tested = flow('tested', async () => {
      noteCall({ kind: 'read', units: 1, requestId: 'r1' });
      return { status: 200 };
    });
    await Promise.all([tested(event as never, context()), tested(event as never, context())]);
    await tested(event as never, context());
    const lines = linesOf(printed());
    expect(lines.map(({ ReadUnits, readUnits, dynamodbRequestIds }) => [ReadUnits, readUnits, dynamodbRequestIds])).toEqual(lines.map(() => [1, 1, ['r1']]));
    expect(lines).toHaveLength(3);
  });

  test('a line has neither what a problem tells the caller, nor the path, nor a long reason', async () => {
    const details = { ...event, pathParameters: { id: 'marker' }, rawPath: '/x/marker', body: '"marker"' };
    await flow('tested', (request) => Promise.reject(new Problem('not-found', `There is no ${request.path('id')}.`)))(details as never, context());
    await flow('tested', () => Promise.reject(new SyntaxError('"marker" is not valid JSON')))(details as never, context());
    await flow('tested', () => Promise.reject(new Error('x'.repeat(100_000))))(event as never, context());
    expect(printed().join('')).not.toContain('marker');
    expect((linesOf(printed())[2]!.reason as string).length).toBe(1_000);
  });
});

describe('e-mails and tokens are taken out', () => {
  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl_-x';
  test.each([
    ['ann@example.com', '[e-mail]'],
    ['to Ann <ann.b+c@mail.example.com>, and "b@x"', 'to Ann <[e-mail]>, and "[e-mail]"'],
    ['?email=ann%40example.com&x', '[e-mail]'],
    ["o'brien@example.com, x{y}@example.com; first=last@example.com a/b@example.com", '[e-mail], [e-mail]; [e-mail] [e-mail]'],
    ['čeněk@příklad.cz is not verified', '[e-mail] is not verified'],
    [`$store#email_ann@example.com`, '[e-mail]'],
    [`Bearer ${jwt}`, 'Bearer [token]'],
    [jwt.slice(0, 12), '[token]'],
    [`${jwt}, ${jwt}`, '[token], [token]'],
    ['at file:///var/task/chunks/ABC.mjs:1:2', 'at file:///var/task/chunks/ABC.mjs:1:2'],
    ['arn:aws:dynamodb:us-east-1:000000000000:table/Store', 'arn:aws:dynamodb:us-east-1:000000000000:table/Store'],
    ['node_modules/@aws-sdk/client', 'node_modules/@aws-sdk/client'],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  test('e-mails and tokens are taken out at any depth of a line, and of its message', () => {
    logger.error('of ann@example.com', { deep: [{ list: ['x ann@example.com'] }], failure: new Error(jwt, { cause: new Error('ann@example.com') }) });
    expect(linesOf(printed())).toMatchObject([{ message: 'of [e-mail]', deep: [{ list: ['x [e-mail]'] }], failure: { message: '[token]', cause: { message: '[e-mail]' } } }]);
    expect(printed().join('')).not.toMatch(/ann@|eyJ/);
  });
});

describe('no function lacks it', () => {
  const handlerOf = async (entry: string) => ((await import(`../../lambda/${entry}`)) as { handler: (event: unknown, context: unknown) => Promise<unknown> }).handler;

  test.each(FLOWS.map(({ name, entry }) => [name, entry] as const))('%s', async (name, entry) => {
    const handler = await handlerOf(entry);
    // Without a caller and without parameters: nothing of DynamoDB is reached.
    await handler(event, context());
    const [line, ...others] = linesOf(printed());
    expect([line!.flow, faultsOf(line!, 'request'), others]).toEqual([name, [], []]);
  });

  const consumers = [...DISPATCHERS['per-domain'], ...DISPATCHERS['single-table'], SALES_CONSUMER];
  test.each(consumers.map(({ name, entry }) => [name, entry] as const))('%s', async (_, entry) => {
    const handler = await handlerOf(entry);
    await handler({ Records: [] }, context());
    const [line, ...others] = linesOf(printed());
    expect([faultsOf(line!, 'batch'), others]).toEqual([[], []]);
  });

  test('nothing but the logger prints', () => {
    const folder = join(PROJECT, 'lambda');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const printing = files.filter((file) => /console\.|process\.std|new Logger|new Metrics/.test(readFileSync(join(folder, file), 'utf8')));
    expect(printing.sort()).toEqual(['shared/embedded-metrics.ts', 'shared/logger.ts']);
  });
});
