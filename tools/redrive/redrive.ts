import type { _Record, DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { type Fetched, fetchRecords } from './fetch-records';
import { lambdaRecord } from './lambda-event';
import { type Batch, readMessage } from './on-failure-record';

/** The services that a redrive needs. */
export interface Services {
  sqs: SQSClient;
  lambda: LambdaClient;
  streams: DynamoDBStreamsClient;
}

export interface Summary {
  redriven: number;
  /** Failed again, or is no on-failure record: still in the queue. */
  left: number;
  /** The stream has no record of it any more. It stays in the queue, which is the last that names it. */
  pastSaving: number;
}

/** A message comes back by itself after this, should the redrive end in the middle. */
const IN_FLIGHT_SECONDS = 300;

/** Lambda takes 6 MB; a stream's record is at most two items of 400 KB. */
const EVENT_BYTES = 5 * 1024 * 1024;

/**
 * Redrives the messages of an on-failure queue: fetches the records that each names while the stream has them, and invokes
 * the function that gave them up. A message is deleted when all that it names was processed; any other stays in the queue.
 *
 * @param isDryRun invokes and deletes nothing
 * @param print one line for each message
 */
export async function redrive(
  { sqs, lambda, streams }: Services,
  queueUrl: string,
  isDryRun: boolean,
  print: (line: string) => void,
): Promise<Summary> {
  const summary: Summary = { redriven: 0, left: 0, pastSaving: 0 };
  const kept: Message[] = [];
  try {
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: IN_FLIGHT_SECONDS }),
      );
      if (Messages.length === 0) return summary;
      for (const message of Messages) {
        const { outcome, line } = await redriveMessage(message.Body ?? '', { lambda, streams }, isDryRun);
        summary[outcome]++;
        if (outcome === 'redriven' && !isDryRun) {
          await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
        } else kept.push(message);
        print(line);
      }
    }
  } finally {
    // What stays can be received again at once.
    for (const { ReceiptHandle } of kept) {
      await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: queueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    }
  }
}

async function redriveMessage(
  body: string,
  services: Pick<Services, 'lambda' | 'streams'>,
  isDryRun: boolean,
): Promise<{ outcome: keyof Summary; line: string }> {
  const batch = readMessage(body);
  if (typeof batch === 'string') return { outcome: 'left', line: `left         ${batch}: ${body.slice(0, 80)}` };
  const fetched = await fetchRecords(services.streams, batch);
  const what = describe(batch, fetched);
  if (fetched.records.length === 0) return { outcome: 'pastSaving', line: `past saving  ${what}: the stream has it no more` };
  if (isDryRun) return { outcome: fetched.isTrimmed ? 'pastSaving' : 'redriven', line: `would go     ${what}` };
  const failure = await invoke(services.lambda, batch, fetched.records);
  if (failure) return { outcome: 'left', line: `failed again ${what}: ${failure}` };
  if (fetched.isTrimmed) return { outcome: 'pastSaving', line: `past saving  ${what}: in part, the stream has the first no more; the rest is redriven` };
  return { outcome: 'redriven', line: `redriven     ${what}` };
}

/** Invokes the function with the records. @returns why it did not process them all; undefined when it did */
async function invoke(lambda: LambdaClient, { functionArn, streamArn }: Batch, records: _Record[]): Promise<string | undefined> {
  for (const event of eventsOf(records.map((record) => lambdaRecord(record, streamArn)))) {
    const { FunctionError, Payload } = await lambda.send(
      new InvokeCommand({ FunctionName: functionArn, Payload: Buffer.from(JSON.stringify({ Records: event })) }),
    );
    const answer = JSON.parse(Buffer.from(Payload ?? []).toString('utf8') || 'null') as Answer | null;
    if (FunctionError) return `${answer?.errorType ?? FunctionError}: ${answer?.errorMessage ?? 'no message'}`;
    const failed = answer?.batchItemFailures ?? [];
    if (failed.length > 0) return `the function's log names the reason (sequence number ${failed[0]?.itemIdentifier})`;
  }
  return undefined;
}

interface Answer {
  errorType?: string;
  errorMessage?: string;
  batchItemFailures?: { itemIdentifier: string }[];
}

/** The records in as many events as Lambda's limit makes of them. */
function eventsOf(records: object[]): object[][] {
  const events: object[][] = [];
  let bytes = Infinity;
  for (const record of records) {
    const size = Buffer.byteLength(JSON.stringify(record));
    if (bytes + size > EVENT_BYTES) {
      events.push([]);
      bytes = 0;
    }
    events.at(-1)?.push(record);
    bytes += size;
  }
  return events;
}

/** What a person must know of a batch: the function, how much, which items, why. */
function describe({ functionArn, condition, size }: Batch, { records }: Fetched): string {
  const name = functionArn.split(':').at(6) ?? functionArn;
  const keys = records.slice(0, 2).map(({ eventName, dynamodb }) => {
    const byName = Object.entries(dynamodb?.Keys ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const values = byName.map(([, value]) => Object.values(value)[0] as string);
    return `${eventName} ${values.join(' ')}`;
  });
  const more = records.length > 2 ? ` and ${records.length - 2} more` : '';
  return `${name}, ${size} ${size === 1 ? 'record' : 'records'} (${condition})${keys.length > 0 ? `, ${keys.join(', ')}${more}` : ''}`;
}
