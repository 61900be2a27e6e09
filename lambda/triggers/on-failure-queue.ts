import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context, DynamoDBRecord, KinesisStreamRecord } from 'aws-lambda';
import { env } from '#shared/env';
import { failureOf } from '#shared/failure';
import { logger } from '#shared/logger';
import { isoTime } from '#shared/time';
import { abortAt, sdkOptions } from './sdk-options';

// The URL names the queue. The host is that of the region, or of an endpoint that is set.
const sqs = new SQSClient({ ...sdkOptions, useQueueUrlAsEndpoint: false });

/** What a send may take, its retries included, and what is left of the function's time for its answer. */
const MOST_MS = 10_000;
const ANSWER_MS = 1_000;

/** Why a record is there: Lambda's own conditions are `RetryAttemptsExhausted` and the like. */
const CONDITION = 'RefusedBySetUp';

/**
 * Puts a record on the on-failure queue of its function's mapping, as Lambda does after the last retry: the message says
 * where the record is, not what it says. Lambda tells a function the shard of a Kinesis record only, so the message of
 * another has none, and the redrive looks for it.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 *
 * @returns whether it is in the queue; a record that is not fails, and Lambda delivers it again
 */
export async function giveUp(record: DynamoDBRecord | KinesisStreamRecord, context: Context): Promise<boolean> {
  const deadline = Date.now() + Math.min(MOST_MS, context.getRemainingTimeInMillis() - ANSWER_MS);
  try {
    const MessageBody = JSON.stringify(onFailureRecord(record, context));
    await sqs.send(new SendMessageCommand({ QueueUrl: env('ON_FAILURE_QUEUE_URL'), MessageBody }), abortAt(deadline));
    return true;
  } catch (error) {
    logger.error('The on-failure queue did not take a record', { eventId: record.eventID, ...failureOf(error) });
    return false;
  }
}

/** @throws Error for a record that nobody could find again */
function onFailureRecord(record: DynamoDBRecord | KinesisStreamRecord, { awsRequestId, invokedFunctionArn, functionVersion }: Context): object {
  return {
    requestContext: { requestId: awsRequestId, functionArn: invokedFunctionArn, condition: CONDITION, approximateInvokeCount: 1 },
    responseContext: { statusCode: 200, executedVersion: functionVersion, functionError: null },
    version: '1.0',
    timestamp: isoTime(Date.now()),
    ...batchInfo(record),
  };
}

/** A batch of one record. Times are in whole seconds of DynamoDB, in milliseconds of Kinesis. */
function batchInfo(record: DynamoDBRecord | KinesisStreamRecord): object {
  if ('kinesis' in record) {
    const { sequenceNumber, approximateArrivalTimestamp } = record.kinesis;
    const [shardId] = record.eventID.split(':');
    return { KinesisBatchInfo: { shardId, ...one(sequenceNumber, isoTime(approximateArrivalTimestamp * 1_000), record.eventSourceARN) } };
  }
  const { SequenceNumber, ApproximateCreationDateTime = 0 } = record.dynamodb ?? {};
  const arrived = isoTime(ApproximateCreationDateTime * 1_000).replace(/\.\d+Z$/, 'Z');
  return { DDBStreamBatchInfo: one(SequenceNumber, arrived, record.eventSourceARN) };
}

function one(sequenceNumber: string | undefined, arrived: string, streamArn: string | undefined): object {
  if (!sequenceNumber || !streamArn) throw new Error('The record has no sequence number or no stream, so no message can name it.');
  return {
    startSequenceNumber: sequenceNumber,
    endSequenceNumber: sequenceNumber,
    approximateArrivalOfFirstRecord: arrived,
    approximateArrivalOfLastRecord: arrived,
    batchSize: 1,
    streamArn,
  };
}
