import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DescribeStreamCommand, DynamoDBStreamsClient, GetRecordsCommand, GetShardIteratorCommand, ListStreamsCommand } from '@aws-sdk/client-dynamodb-streams';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, GetQueueUrlCommand, PurgeQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { redrive } from '../../../tools/redrive/redrive';
import { lambdaRecord } from '../../../tools/redrive/lambda-event';
import { startStore, type TestStore } from '../../support/store';
import { until } from '../../support/until';

describe('redriving an on-failure queue', () => {
  let store: TestStore;
  let dynamodb: DynamoDBClient;
  let services: { sqs: SQSClient; lambda: LambdaClient; streams: DynamoDBStreamsClient };
  let queueUrl: string;
  let streamArn: string;
  let shardId: string;

  beforeAll(async () => {
    store = await startStore('per-domain');
    const config = { region: 'us-east-1', credentials: { accessKeyId: 'outside', secretAccessKey: 'x' } };
    dynamodb = new DynamoDBClient({ ...config, endpoint: store.dynamodb });
    services = {
      sqs: new SQSClient({ ...config, endpoint: store.services, useQueueUrlAsEndpoint: false }),
      lambda: new LambdaClient({ ...config, endpoint: store.services }),
      streams: new DynamoDBStreamsClient({ ...config, endpoint: store.dynamodb }),
    };
    const { QueueUrl } = await services.sqs.send(new GetQueueUrlCommand({ QueueName: 'store-dev-users-trigger-failed' }));
    queueUrl = QueueUrl as string;
    const { Streams } = await services.streams.send(new ListStreamsCommand({ TableName: 'store-dev-Users' }));
    streamArn = Streams![0]!.StreamArn as string;
    const { StreamDescription } = await services.streams.send(new DescribeStreamCommand({ StreamArn: streamArn }));
    shardId = StreamDescription!.Shards![0]!.ShardId as string;
  });
  afterAll(async () => {
    dynamodb.destroy();
    for (const client of Object.values(services)) client.destroy();
    await store.stop();
  });
  beforeEach(() => services.sqs.send(new PurgeQueueCommand({ QueueUrl: queueUrl })));

  const records = async () => {
    const { ShardIterator } = await services.streams.send(
      new GetShardIteratorCommand({ StreamArn: streamArn, ShardId: shardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    return (await services.streams.send(new GetRecordsCommand({ ShardIterator }))).Records ?? [];
  };
  const send = (body: unknown) =>
    services.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: typeof body === 'string' ? body : JSON.stringify(body) }));
  const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:store-dev-users-trigger';
  const batch = (info: object) => ({
    requestContext: { functionArn, condition: 'RetryAttemptsExhausted' },
    DDBStreamBatchInfo: { shardId, streamArn, batchSize: 1, ...info },
  });
  const waiting = async () => {
    const { Attributes } = await services.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    return Number(Attributes?.ApproximateNumberOfMessages);
  };
  async function run(isDryRun = false) {
    const lines: string[] = [];
    const stop = new AbortController().signal;
    return { summary: await redrive(services, queueUrl, isDryRun, (line) => lines.push(line), stop), lines };
  }

  test('one that fails again holds up none of those behind it in its message, and the message stays', async () => {
    await store.admin.post('/_local/faults', { kind: 'throttle', function: 'users-trigger' });
    const signUp = async (sub: string) => (await store.user(sub)).post('/users', { email: `${sub}@example.com`, name: sub });
    await signUp('ann');
    await dynamodb.send(new PutItemCommand({ TableName: 'store-dev-Users', Item: { pk: { S: 'stranger' }, sk: { S: 'x' } } }));
    await signUp('ben');
    // Nobody was mailed: all that was written is in the stream, and the trigger is held up.
    const all = await records();
    const numbers = all.map(({ dynamodb: change }) => change!.SequenceNumber as string);
    expect((await store.outbox('email')).length).toBe(0);
    await store.anonymous.delete('/_local/faults');
    const dead = await until(() => store.outbox('dead-letter'), ({ length }) => length > 0, 20_000);
    expect(dead.length).toBeGreaterThan(0);
    await until(() => store.outbox('email'), ({ length }) => length === 2);
    await services.sqs.send(new PurgeQueueCommand({ QueueUrl: queueUrl }));

    await send(batch({ startSequenceNumber: numbers[0], endSequenceNumber: numbers.at(-1), batchSize: all.length }));
    const { summary, lines } = await run();
    expect(summary).toEqual({ redriven: 0, left: 1, pastSaving: 0 });
    const stranger = all.find(({ dynamodb: change }) => change?.Keys?.pk?.S === 'stranger')!.dynamodb!.SequenceNumber;
    expect(lines).toEqual([expect.stringContaining(`1 of ${all.length}, ${stranger}: the log of the function says why`)]);
    expect(await waiting()).toBe(1);
    // Those that were processed before were not done twice.
    expect((await store.outbox('email')).map(({ to }) => to[0])).toEqual(['ann@example.com', 'ben@example.com']);
  }, 60_000);

  test('what is no on-failure record stays, and is named', async () => {
    await send('no JSON');
    await send({ something: 'else' });
    await send({ KinesisBatchInfo: {} });
    const { summary, lines } = await run();
    expect(summary).toEqual({ redriven: 0, left: 3, pastSaving: 0 });
    expect(lines.sort()).toEqual([
      'left         no on-failure record of a DynamoDB stream: {"something":"else"}',
      'left         no on-failure record: no JSON',
      'left         of a Kinesis stream, which is not read here: {"KinesisBatchInfo":{}}',
    ]);
    expect(await waiting()).toBe(3);
  });

  test('what the stream has no more is past saving, and stays', async () => {
    const numbers = { startSequenceNumber: `1${'0'.repeat(20)}`, endSequenceNumber: `1${'0'.repeat(20)}` };
    await send(batch(numbers));
    await send(batch({ ...numbers, streamArn: streamArn.replace(/[^/]+$/, 'another') }));
    const { summary, lines } = await run();
    expect(summary).toEqual({ redriven: 0, left: 0, pastSaving: 2 });
    expect(lines).toEqual(Array(2).fill(expect.stringMatching(/^past saving .*the stream has it no more$/)));
    expect(await waiting()).toBe(2);
  });

  test('one that is told to stop ends after the record under way, and releases its message', async () => {
    const numbers = (await records()).map(({ dynamodb: change }) => change!.SequenceNumber as string);
    await send(batch({ startSequenceNumber: numbers[0], endSequenceNumber: numbers.at(-1), batchSize: numbers.length }));
    const stop = new AbortController();
    const send1 = services.lambda.send.bind(services.lambda);
    const invoked = jest.spyOn(services.lambda, 'send').mockImplementation(((command: never) => {
      stop.abort();
      return send1(command);
    }) as never);
    const lines: string[] = [];
    const summary = await redrive(services, queueUrl, false, (line) => lines.push(line), stop.signal);
    expect([summary.left, invoked.mock.calls.length, lines]).toEqual([1, 1, [expect.stringMatching(/^stopped /)]]);
    invoked.mockRestore();
    expect(await waiting()).toBe(1);
  });

  test('a function that is gone leaves its message, and the others go on', async () => {
    const first = (await records())[0]!.dynamodb!.SequenceNumber as string;
    const named = batch({ startSequenceNumber: first, endSequenceNumber: first });
    await send({ ...named, requestContext: { ...named.requestContext, functionArn: functionArn.replace('users', 'nobodys') } });
    await send(named);
    const dry = await run(true);
    expect(dry.summary).toEqual({ redriven: 2, left: 0, pastSaving: 0 });
    expect(await waiting()).toBe(2);
    const { summary, lines } = await run();
    expect(summary).toEqual({ redriven: 1, left: 1, pastSaving: 0 });
    expect(lines.sort()).toEqual([expect.stringMatching(/^left +.*nobodys.*: ResourceNotFoundException: Function not found/), expect.stringMatching(/^redriven .*users/)]);
    expect(await waiting()).toBe(1);
  });
});

test("a record in Lambda's form: seconds, base64, small letters", () => {
  const record = {
    eventID: 'e',
    eventName: 'REMOVE' as const,
    userIdentity: { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' },
    dynamodb: {
      ApproximateCreationDateTime: new Date('2026-11-25T10:00:00Z'),
      Keys: { pk: { B: new Uint8Array([1, 2]) } },
      OldImage: { list: { L: [{ BS: [new Uint8Array([3])] }, { M: { deep: { B: new Uint8Array([4]) } } }] }, n: { N: '1' } },
      SequenceNumber: '1',
    },
  };
  expect(lambdaRecord(record, 'arn')).toEqual({
    eventID: 'e',
    eventName: 'REMOVE',
    eventSourceARN: 'arn',
    userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' },
    dynamodb: {
      ApproximateCreationDateTime: 1_795_600_800,
      Keys: { pk: { B: 'AQI=' } },
      OldImage: { list: { L: [{ BS: ['Aw=='] }, { M: { deep: { B: 'BA==' } } }] }, n: { N: '1' } },
      SequenceNumber: '1',
    },
  });
});
