import type { SourceRecord } from './consumer';

/**
 * What Lambda sends to the on-failure destination of an event source mapping for records that it discards: where they
 * are, not what they say.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 * https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
 */
export interface OnFailureRecord {
  requestContext: { requestId: string; functionArn: string; condition: Condition; approximateInvokeCount: number };
  /** Of the last invocation; missing when the records were too old before the first. */
  responseContext?: ResponseContext;
  version: '1.0';
  /** When they were discarded, ISO 8601. */
  timestamp: string;
  /** One of the two, by the kind of the stream. */
  DDBStreamBatchInfo?: BatchInfo;
  KinesisBatchInfo?: BatchInfo;
}

/** AWS documents no list of them: the first is in its examples, the second is what records in the field say. */
export type Condition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

/** `Unhandled` for an invocation that ended in an error; null for a response that names records as failed. */
export type FunctionError = 'Unhandled' | null;

interface ResponseContext {
  statusCode: 200;
  executedVersion: '$LATEST';
  functionError: FunctionError;
}

interface BatchInfo {
  shardId: string;
  startSequenceNumber: string;
  endSequenceNumber: string;
  /** ISO 8601: in whole seconds of DynamoDB, in milliseconds of Kinesis. */
  approximateArrivalOfFirstRecord: string;
  approximateArrivalOfLastRecord: string;
  batchSize: number;
  streamArn: string;
}

/** What is known when records are discarded. */
export interface Discarded {
  /** At least one. */
  records: readonly SourceRecord[];
  condition: Condition;
  /** The last invocation with these records. */
  last: { requestId: string; functionError: FunctionError } | undefined;
  /** How many invocations there were with these records. */
  invokeCount: number;
}

/** @param requestId for records that were in no invocation; @param now epoch ms */
export function onFailureRecord(
  { records, condition, last, invokeCount }: Discarded,
  at: { functionArn: string; streamArn: string; shardId: string; requestId: string; now: number },
): OnFailureRecord {
  const isKinesis = at.streamArn.split(':')[2] === 'kinesis';
  const first = records.at(0) as SourceRecord;
  const end = records.at(-1) as SourceRecord;
  const arrivalOf = ({ arrivedAt }: SourceRecord) => {
    const text = new Date(arrivedAt).toISOString();
    return isKinesis ? text : text.replace(/\.\d+Z$/, 'Z');
  };
  return {
    requestContext: {
      requestId: last?.requestId ?? at.requestId,
      functionArn: at.functionArn,
      condition,
      approximateInvokeCount: invokeCount,
    },
    ...(last && { responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: last.functionError } }),
    version: '1.0',
    timestamp: new Date(at.now).toISOString(),
    [isKinesis ? 'KinesisBatchInfo' : 'DDBStreamBatchInfo']: {
      shardId: at.shardId,
      startSequenceNumber: first.sequenceNumber,
      endSequenceNumber: end.sequenceNumber,
      approximateArrivalOfFirstRecord: arrivalOf(first),
      approximateArrivalOfLastRecord: arrivalOf(end),
      batchSize: records.length,
      streamArn: at.streamArn,
    },
  };
}
