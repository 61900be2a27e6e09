import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendEmailCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { ServiceFault } from '../../../local/gateway/fault';
import { FAULTY_SERVICES, type FaultyServiceName, SERVICE_OPERATIONS } from '../../../local/gateway/operations';
import { allow, failure, queueArn, REGION, startServices, type StartedServices } from './start-services';

const TEMPLATE = {
  Sender: ['AWS::SES::EmailIdentity', { EmailIdentity: 'shop@example.com' }],
  Bucket: ['AWS::S3::Bucket', { BucketName: 'archive' }],
  Bus: ['AWS::Events::EventBus', { Name: 'store' }],
  Queue: ['AWS::SQS::Queue', { QueueName: 'failed' }],
} satisfies Parameters<typeof startServices>[0];

let services: StartedServices;
let calls: Record<FaultyServiceName, (by?: 'flow' | 'owner') => Promise<unknown>>;
beforeAll(async () => {
  const role = ['ses:SendEmail', 'events:PutEvents', 's3:PutObject', 's3:GetObject', 'sqs:SendMessage'].map((action) => allow(action, '*'));
  services = await startServices(TEMPLATE, role, [queueArn('failed')]);
  const Simple = { Subject: { Data: 'Hello' }, Body: { Text: { Data: 'there' } } };
  const QueueUrl = `https://sqs.${REGION}.amazonaws.com/000000000000/failed`;
  calls = {
    ses: (by = 'flow') =>
      new SESv2Client(services[by]).send(
        new SendEmailCommand({ FromEmailAddress: 'shop@example.com', Destination: { ToAddresses: ['ann@example.net'] }, Content: { Simple } }),
      ),
    events: (by = 'flow') =>
      new EventBridgeClient(services[by]).send(new PutEventsCommand({ Entries: [{ EventBusName: 'store', Source: 's', DetailType: 't', Detail: '{}' }] })),
    s3: (by = 'flow') => new S3Client(services[by]).send(new PutObjectCommand({ Bucket: 'archive', Key: 'k', Body: 'b' })),
    sqs: (by = 'flow') =>
      new SQSClient({ ...services[by], useQueueUrlAsEndpoint: false }).send(new SendMessageCommand({ QueueUrl, MessageBody: '{"version":"1.0"}' })),
  };
});
afterAll(() => services.stop());
afterEach(() => services.faults.end());

const SERVICES = FAULTY_SERVICES;
const sent = () => services.outbox.list().length;
const injected = () => services.faults.list().map((fault) => fault.injected);

test.each<[FaultyServiceName, string, number, string, number]>([
  ['ses', 'TooManyRequestsException', 429, 'InternalServiceErrorException', 500],
  ['events', 'ThrottlingException', 400, 'InternalException', 500],
  ['s3', 'SlowDown', 503, 'InternalError', 500],
  ['sqs', 'RequestThrottled', 400, 'InternalError', 500],
])('%s throttles with %s (%i), and fails with %s (%i), in its own form', async (service, throttled, status, failed, failedStatus) => {
  const before = sent();
  await services.faults.add({ kind: 'throttle', service, count: 1 });
  await services.faults.add({ kind: 'internal-error', service, count: 1 });
  expect(await failure(calls[service]())).toMatchObject({ name: throttled, status });
  expect(await failure(calls[service]())).toMatchObject({ name: failed, status: failedStatus });
  expect([await failure(calls[service]()), sent()]).toEqual([expect.objectContaining({ name: 'none' }), before + 1]);
});

test.each<[FaultyServiceName, string, number]>([
  ['ses', 'MessageRejected', 400],
  ['ses', 'AccessDeniedException', 403],
  ['events', 'ResourceNotFoundException', 400],
  ['s3', 'NoSuchBucket', 404],
  ['s3', 'AccessDenied', 403],
  ['sqs', 'OverLimit', 400],
])('%s refuses with any code and message: %s (%i)', async (service, code, status) => {
  const before = sent();
  await services.faults.add({ kind: 'refused', service, code, message: 'because of it' });
  expect(await failure(calls[service]())).toMatchObject({ name: code, message: 'because of it', status });
  expect([sent(), injected()]).toEqual([before, [1]]);
});

test.each(SERVICES)('%s does what it gives no answer to', async (service) => {
  const before = sent();
  await services.faults.add({ kind: 'timeout-after-commit', service, count: 1 });
  expect(await failure(calls[service]())).toMatchObject({ status: undefined, name: expect.not.stringMatching('none') });
  expect(sent()).toBe(before + 1);
});

test.each(SERVICES)('a fault of %s hits no other service, no other function, no other operation, and not the owner of the machine', async (service) => {
  const others = SERVICES.filter((other) => other !== service);
  await services.faults.add({ kind: 'internal-error', service });
  for (const other of others) expect((await failure(calls[other]())).name).toBe('none');
  expect((await failure(calls[service]('owner'))).name).toBe('none');
  await services.faults.end();
  const operation = SERVICE_OPERATIONS[service].find((name) => !['SendEmail', 'PutEvents', 'PutObject', 'SendMessage'].includes(name));
  const aside: ServiceFault[] = [{ kind: 'internal-error', service, function: 'another' }, ...(operation ? [{ kind: 'internal-error' as const, service, operation }] : [])];
  for (const fault of [...aside, { kind: 'internal-error' as const }]) await services.faults.add(fault);
  expect((await failure(calls[service]())).name).toBe('none');
  expect(new Set(injected())).toEqual(new Set([0]));
});

test('after, count and rate choose the calls, as they do of DynamoDB', async () => {
  await services.faults.add({ kind: 'refused', service: 's3', code: 'NoSuchBucket', operation: 'GetObject', after: 1, count: 1 });
  await calls.s3();
  const get = () => failure(new S3Client(services.flow).send(new GetObjectCommand({ Bucket: 'archive', Key: 'k' })));
  expect([(await get()).name, (await get()).name, (await get()).name]).toEqual(['none', 'NoSuchBucket', 'none']);
  await services.faults.add({ kind: 'refused', service: 'ses', code: 'MessageRejected', rate: 0 });
  expect((await failure(calls.ses())).name).toBe('none');
});

test('what a function puts on its on-failure queue is a dead letter in the outbox', async () => {
  await calls.sqs('owner');
  const before = services.outbox.list('dead-letter').length;
  await calls.sqs();
  expect(services.outbox.list('dead-letter').slice(0, -before || undefined)).toEqual([
    { kind: 'dead-letter', at: expect.any(String), function: 'flow', queue: 'failed', version: '1.0' },
  ]);
});
