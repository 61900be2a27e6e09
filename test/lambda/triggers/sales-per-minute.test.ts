import '../../support/flow-environment';
import type { Context, DynamoDBRecord, KinesisStreamRecord } from 'aws-lambda';
import { handler } from '../../../lambda/triggers/sales-per-minute';
import { capturedOutput } from '../../support/captured-output';
import { faultsOf, faultsOfMetrics, linesOf } from '../../support/log-lines';
import { written } from '../../support/samples';
import { ScriptedServices } from '../../support/scripted-services';
import { streamRecord } from '../../support/stream-records';

const logged = capturedOutput();

interface Metric {
  _aws: { Timestamp: number };
  currency: string;
  SalesMinor: number;
}
const lines = () => linesOf(logged());
/** The sales that were counted: time, currency and sum. */
const sales = () =>
  lines()
    .filter((line) => 'SalesMinor' in line)
    .map((line) => line as unknown as Metric)
    .map(({ _aws, currency, SalesMinor }) => [new Date(_aws.Timestamp).toISOString(), currency, SalesMinor]);

let records = 0;
const kinesis = (data: string) =>
  ({
    eventID: `shardId-000000000007:k${++records}`,
    eventSourceARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/orders',
    kinesis: { sequenceNumber: `k${records}`, data: Buffer.from(data).toString('base64'), approximateArrivalTimestamp: 1_795_600_800.5 },
  }) as KinesisStreamRecord;

/** As a table writes it to Kinesis: without a sequence number, and its time in milliseconds. */
function change({ dynamodb, ...record }: DynamoDBRecord): KinesisStreamRecord {
  const { SequenceNumber: _, ...rest } = dynamodb!;
  const time = rest.ApproximateCreationDateTime! * 1_000 + 123;
  return kinesis(JSON.stringify({ ...record, dynamodb: { ...rest, ApproximateCreationDateTime: time } }));
}
const order = (more: object = {}) => written('Order', { placedAt: '2026-11-25T10:00:59.999Z', totalMinor: 700, ...more });
const context = { getRemainingTimeInMillis: () => 60_000, awsRequestId: 'invocation', invokedFunctionArn: 'arn:f', functionVersion: '$LATEST' } as Context;
const deliver = (...Records: KinesisStreamRecord[]) => handler({ Records }, context);

const queue = new ScriptedServices();
beforeAll(() => queue.start());
afterAll(() => queue.stop());
beforeEach(() => queue.forget());
const ALL_DONE = { batchItemFailures: [] };

test('each order counts at the minute in which it was placed, by its currency', async () => {
  const orders = [order(), order({ currency: 'JPY', totalMinor: 3 }), order({ placedAt: '2026-11-25T10:01:00.000Z', totalMinor: 1 })];
  expect(await deliver(...orders.map((after) => change(streamRecord({ after }))))).toEqual(ALL_DONE);
  expect(sales()).toEqual([
    ['2026-11-25T10:00:00.000Z', 'EUR', 700],
    ['2026-11-25T10:00:00.000Z', 'JPY', 3],
    ['2026-11-25T10:01:00.000Z', 'EUR', 1],
  ]);
});

test('an order counts once in a batch, though it comes twice', async () => {
  const record = streamRecord({ after: order() });
  await deliver(change(record), change(record), change(streamRecord({ after: order() })));
  expect(sales()).toHaveLength(2);
});

test('no change counts but a new order', async () => {
  const before = order();
  const cancelled = { before, after: order({ status: 'Cancelled' }) };
  const others = [cancelled, { before }, { after: written('OrderEvent') }].map((item) => change(streamRecord(item)));
  expect(await deliver(...others)).toEqual(ALL_DONE);
  expect(sales()).toEqual([]);
});

test.each([
  ['no JSON', () => kinesis('{')],
  ['no change', () => kinesis('{}')],
  ['an item of no entity', () => change(streamRecord({ after: { pk: 'p', sk: 's' } }))],
  ['an order that lacks its sum', () => change(streamRecord({ after: { ...order(), totalMinor: undefined } }))],
])('%s is put on the on-failure queue with its shard, and those behind it count', async (_, bad) => {
  const [first, failing, last] = [change(streamRecord({ after: order() })), bad(), change(streamRecord({ after: order() }))];
  const { sequenceNumber } = failing.kinesis;
  expect(await deliver(first, failing, last)).toEqual(ALL_DONE);
  expect(sales()).toHaveLength(2);
  expect(lines()).toContainEqual(expect.objectContaining({ level: 'ERROR', failureClass: 'set-up', sequenceNumber }));
  const arrived = '2026-11-25T10:00:00.500Z';
  expect(queue.messages().map(({ message }) => message)).toEqual([
    expect.objectContaining({
      requestContext: { requestId: 'invocation', functionArn: 'arn:f', condition: 'RefusedBySetUp', approximateInvokeCount: 1 },
      KinesisBatchInfo: {
        shardId: 'shardId-000000000007',
        startSequenceNumber: sequenceNumber,
        endSequenceNumber: sequenceNumber,
        approximateArrivalOfFirstRecord: arrived,
        approximateArrivalOfLastRecord: arrived,
        batchSize: 1,
        streamArn: failing.eventSourceARN,
      },
    }),
  ]);
});

test('a change that the queue does not take fails the batch from there on', async () => {
  queue.answers = [{ status: 403, body: { __type: 'AccessDeniedException', message: 'no' } }];
  const [first, failing, last] = [change(streamRecord({ after: order() })), kinesis('{'), change(streamRecord({ after: order() }))];
  expect(await deliver(first, failing, last)).toEqual({ batchItemFailures: [{ itemIdentifier: failing.kinesis.sequenceNumber }] });
  expect(sales()).toHaveLength(1);
  expect(lines().at(-1)).toMatchObject({ message: 'batch', records: 3, done: 1, StreamRecords: 1, StreamFailures: 1 });
});

test('a batch is one line, and each sale one of its own, with the metrics of its time', async () => {
  await deliver(change(streamRecord({ after: order() })), change(streamRecord({ before: order() })));
  const [sale, batch, ...others] = lines();
  expect([faultsOfMetrics(sale!, 'sale'), faultsOf(batch!, 'batch'), others]).toEqual([[], [], []]);
  expect([sale!.message, batch!.message, batch!.done]).toEqual(['sale', 'batch', 2]);
});

test('what cannot be read is not quoted: it is an order', async () => {
  await deliver(kinesis('Marker Street 5'));
  expect(lines()[0]).toMatchObject({ level: 'ERROR', error: 'SyntaxError' });
  expect(logged().join('')).not.toContain('Marker');
});

test('an empty batch is done', async () => {
  expect(await deliver()).toEqual(ALL_DONE);
});
