import '../../support/flow-environment';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendEmailCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import type { Context, DynamoDBRecord } from 'aws-lambda';
import { Problem } from '../../../lambda/shared/errors';
import { dispatcher } from '../../../lambda/triggers/dispatcher';
import { type FailureClass, failureClass, FinalRefusal } from '../../../lambda/triggers/failure-class';
import { orderEvents } from '../../../lambda/triggers/order-events';
import { welcomeMail } from '../../../lambda/triggers/welcome-mail';
import { capturedOutput } from '../../support/captured-output';
import { startTables } from '../../support/engine-tables';
import { faultsOfMetrics, linesOf } from '../../support/log-lines';
import { written } from '../../support/samples';
import { ScriptedServices } from '../../support/scripted-services';
import { streamRecord } from '../../support/stream-records';

const services = new ScriptedServices();
const logged = capturedOutput();
let tables: Awaited<ReturnType<typeof startTables>>;
let entities: ReturnType<(typeof tables)['store']>['entities'];

beforeAll(async () => {
  tables = await startTables();
  ({ entities } = tables.store());
  await services.start();
  process.env.AWS_ENDPOINT_URL_DYNAMODB = tables.engine.endpoint;
});
afterAll(async () => {
  await services.stop();
  await tables.stop();
});
beforeEach(() => services.forget());

describe('a failure is of one class', () => {
  const config = { region: 'us-east-1', maxAttempts: 1, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const calls = {
    ses: () => new SESv2Client(config).send(new SendEmailCommand({ Content: {} })),
    events: () => new EventBridgeClient(config).send(new PutEventsCommand({ Entries: [] })),
    s3: () => new S3Client(config).send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: '' })),
  };
  const thrown = (call: () => Promise<unknown>) =>
    call().then(
      () => undefined,
      (error: unknown) => error,
    );

  test.each<[keyof typeof calls, number, string, string, FailureClass]>([
    ['ses', 429, 'TooManyRequestsException', 'Maximum sending rate exceeded', 'passing'],
    ['ses', 400, 'ThrottlingException', 'Maximum sending rate exceeded', 'passing'],
    ['ses', 500, 'InternalServiceErrorException', 'oops', 'passing'],
    ['ses', 400, 'ThrottlingException', 'Daily message quota exceeded', 'set-up'],
    ['ses', 429, 'TooManyRequestsException', 'Daily message quota exceeded', 'set-up'],
    ['ses', 400, 'LimitExceededException', 'too many', 'set-up'],
    ['ses', 400, 'SendingPausedException', 'paused', 'set-up'],
    ['ses', 400, 'AccountSuspendedException', 'suspended', 'set-up'],
    ['ses', 400, 'MailFromDomainNotVerifiedException', 'not verified', 'set-up'],
    ['ses', 404, 'NotFoundException', 'no such configuration set', 'set-up'],
    ['ses', 403, 'AccessDeniedException', 'not authorized', 'set-up'],
    ['ses', 403, 'ExpiredTokenException', 'expired', 'set-up'],
    ['ses', 403, 'UnrecognizedClientException', 'invalid token', 'set-up'],
    ['ses', 418, 'SomethingNew', 'what nobody knows', 'set-up'],
    ['events', 400, 'ThrottlingException', 'Rate exceeded', 'passing'],
    ['events', 500, 'InternalException', 'oops', 'passing'],
    ['events', 400, 'ResourceNotFoundException', 'no such bus', 'set-up'],
    ['s3', 503, 'SlowDown', 'slow down', 'passing'],
    ['s3', 500, 'InternalError', 'oops', 'passing'],
    ['s3', 404, 'NoSuchBucket', 'gone', 'set-up'],
    ['s3', 403, 'AccessDenied', 'no', 'set-up'],
  ])('%s, %i %s: %s', async (service, status, __type, message, expected) => {
    services.answers = [{ status, body: { __type, message } }];
    expect(failureClass(await thrown(calls[service]))).toBe(expected);
  });

  test.each<[string, unknown, FailureClass]>([
    ['a problem that passes', new Problem('throttled', 'busy'), 'passing'],
    ['an outcome that nobody knows', new Problem('outcome-unknown', 'no answer'), 'passing'],
    ['a problem of the data', new Problem('item-too-large', 'too large'), 'set-up'],
    ['a defect', new TypeError('undefined is not a function'), 'set-up'],
    ['what is no error', 'text', 'set-up'],
    ['a refusal of what a record holds', new FinalRefusal(new Error('no')), 'final'],
    ['no credentials', Object.assign(new Error('none'), { name: 'CredentialsProviderError', $metadata: {} }), 'set-up'],
    ['a connection that is refused', Object.assign(new Error('refused'), { code: 'ECONNREFUSED', $metadata: {} }), 'passing'],
    ['a call that ended at its deadline', Object.assign(new Error('aborted'), { name: 'AbortError' }), 'passing'],
    ['a transaction in the way', Object.assign(new Error('conflict'), { name: 'TransactionConflictException', $metadata: { httpStatusCode: 400 } }), 'passing'],
  ])('%s', (_, error, expected) => expect(failureClass(error)).toBe(expected));

  test("DynamoDB's, also behind ElectroDB's own error", async () => {
    const dynamodb = new DynamoDBClient({ ...config, endpoint: tables.engine.endpoint });
    const missing = await thrown(() => dynamodb.send(new GetItemCommand({ TableName: 'none', Key: { pk: { S: 'a' } } })));
    const invalid = await thrown(() => dynamodb.send(new GetItemCommand({ TableName: 'store-dev-Users', Key: { pk: { S: 'a' } } })));
    dynamodb.destroy();
    expect([missing, invalid].map((error) => [(error as Error).name, failureClass(error)])).toEqual([
      ['ResourceNotFoundException', 'set-up'],
      ['ValidationException', 'set-up'],
    ]);
    for (const kind of ['throttle', 'internal-error', 'timeout-after-commit'] as const) {
      const store = tables.store([{ kind }], { maxAttempts: 1 });
      const error = await thrown(() => store.entities.ProcessedEvent.put({ effect: 'e', eventId: kind, processedAt: '2026-11-25T10:00:00.000Z', expiresAt: 1 }).go());
      expect([kind, (error as Error).name, failureClass(error)]).toEqual([kind, 'ElectroError', 'passing']);
    }
  });
});

const context = {
  getRemainingTimeInMillis: () => 60_000,
  awsRequestId: 'invocation',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
  functionVersion: '$LATEST',
} as Context;
const ALL_DONE = { batchItemFailures: [] };
const dispatch = dispatcher([welcomeMail, orderEvents]);
const deliver = (...Records: DynamoDBRecord[]) => dispatch({ Records }, context);
const refusals = () => linesOf(logged()).filter((line) => 'EffectsRefused' in line);
const marker = async (effect: string, eventId: string) => (await entities.ProcessedEvent.get({ effect, eventId }).go({ consistent: true })).data;

let signUps = 0;
const ANN = 'ann@example.net';
const signedUp = (email = ANN) => streamRecord({ after: written('User', { email }), eventId: `sign-up-${++signUps}` });
const refusedBySes = (__type: string, message: string) => ({ status: 400, body: { __type, message } });
const failedCheck = (...identities: string[]) =>
  `Email address is not verified. The following identities failed the check in region US-EAST-1: ${identities.join(', ')}`;

describe('a mail that SES refuses', () => {
  test.each<[string, string, string]>([
    ['BadRequestException', 'Local address contains control or whitespace', ANN],
    ['MessageRejected', 'The message has invalid content.', ANN],
    ['MessageRejected', failedCheck('ann@example.net'), ANN],
    // One at the sender's own domain, one with the sender's address in it, one that is a word of the set-up.
    ['MessageRejected', failedCheck('ann@example.com'), 'ann@example.com'],
    ['MessageRejected', failedCheck("x'shop@example.com.evil.example"), "x'shop@example.com.evil.example"],
    ['MessageRejected', failedCheck('p@example.com'), 'p@example.com'],
    ['MessageRejected', failedCheck('account@example.net'), 'account@example.net'],
  ])('for good (%s: %s) is marked, is one line and one metric, and is not sent again', async (code, message, email) => {
    const record = signedUp(email);
    services.answers = [refusedBySes(code, message)];
    expect(await deliver(record, signedUp())).toEqual(ALL_DONE);
    expect(await deliver(record)).toEqual(ALL_DONE);
    expect(services.received).toHaveLength(2);
    expect(services.messages()).toEqual([]);
    expect(await marker('welcome-mail', record.eventID!)).toMatchObject({ effect: 'welcome-mail' });
    const [line, ...others] = refusals();
    expect([others, faultsOfMetrics(line!, 'refusal')]).toEqual([[], []]);
    expect(line).toMatchObject({ level: 'ERROR', message: 'An effect was refused for good', effect: 'welcome-mail', failureClass: 'final', error: code, EffectsRefused: 1 });
    expect(JSON.stringify(line)).not.toContain(email);
  });

  test.each<[string, string, string]>([
    ['MessageRejected', failedCheck('shop@example.com'), ANN],
    ['MessageRejected', failedCheck('Shop <shop@example.com>', 'shop@example.com'), ANN],
    ['MessageRejected', failedCheck('ann@example.net', 'SHOP@example.com'), ANN],
    ['MessageRejected', failedCheck('example.com'), ANN],
    ['MessageRejected', failedCheck('shop@example.com'), 'shop@example.com'],
    ['MessageRejected', 'Sending suspended for this account. For more information, please check the inbox.', ANN],
    ['SendingPausedException', 'Sending is paused.', ANN],
    ['AccessDeniedException', 'not authorized', ANN],
  ])('for its sender or the account (%s: %s) is in the on-failure queue, and is sent once that is repaired', async (code, message, email) => {
    const record = signedUp(email);
    services.answers = [refusedBySes(code, message)];
    expect(await deliver(record)).toEqual(ALL_DONE);
    expect(services.messages()).toHaveLength(1);
    expect([refusals(), await marker('welcome-mail', record.eventID!)]).toEqual([[], null]);
    services.forget();
    expect(await dispatch({ Records: [record], isRedrive: true }, context)).toEqual(ALL_DONE);
    expect(services.received).toHaveLength(1);
    expect(await marker('welcome-mail', record.eventID!)).not.toBeNull();
  });

  test('for an outage of a moment is sent again, and nobody hears of it', async () => {
    services.answers = [{ status: 500, body: {} }, { status: 429, body: { __type: 'TooManyRequestsException' } }];
    expect(await deliver(signedUp())).toEqual(ALL_DONE);
    expect([services.received.length, refusals(), services.messages()]).toEqual([3, [], []]);
  });

  test('is none where the config has no sender', async () => {
    const { MAIL_FROM } = process.env;
    delete process.env.MAIL_FROM;
    expect(await deliver(signedUp())).toEqual(ALL_DONE);
    process.env.MAIL_FROM = MAIL_FROM;
    expect(services.received).toEqual([]);
  });
});

describe('an event that the bus refuses', () => {
  const line = (name: string) => ({ productId: 'p'.repeat(64), name, priceMinor: 1_000_000_000, quantity: 10_000 });
  const placed = (name: string, lines: number) =>
    streamRecord({ after: written('Order', { lines: Array<object>(lines).fill(line(name)) }), eventId: `order-${lines}-${name.length}` });
  const tooLarge = { status: 400, body: { __type: 'ValidationException', message: 'Total size of the entries in the request is over the limit.' } };

  test.each([
    ['of the call', tooLarge],
    ['of the entry', { status: 200, body: { FailedEntryCount: 1, Entries: [{ ErrorCode: 'InvalidArgument', ErrorMessage: 'too large' }] } }],
  ])('for its size is marked, and is one line and one metric, however often it comes: an error %s', async (what, answer) => {
    const record = { ...placed('x'.repeat(6_000), 50), eventID: `large-${what}` };
    services.answers = [answer, answer];
    for (const _delivery of [1, 2]) expect(await deliver(record)).toEqual(ALL_DONE);
    expect(services.messages()).toEqual([]);
    expect(refusals()).toMatchObject([{ effect: 'order-events', failureClass: 'final', EffectsRefused: 1 }]);
    expect(await marker('order-events', record.eventID)).not.toBeNull();
  });

  test('and is not large is in the on-failure queue: it is the call that is wrong', async () => {
    services.answers = [tooLarge];
    expect(await deliver(placed('Tea', 1))).toEqual(ALL_DONE);
    expect([services.messages().length, refusals()]).toEqual([1, []]);
  });

  test.each([
    ['InternalFailure', 0],
    ['ThrottlingException', 0],
    ['AccessDeniedException', 1],
    ['NotAuthorizedForSourceException', 1],
  ])('as an entry, with %s, leaves %i messages', async (ErrorCode, messages) => {
    services.answers = [{ status: 200, body: { FailedEntryCount: 1, Entries: [{ ErrorCode, ErrorMessage: 'no' }] } }];
    expect(await deliver({ ...placed('Tea', 1), eventID: ErrorCode })).toEqual(ALL_DONE);
    expect(services.messages()).toHaveLength(messages);
  });

  test('is never an order that the API takes: the largest is far below the limit', async () => {
    await deliver(placed('\u{10ffff}'.repeat(200), 50));
    const [{ body } = { body: '' }] = services.received;
    const { Entries } = JSON.parse(body) as { Entries: { Detail: string }[] };
    expect(Buffer.byteLength(Entries[0]!.Detail)).toBeLessThan(256 * 1024);
  });
});
