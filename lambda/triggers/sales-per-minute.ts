import type { Context, DynamoDBRecord, KinesisStreamBatchResponse, KinesisStreamEvent, KinesisStreamRecordPayload } from 'aws-lambda';
import { countingCalls } from '#shared/consumed-capacity';
import { embeddedMetrics } from '#shared/embedded-metrics';
import { failureOf } from '#shared/failure';
import { logger } from '#shared/logger';
import { failureClass } from './failure-class';
import { giveUp } from './on-failure-queue';
import { type Change, readRecord } from './stream-record';

const MINUTE_MS = 60_000;

const NAME = process.env.POWERTOOLS_SERVICE_NAME ?? 'sales-per-minute';
const batchMetrics = embeddedMetrics('batch', NAME);
const saleMetrics = embeddedMetrics('sale', NAME);

/**
 * Reads the Kinesis Data Stream that the Orders table writes its changes to, and counts sales as a CloudWatch metric: minor
 * units by currency, at the minute in which the orders were placed. Its sample count is the number of orders. A line can have
 * the metrics of one time only, so each sale has a line of its own beside that of the batch.
 *
 * Kinesis may deliver a change twice, so within a batch each counts once by its event id; across batches a metric may count
 * it again. What must be exact is kept by the table's own stream (CustomerStats).
 *
 * A change that cannot be read goes to the on-failure queue at once, as in the dispatcher: no retry makes it readable.
 */
export const handler = ({ Records }: KinesisStreamEvent, context: Context): Promise<KinesisStreamBatchResponse> =>
  countingCalls(async (consumed) => {
    const started = Date.now();
    const seen = new Set<string>();
    let done = 0;
    for (const record of Records) {
      try {
        const sale = saleIn(record.kinesis);
        if (sale && !seen.has(sale.eventId)) {
          seen.add(sale.eventId);
          count(sale);
        }
      } catch (error) {
        const { sequenceNumber } = record.kinesis;
        logger.error('A change in the Kinesis stream failed', { failureClass: failureClass(error), sequenceNumber, ...failureOf(error) });
        if (failureClass(error) === 'passing' || !(await giveUp(record, context))) break;
      }
      done++;
    }
    const failed = Records[done];
    const { readUnits: ReadUnits, writeUnits: WriteUnits } = consumed;
    logger.info('batch', {
      records: Records.length,
      done,
      latencyMs: Date.now() - started,
      ...consumed,
      ...batchMetrics({ StreamRecords: done, StreamFailures: failed ? 1 : 0, ReadUnits, WriteUnits }),
    });
    return { batchItemFailures: failed ? [{ itemIdentifier: failed.kinesis.sequenceNumber }] : [] };
  });

type Sale = NonNullable<ReturnType<typeof saleIn>>;

function count({ placedAt, currency, totalMinor: SalesMinor }: Sale): void {
  const at = Math.floor(Date.parse(placedAt) / MINUTE_MS) * MINUTE_MS;
  logger.info('sale', saleMetrics({ SalesMinor }, { at, dimensions: { currency } }));
}

/** The sale that a change is; undefined for any other change. @throws BadRecord */
function saleIn({ data, sequenceNumber: SequenceNumber }: KinesisStreamRecordPayload) {
  const { dynamodb, ...change } = JSON.parse(Buffer.from(data, 'base64').toString('utf8')) as DynamoDBRecord;
  // A table writes milliseconds to Kinesis where its own stream has seconds, and no sequence number.
  // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds.html
  const ApproximateCreationDateTime = (dynamodb?.ApproximateCreationDateTime ?? 0) / 1_000;
  const record: DynamoDBRecord = { ...change, dynamodb: { ...dynamodb, SequenceNumber, ApproximateCreationDateTime } };
  const { eventId, eventName, entity } = readRecord(record, 'KEYS_ONLY');
  if (eventName !== 'INSERT' || entity !== 'Order') return undefined;
  const { newImage } = readRecord(record, 'NEW_IMAGE') as Extract<Change<'Order', 'NEW_IMAGE'>, { eventName: 'INSERT' }>;
  return { eventId, placedAt: newImage.placedAt, currency: newImage.currency, totalMinor: newImage.totalMinor };
}
