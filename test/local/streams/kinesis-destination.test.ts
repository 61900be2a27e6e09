import type { StreamRecord } from '../../../local/engine/logged-streams';
import { kinesisChange, kinesisEvent } from '../../../local/streams/kinesis-destination';

const record: StreamRecord = {
  eventID: 'e',
  eventName: 'INSERT',
  eventVersion: '1.1',
  eventSource: 'aws:dynamodb',
  awsRegion: 'us-east-1',
  dynamodb: {
    ApproximateCreationDateTime: 1_795_600_800,
    Keys: { pk: { S: 'a' } },
    NewImage: { pk: { S: 'a' } },
    SequenceNumber: '100000000000000000007',
    SizeBytes: 6,
    StreamViewType: 'NEW_AND_OLD_IMAGES',
  },
};

const change = {
  eventID: 'e',
  eventName: 'INSERT',
  eventVersion: '1.1',
  eventSource: 'aws:dynamodb',
  awsRegion: 'us-east-1',
  recordFormat: 'application/json',
  tableName: 'T',
  dynamodb: {
    ApproximateCreationDateTime: 1_795_600_800_000,
    ApproximateCreationDateTimePrecision: 'MILLISECOND',
    Keys: { pk: { S: 'a' } },
    NewImage: { pk: { S: 'a' } },
    SizeBytes: 6,
  },
};

test('a change as a table writes it to Kinesis: milliseconds, no sequence number', () => {
  expect(kinesisChange(record, 'T')).toEqual(change);
});

test('a change as Lambda reads it from Kinesis', () => {
  const { kinesis, ...event } = kinesisEvent(record, 'T', 'arn:sales') as { kinesis: { data: string } };
  expect(event).toEqual({
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: 'shardId-000000000000:100000000000000000007',
    eventName: 'aws:kinesis:record',
    awsRegion: 'us-east-1',
    eventSourceARN: 'arn:sales',
  });
  const { data, ...rest } = kinesis;
  expect(rest).toEqual({
    kinesisSchemaVersion: '1.0',
    partitionKey: '{"pk":{"S":"a"}}',
    sequenceNumber: '100000000000000000007',
    approximateArrivalTimestamp: 1_795_600_800,
  });
  expect(JSON.parse(Buffer.from(data, 'base64').toString())).toEqual(change);
});
