import { createHash } from 'node:crypto';
import { ACCOUNT_ID } from '../resolve';
import type { Outbox } from './outbox';
import type { Message, QueueDefinition, Queues } from './queues';
import { type StandIn, jsonInput, jsonProtocol, type Protocol, type ServiceCall, ServiceError, targetOperation, MOST_JSON_BYTES } from './service';

const json = jsonProtocol('com.amazonaws.sqs', '1.0');

/**
 * Amazon SQS, its JSON protocol.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
 */
export function sqsService(options: {
  region: string;
  queues: Queues;
  outbox: Outbox;
  /** The ARNs of those where records end that a consumer gave up. */
  onFailureQueues: ReadonlySet<string>;
}): StandIn<'sqs'> {
  const { region, queues, outbox, onFailureQueues } = options;
  const now = () => queues.now();
  const arnOf = (name: string) => `arn:aws:sqs:${region}:${ACCOUNT_ID}:${name}`;
  const urlOf = ({ headers }: ServiceCall, { name }: QueueDefinition) => `http://${headers.host}/${ACCOUNT_ID}/${name}`;

  /** The queue that a call is about, when the caller may make the call. */
  const authorized = (call: ServiceCall, name: string): QueueDefinition => {
    call.authorize({ action: `sqs:${targetOperation(call)}`, resource: arnOf(name) });
    const queue = queues.named(name);
    if (!queue) throw error('QueueDoesNotExist', 'The specified queue does not exist.', 'AWS.SimpleQueueService.NonExistentQueue');
    return queue;
  };
  /** The name is the end of the queue URL, whichever host it has. */
  const open = <Input extends object>(call: ServiceCall, known: readonly string[]) => {
    const input = jsonInput(call) as Input & { QueueUrl?: string };
    const queue = authorized(call, String(input.QueueUrl ?? '').split('/').at(-1) ?? '');
    refuseOthers(input, ['QueueUrl', ...known]);
    return { input, queue };
  };

  /** The message of a receipt handle, if it is there still. @throws ServiceError for a handle that this queue did not give */
  const received = (queue: QueueDefinition, receiptHandle = ''): Message | undefined => {
    if (receiptHandle === '') throw error('MissingParameter', 'The request must contain the parameter ReceiptHandle.');
    if (!queues.gave(queue, receiptHandle)) {
      throw error('ReceiptHandleIsInvalid', `The input receipt handle "${receiptHandle}" is not a valid receipt handle.`);
    }
    return queues.received(queue, receiptHandle);
  };
  const startedAt = Math.floor(now() / 1_000);

  return {
    maxBodyBytes: MOST_JSON_BYTES,
    protocol,
    faults: {
      name: 'sqs',
      throttled: error('RequestThrottled', 'The request was denied due to request throttling.'),
      internalError: new ServiceError('InternalError', 'We encountered an internal error. Please try again.', 500),
    },
    operationOf: targetOperation,
    operations: {
      GetQueueUrl(call) {
        const { QueueName } = jsonInput(call) as { QueueName?: string };
        return json.reply({ QueueUrl: urlOf(call, authorized(call, QueueName ?? '')) });
      },

      ListQueues(call) {
        call.authorize({ action: 'sqs:ListQueues', resource: '*' });
        const { QueueNamePrefix = '' } = jsonInput(call) as { QueueNamePrefix?: string };
        const found = queues.definitions.filter(({ name }) => name.startsWith(QueueNamePrefix));
        return json.reply({ QueueUrls: found.map((queue) => urlOf(call, queue)) });
      },

      SendMessage(call) {
        const { input, queue } = open<{ MessageBody?: string; DelaySeconds?: number }>(call, ['MessageBody', 'DelaySeconds']);
        const { MessageBody = '', DelaySeconds = 0 } = input;
        if (MessageBody === '') throw error('MissingParameter', 'The request must contain the parameter MessageBody.');
        if (Buffer.byteLength(MessageBody) > queue.maximumMessageBytes) {
          throw invalid(`Message must be shorter than ${queue.maximumMessageBytes} bytes.`);
        }
        if (FORBIDDEN.test(MessageBody)) {
          throw error('InvalidMessageContents', 'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.');
        }
        inRange('DelaySeconds', DelaySeconds, 0, 900);
        const MessageId = queues.send(queue.arn, MessageBody, DelaySeconds);
        if (call.flow !== undefined && onFailureQueues.has(queue.arn)) {
          outbox.add({ kind: 'dead-letter', function: call.flow, queue: queue.name, ...recordIn(MessageBody) });
        }
        return json.reply({ MessageId, MD5OfMessageBody: md5(MessageBody) });
      },

      ReceiveMessage(call) {
        const { input, queue } = open<ReceiveInput>(call, [
          'MaxNumberOfMessages',
          'VisibilityTimeout',
          // It answers at once, as it may.
          'WaitTimeSeconds',
          'AttributeNames',
          'MessageSystemAttributeNames',
          'MessageAttributeNames',
        ]);
        const { MaxNumberOfMessages = 1, VisibilityTimeout = queue.visibilityTimeoutSeconds } = input;
        inRange('MaxNumberOfMessages', MaxNumberOfMessages, 1, 10);
        inRange('VisibilityTimeout', VisibilityTimeout, 0, TWELVE_HOURS);
        const wanted = [...(input.AttributeNames ?? []), ...(input.MessageSystemAttributeNames ?? [])];
        const messages = queues.receive(queue, MaxNumberOfMessages, VisibilityTimeout);
        return json.reply(messages.length === 0 ? {} : { Messages: messages.map((message) => written(message, wanted)) });
      },

      DeleteMessage(call) {
        const { input, queue } = open<{ ReceiptHandle?: string }>(call, ['ReceiptHandle']);
        const message = received(queue, input.ReceiptHandle);
        // SQS answers the same where the message is gone, or was received again since.
        if (message) queues.delete(queue, message);
        return json.reply({});
      },

      ChangeMessageVisibility(call) {
        const { input, queue } = open<{ ReceiptHandle?: string; VisibilityTimeout?: number }>(call, ['ReceiptHandle', 'VisibilityTimeout']);
        const { ReceiptHandle, VisibilityTimeout = -1 } = input;
        inRange('VisibilityTimeout', VisibilityTimeout, 0, TWELVE_HOURS);
        const message = received(queue, ReceiptHandle);
        if (!message || message.visibleAt <= now()) {
          throw error('MessageNotInflight', 'The message is not in flight.', 'AWS.SimpleQueueService.MessageNotInflight');
        }
        queues.setVisibleAt(queue, message, now() + VisibilityTimeout * 1_000);
        return json.reply({});
      },

      GetQueueAttributes(call) {
        const { input, queue } = open<{ AttributeNames?: string[] }>(call, ['AttributeNames']);
        const { visible, inFlight, delayed } = queues.count(queue);
        const attributes = {
          QueueArn: queue.arn,
          ApproximateNumberOfMessages: String(visible),
          ApproximateNumberOfMessagesNotVisible: String(inFlight),
          ApproximateNumberOfMessagesDelayed: String(delayed),
          VisibilityTimeout: String(queue.visibilityTimeoutSeconds),
          MessageRetentionPeriod: String(queue.retentionSeconds),
          MaximumMessageSize: String(queue.maximumMessageBytes),
          CreatedTimestamp: String(startedAt),
          LastModifiedTimestamp: String(startedAt),
          DelaySeconds: '0',
          ReceiveMessageWaitTimeSeconds: String(queue.waitSeconds),
          SqsManagedSseEnabled: 'true',
          ...(queue.redrive && { RedrivePolicy: JSON.stringify(queue.redrive) }),
        };
        return json.reply({ Attributes: chosen(attributes, input.AttributeNames ?? []) });
      },

      PurgeQueue(call) {
        const { queue } = open(call, []);
        queues.purge(queue);
        return json.reply({});
      },
    },
  };
}

const TWELVE_HOURS = 43_200;

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** SQS names its errors by the codes of its former protocol too, and the SDK goes by those. */
const protocol: Protocol = {
  ...json,
  error: ({ code, message, status, headers }) =>
    json.error(new ServiceError(code, message, status, { 'x-amzn-query-error': `${code};Sender`, ...headers })),
};

const error = (code: string, message: string, formerCode = code) =>
  new ServiceError(code, message, 400, { 'x-amzn-query-error': `${formerCode};Sender` });

const invalid = (reason: string) => error('InvalidParameterValue', `One or more parameters are invalid. Reason: ${reason}`);

function inRange(name: string, value: number, from: number, to: number): void {
  if (Number.isInteger(value) && value >= from && value <= to) return;
  throw invalid(`Value ${value} for parameter ${name} is invalid. Reason: must be between ${from} and ${to}.`);
}

/** A parameter that was ignored would make a call do something else here than on AWS. */
function refuseOthers(input: object, known: readonly string[]): void {
  const other = Object.keys(input).find((name) => !known.includes(name));
  if (other) throw error('UnsupportedOperation', `${other} does not run here.`, 'AWS.SimpleQueueService.UnsupportedOperation');
}

function written(message: Message, wanted: readonly string[]): object {
  const attributes = {
    SenderId: ACCOUNT_ID,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
  };
  const { id, receiptHandle, body } = message;
  return { MessageId: id, ReceiptHandle: receiptHandle, Body: body, MD5OfBody: md5(body), Attributes: chosen(attributes, wanted) };
}

const chosen = (attributes: Record<string, string>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => names.includes('All') || names.includes(name)));

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

/** An on-failure record; of a message in another form, its text. */
function recordIn(body: string): object {
  try {
    return { ...(JSON.parse(body) as object) };
  } catch {
    return { body };
  }
}

interface ReceiveInput {
  MaxNumberOfMessages?: number;
  VisibilityTimeout?: number;
  AttributeNames?: string[];
  MessageSystemAttributeNames?: string[];
}
