import type { StreamRecord } from '../engine/logged-streams';
import type { SourceRecord } from './consumer';

/**
 * A change as a table writes it to its Kinesis Data Stream: as in its own stream, but with milliseconds, and without a
 * sequence number.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds.html
 */
export function kinesisChange({ dynamodb, ...record }: StreamRecord, tableName: string): object {
  const { SequenceNumber: _, StreamViewType: __, ApproximateCreationDateTime, ...change } = dynamodb;
  return {
    ...record,
    recordFormat: 'application/json',
    tableName,
    dynamodb: {
      ...change,
      ApproximateCreationDateTime: ApproximateCreationDateTime * 1_000,
      ApproximateCreationDateTimePrecision: 'MILLISECOND',
    },
  };
}

/** The shard of a Kinesis stream on this machine: the stream of its table has one. */
export const KINESIS_SHARD = 'shardId-000000000000';

/**
 * A change as Lambda hands on what it reads from Kinesis.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
 */
export function kinesisEvent(record: StreamRecord, tableName: string, streamArn: string): SourceRecord['event'] {
  const { SequenceNumber, Keys, ApproximateCreationDateTime } = record.dynamodb;
  return {
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: JSON.stringify(Keys),
      sequenceNumber: SequenceNumber,
      data: Buffer.from(JSON.stringify(kinesisChange(record, tableName))).toString('base64'),
      approximateArrivalTimestamp: ApproximateCreationDateTime,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: `${KINESIS_SHARD}:${SequenceNumber}`,
    eventName: 'aws:kinesis:record',
    awsRegion: record.awsRegion,
    eventSourceARN: streamArn,
  };
}
