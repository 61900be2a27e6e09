import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { DynamoDBRecord, KinesisStreamBatchResponse, KinesisStreamEvent, KinesisStreamRecordPayload } from 'aws-lambda';
import { type Change, readRecord } from './stream-record';

const MINUTE_MS = 60_000;

const logger = new Logger();

/**
 * Reads the Kinesis Data Stream that the Orders table writes its changes to, and counts sales as a CloudWatch metric: minor
 * units by currency, at the minute in which the orders were placed. Its sample count is the number of orders.
 *
 * Kinesis may deliver a change twice, so within a batch each counts once by its event id; across batches a metric may count
 * it again. What must be exact is kept by the table's own stream (CustomerStats).
 */
export async function handler({ Records }: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> {
  const metrics = new Metrics({ namespace: 'Store', defaultDimensions: { flow: process.env.POWERTOOLS_SERVICE_NAME ?? 'sales' } });
  const seen = new Set<string>();
  for (const { kinesis } of Records) {
    try {
      const sale = saleIn(kinesis);
      if (!sale || seen.has(sale.eventId)) continue;
      seen.add(sale.eventId);
      const minute = metrics.singleMetric();
      minute.setTimestamp(Math.floor(Date.parse(sale.placedAt) / MINUTE_MS) * MINUTE_MS);
      minute.addDimension('currency', sale.currency);
      minute.addMetric('SalesMinor', MetricUnit.Count, sale.totalMinor);
    } catch (error) {
      logger.error('A change in the Kinesis stream failed', { sequenceNumber: kinesis.sequenceNumber, reason: String(error) });
      return { batchItemFailures: [{ itemIdentifier: kinesis.sequenceNumber }] };
    }
  }
  return { batchItemFailures: [] };
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
