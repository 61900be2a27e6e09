import * as z from 'zod/mini';

/**
 * What Lambda, or the function itself, sends to an on-failure queue for records of a DynamoDB stream: where they are, not
 * what they say.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
const onFailureRecord = z.object({
  requestContext: z.object({ functionArn: z.string(), condition: z.string() }),
  DDBStreamBatchInfo: z.object({
    shardId: z.optional(z.string()),
    startSequenceNumber: z.string(),
    endSequenceNumber: z.string(),
    batchSize: z.number(),
    streamArn: z.string(),
  }),
});

export interface Batch {
  functionArn: string;
  /** Why it was given up. */
  condition: string;
  streamArn: string;
  /** Missing where the function sent it: Lambda does not tell a function the shard. */
  shardId?: string | undefined;
  /** The sequence numbers of its first and last record, and how many the function was given. */
  start: string;
  end: string;
  size: number;
}

/** The batch that a message of an on-failure queue names; or what the message is instead. */
export function readMessage(body: string): Batch | string {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return 'no on-failure record';
  }
  if (typeof json === 'object' && json !== null && 'KinesisBatchInfo' in json) return 'of a Kinesis stream, which is not read here';
  const { data } = onFailureRecord.safeParse(json);
  if (!data) return 'no on-failure record of a DynamoDB stream';
  const { requestContext, DDBStreamBatchInfo: info } = data;
  return {
    functionArn: requestContext.functionArn,
    condition: requestContext.condition,
    streamArn: info.streamArn,
    shardId: info.shardId,
    start: info.startSequenceNumber,
    end: info.endSequenceNumber,
    size: info.batchSize,
  };
}
