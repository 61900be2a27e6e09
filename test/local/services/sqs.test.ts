import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  type QueueAttributeName,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Queues } from '../../../local/services/queues';
import { UserError } from '../../../local/user-error';
import { allow, failure, queueArn, resourcesOf, startServices, type StartedServices } from './start-services';

const TEMPLATE = {
  Dead: ['AWS::SQS::Queue', { QueueName: 'dead', VisibilityTimeout: 60, MessageRetentionPeriod: 1_000 }],
  Work: ['AWS::SQS::Queue', { QueueName: 'work', MaximumMessageSize: 1_024 }],
} satisfies Parameters<typeof startServices>[0];

let services: StartedServices;
let sqs: SQSClient;
let QueueUrl: string;
beforeEach(async () => {
  services = await startServices(TEMPLATE, [allow('sqs:SendMessage', queueArn('dead'))]);
  sqs = new SQSClient(services.owner);
  QueueUrl = (await sqs.send(new GetQueueUrlCommand({ QueueName: 'dead' }))).QueueUrl as string;
});
afterEach(() => services.stop());

const send = (MessageBody: string, more = {}) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }));
const receive = async (more = {}) => (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...more }))).Messages ?? [];
const bodies = async () => (await receive()).map(({ Body }) => Body);
async function attribute(name: QueueAttributeName): Promise<string | undefined> {
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [name] }));
  return Attributes?.[name];
}

test('a message is received in order of arrival, is in flight meanwhile, and is gone when deleted', async () => {
  await send('höchst');
  await send('second');
  const [first] = await receive({ MaxNumberOfMessages: 1, MessageSystemAttributeNames: ['All'] });
  expect(first).toMatchObject({
    Body: 'höchst',
    Attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(services.clock.ms), ApproximateFirstReceiveTimestamp: String(services.clock.ms) },
  });
  expect(await attribute('ApproximateNumberOfMessages')).toBe('1');
  expect(await attribute('ApproximateNumberOfMessagesNotVisible')).toBe('1');
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first?.ReceiptHandle }));
  services.clock.ms += 60_000;
  expect(await bodies()).toEqual(['second']);
});

test('a message that is not deleted comes back after the visibility timeout of its queue', async () => {
  await send('again');
  const [first] = await receive();
  services.clock.ms += 59_999;
  expect(await bodies()).toEqual([]);
  services.clock.ms += 1;
  const [second] = await receive({ AttributeNames: ['ApproximateReceiveCount'] });
  expect(second).toMatchObject({ MessageId: first?.MessageId, Attributes: { ApproximateReceiveCount: '2' } });
  // A receipt handle of an earlier receive deletes nothing.
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first?.ReceiptHandle }));
  expect(await attribute('ApproximateNumberOfMessagesNotVisible')).toBe('1');
});

test('the visibility timeout can be given, and changed', async () => {
  await send('later');
  const [message] = await receive({ VisibilityTimeout: 5 });
  const change = (VisibilityTimeout: number) =>
    sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout }));
  await change(100);
  services.clock.ms += 99_000;
  expect(await bodies()).toEqual([]);
  await change(0);
  expect((await failure(change(1))).name).toBe('MessageNotInflight');
  expect(await bodies()).toEqual(['later']);
});

test('a message past the retention of its queue is gone', async () => {
  await send('old');
  services.clock.ms += 999_999;
  expect(await attribute('ApproximateNumberOfMessages')).toBe('1');
  services.clock.ms += 1;
  expect(await attribute('ApproximateNumberOfMessages')).toBe('0');
  expect(await bodies()).toEqual([]);
});

test('a message can be delayed', async () => {
  await send('slow', { DelaySeconds: 10 });
  expect([await bodies(), await attribute('ApproximateNumberOfMessagesDelayed')]).toEqual([[], '1']);
  services.clock.ms += 10_000;
  expect(await bodies()).toEqual(['slow']);
});

test('queues are listed, described and purged', async () => {
  await send('x');
  const { QueueUrls } = await sqs.send(new ListQueuesCommand({}));
  expect(QueueUrls).toEqual(['dead', 'work'].map((name) => `${services.url}/000000000000/${name}`));
  expect((await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'w' }))).QueueUrls).toHaveLength(1);
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn', 'MessageRetentionPeriod'] }));
  expect(Attributes).toEqual({ QueueArn: queueArn('dead'), MessageRetentionPeriod: '1000' });
  await sqs.send(new PurgeQueueCommand({ QueueUrl }));
  expect(await attribute('ApproximateNumberOfMessages')).toBe('0');
});

test('what SQS refuses has the names that the SDK knows', async () => {
  expect(await failure(sqs.send(new GetQueueUrlCommand({ QueueName: 'none' })))).toMatchObject({
    name: 'QueueDoesNotExist',
    message: 'The specified queue does not exist.',
    status: 400,
  });
  const work = `${services.url}/000000000000/work`;
  expect(await failure(send('x'.repeat(1_025), { QueueUrl: work }))).toMatchObject({ name: 'InvalidParameterValue' });
  expect(await failure(send('x'.repeat(1_024), { QueueUrl: work }))).toMatchObject({ name: 'none' });
  expect(await failure(receive({ MaxNumberOfMessages: 11 }))).toMatchObject({ name: 'InvalidParameterValue' });
  expect(await failure(send('x', { MessageGroupId: 'a' }))).toMatchObject({
    name: 'UnsupportedOperation',
    message: 'MessageGroupId does not run here.',
  });
  const batch = new SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: '1', MessageBody: 'x' }] });
  expect(await failure(sqs.send(batch))).toMatchObject({ name: 'UnknownOperationException' });
});

test('the queue URL of the templates is known too, to a client that does not take it for its endpoint', async () => {
  const client = new SQSClient({ ...services.owner, useQueueUrlAsEndpoint: false });
  await client.send(new SendMessageCommand({ QueueUrl: 'https://sqs.eu-west-1.amazonaws.com/000000000000/dead', MessageBody: 'here' }));
  expect(await bodies()).toEqual(['here']);
});

test('a function needs the action on the queue', async () => {
  sqs = new SQSClient(services.flow);
  await send('allowed');
  expect(await failure(receive())).toMatchObject({
    name: 'AccessDeniedException',
    message: expect.stringContaining(`is not authorized to perform: sqs:ReceiveMessage on resource: ${queueArn('dead')}`) as string,
  });
  expect(services.permissions.list()).toEqual({
    items: [{ function: 'flow', action: 'sqs:SendMessage', resource: queueArn('dead'), used: 1 }],
    denied: [{ function: 'flow', action: 'sqs:ReceiveMessage', resource: queueArn('dead'), times: 1 }],
  });
});

test('messages survive a restart, also one that cuts the last line', async () => {
  await send('kept');
  await send('deleted');
  const [kept, deleted] = await receive();
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: deleted?.ReceiptHandle }));
  const file = join(services.folder, 'queues.jsonl');
  appendFileSync(file, '{"queue":"dead","mess');

  const again = new Queues(file, services.queues.definitions, () => services.clock.ms);
  const dead = again.named('dead')!;
  expect(again.count(dead)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
  expect(again.received(dead, kept?.ReceiptHandle ?? '')).toMatchObject({ body: 'kept' });
  again.send(queueArn('dead'), 'new');
  expect(new Queues(file, services.queues.definitions, () => services.clock.ms).count(dead)).toEqual({ visible: 1, inFlight: 1, delayed: 0 });
});

test('the file does not grow with what is gone', () => {
  const dead = services.queues.named('dead')!;
  for (let sent = 0; sent < 2_000; sent++) {
    services.queues.send(dead.arn, 'x');
    services.queues.delete(dead, services.queues.receive(dead, 1, 0)[0]!);
  }
  expect(readFileSync(join(services.folder, 'queues.jsonl'), 'utf8').split('\n').length).toBeLessThan(1_100);
});

test.each([['FifoQueue', true], ['DelaySeconds', 5]])('a queue with %s stops the start', (property, value) => {
  const start = () => resourcesOf({ Queue: ['AWS::SQS::Queue', { [property]: value }] });
  expect(start).toThrow(UserError);
  expect(start).toThrow(`The queue Queue has ${property}, which does not run here.`);
});

test('a message that was received so often, and not deleted, goes to the dead-letter queue', () => {
  const definition = { visibilityTimeoutSeconds: 30, retentionSeconds: 60, maximumMessageBytes: 1_000, waitSeconds: 0 };
  const undelivered = { ...definition, name: 'undelivered', arn: queueArn('undelivered') };
  const redrive = { deadLetterTargetArn: undelivered.arn, maxReceiveCount: 2 };
  const source = { ...definition, name: 'source', arn: queueArn('source'), redrive };
  const queues = new Queues(join(services.folder, 'redrive.jsonl'), [source, undelivered], () => services.clock.ms);
  queues.send(source.arn, 'stubborn');
  expect([1, 2].map(() => queues.receive(source, 10, 0).map(({ body }) => body))).toEqual([['stubborn'], ['stubborn']]);
  expect(queues.receive(undelivered, 10, 0)).toEqual([]);
  // One that somebody is at work on stays.
  queues.send(source.arn, 'slow');
  for (let received = 0; received < 2; received++) queues.receive(source, 10, received === 1 ? 30 : 0);
  expect(queues.receive(source, 10, 0)).toEqual([]);
  expect(queues.receive(undelivered, 10, 0).map(({ body }) => body)).toEqual(['stubborn']);
});

test.each(['forged', '00000000-0000-0000-0000-000000000000.0123456789abcdef', ''])('the receipt handle %j is refused: no queue gave it', async (ReceiptHandle) => {
  const name = ReceiptHandle === '' ? 'MissingParameter' : 'ReceiptHandleIsInvalid';
  expect(await failure(sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })))).toMatchObject({ name });
  expect(await failure(sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 1 })))).toMatchObject({ name });
});

test.each(['\u0000', 'a\u0008', '\uFFFE', '\uD800'])('the character %j is refused in a message, as XML cannot have it', async (MessageBody) => {
  expect(await failure(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody })))).toMatchObject({ name: 'InvalidMessageContents' });
});
