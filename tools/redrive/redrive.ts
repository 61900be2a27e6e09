import type { _Record, DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { fetchRecords } from './fetch-records';
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

/** A message comes back by itself after this, should the redrive end in the middle; it is held anew before that. */
const IN_FLIGHT_SECONDS = 300;
const HELD_ANEW_MS = 120_000;

/** So many messages that were seen before, one behind the other: all that is left was tried. */
const SEEN_IN_A_ROW = 20;

/** A queue is asked on all its servers only when it may wait. */
const WAIT_SECONDS = 2;

/**
 * Redrives the messages of an on-failure queue: fetches the records that each names while the stream has them, and invokes
 * the function that gave them up. A message is deleted when all that it names was processed; any other stays in the queue.
 *
 * @param isDryRun invokes and deletes nothing
 * @param print one line for each message
 * @param stop ends it after the record under way
 */
export async function redrive(
  { sqs, lambda, streams }: Services,
  queueUrl: string,
  isDryRun: boolean,
  print: (line: string) => void,
  stop: AbortSignal,
): Promise<Summary> {
  const summary: Summary = { redriven: 0, left: 0, pastSaving: 0 };
  const kept = new Map<string, Message>();
  const setVisibility = (message: Message, seconds: number) =>
    sqs.send(
      new ChangeMessageVisibilityCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: seconds }),
    );
  let seen = 0;
  try {
    while (!stop.aborted && seen < SEEN_IN_A_ROW) {
      const { Messages: [message] = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: 1,
          VisibilityTimeout: IN_FLIGHT_SECONDS,
          WaitTimeSeconds: WAIT_SECONDS,
        }),
      );
      if (!message) break;
      const id = message.MessageId ?? '';
      // One that stays has come back, which in a long redrive others may still be behind.
      seen = kept.has(id) ? seen + 1 : 0;
      if (kept.has(id)) {
        kept.set(id, message);
        continue;
      }
      const hold = () => setVisibility(message, IN_FLIGHT_SECONDS);
      const { outcome, line } = await redriveMessage(message.Body ?? '', { lambda, streams }, { isDryRun, stop, hold });
      summary[outcome]++;
      if (outcome === 'redriven' && !isDryRun) {
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
      } else kept.set(id, message);
      print(line);
    }
    return summary;
  } finally {
    // What stays can be received again at once; one that cannot be released comes back by itself.
    for (const message of kept.values()) await setVisibility(message, 0).catch(() => {});
  }
}

interface Redrive {
  isDryRun: boolean;
  /** Ends it after the record under way. */
  stop: AbortSignal;
  /** Keeps the message from coming back meanwhile. */
  hold(): Promise<unknown>;
}

async function redriveMessage(
  body: string,
  services: Pick<Services, 'lambda' | 'streams'>,
  how: Redrive,
): Promise<{ outcome: keyof Summary; line: string }> {
  const batch = readMessage(body);
  if (typeof batch === 'string') return { outcome: 'left', line: `left         ${batch}: ${body.slice(0, 80)}` };
  try {
    return await redriveBatch(batch, services, how);
  } catch (error) {
    return { outcome: 'left', line: `left         ${describe(batch, [])}: ${(error as Error).name}: ${(error as Error).message}` };
  }
}

async function redriveBatch(
  batch: Batch,
  { lambda, streams }: Pick<Services, 'lambda' | 'streams'>,
  { isDryRun, stop, hold }: Redrive,
): Promise<{ outcome: keyof Summary; line: string }> {
  const { records, isTrimmed } = await fetchRecords(streams, batch);
  const what = describe(batch, records);
  if (records.length === 0) return { outcome: 'pastSaving', line: `past saving  ${what}: the stream has it no more` };
  if (isDryRun) {
    return isTrimmed
      ? { outcome: 'pastSaving', line: `past saving  ${what}: in part, the stream has the first no more; the rest would go` }
      : { outcome: 'redriven', line: `would go     ${what}` };
  }
  const failures: string[] = [];
  let held = Date.now();
  for (const record of records) {
    if (stop.aborted) return { outcome: 'left', line: `stopped      ${what}` };
    if (Date.now() - held > HELD_ANEW_MS) {
      await hold();
      held = Date.now();
    }
    const failure = await invoke(lambda, batch, record);
    if (failure) failures.push(`${record.dynamodb?.SequenceNumber}: ${failure}`);
  }
  if (failures.length > 0) return { outcome: 'left', line: `failed again ${what}: ${failures.length} of ${records.length}, ${failures[0]}` };
  if (isTrimmed) return { outcome: 'pastSaving', line: `past saving  ${what}: in part, the stream has the first no more; the rest is redriven` };
  return { outcome: 'redriven', line: `redriven     ${what}` };
}

/**
 * Invokes the function with one record: one that fails again holds up none of the others. Told that it is a redrive, the
 * function answers what its set-up refuses as failed, and sends no second message.
 * @returns why it was not processed; undefined when it was
 */
async function invoke(lambda: LambdaClient, { functionArn, streamArn }: Batch, record: _Record): Promise<string | undefined> {
  const event = { Records: [lambdaRecord(record, streamArn)], isRedrive: true };
  const { FunctionError, Payload } = await lambda.send(
    new InvokeCommand({ FunctionName: functionArn, Payload: Buffer.from(JSON.stringify(event)) }),
  );
  const answer = JSON.parse(Buffer.from(Payload ?? []).toString('utf8') || 'null') as Answer | null;
  if (FunctionError) return `${answer?.errorType ?? FunctionError}: ${answer?.errorMessage ?? 'no message'}`;
  return (answer?.batchItemFailures ?? []).length > 0 ? 'the log of the function says why' : undefined;
}

interface Answer {
  errorType?: string;
  errorMessage?: string;
  batchItemFailures?: { itemIdentifier: string }[];
}

/** What a person must know of a batch: the function, how much, which items, why. */
function describe({ functionArn, condition, size }: Batch, records: _Record[]): string {
  const name = functionArn.split(':').at(6) ?? functionArn;
  const keys = records.slice(0, 2).map(({ eventName, dynamodb }) => {
    const byName = Object.entries(dynamodb?.Keys ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const values = byName.map(([, value]) => Object.values(value)[0] as string);
    return `${eventName} ${values.join(' ')}`;
  });
  const more = records.length > 2 ? ` and ${records.length - 2} more` : '';
  // What the filters left out lies between; the function passes it.
  const between = records.length > size ? `, ${records.length - size} more between them` : '';
  return `${name}, ${size} ${size === 1 ? 'record' : 'records'}${between} (${condition})${keys.length > 0 ? `, ${keys.join(', ')}${more}` : ''}`;
}
