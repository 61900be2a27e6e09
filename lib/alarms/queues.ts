import { type AlarmKind, type AlarmRow, metricOf } from './alarm';

/** A queue: of records that a consumer gave up, of events that nobody took, or of what another system is to take. */
export interface WatchedQueue {
  readonly queueName: string;
  readonly holds: 'records' | 'undelivered events' | 'events for a subscriber';
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html */
const NAMESPACE = 'AWS/SQS';

const KINDS = {
  records: {
    name: 'not-empty',
    metrics: ['ApproximateNumberOfMessagesVisible'],
    raised: 'any: nothing is given up in a good week',
    evaluation: { datapoints: 1, of: 1, minutes: 1 },
    means: 'A consumer gave up stream records: at once where its set-up refuses them (a permission, a bucket, a quota, a sender), else after all retries.',
    first: 'Read the log of the consumer (level ERROR) and repair what it names. Then npm run redrive -- --aws --queue NAME processes them: the stream has them for 24 hours.',
    graph: 'messages',
  },
  'undelivered events': {
    name: 'waiting',
    metrics: ['ApproximateNumberOfMessagesVisible'],
    raised: 'any: every event has a subscriber that takes it',
    evaluation: { datapoints: 1, of: 1, minutes: 1 },
    means: 'Events reached no subscriber: the bus could not deliver them, or a subscriber failed five times.',
    first: 'Read them (aws sqs receive-message); what a subscriber failed on goes back to it with aws sqs start-message-move-task.',
    graph: 'messages',
  },
  'events for a subscriber': {
    name: 'not-taken',
    metrics: ['ApproximateAgeOfOldestMessage'],
    raised: 'a day: SQS deletes a message after fourteen, and what a subscriber finds in time is its own matter',
    evaluation: { datapoints: 3, of: 3, minutes: 5 },
    means: 'The subscriber does not take its messages.',
    first: 'See whether it runs. A store that nobody has connected to yet raises this alarm too: what waits is an order that nobody fulfils.',
    graph: 'age of the oldest message (s)',
  },
} as const satisfies Record<WatchedQueue['holds'], AlarmKind>;

/** Every kind in this file. */
export const QUEUE_KINDS: readonly AlarmKind[] = Object.values(KINDS);

const THRESHOLD: Record<WatchedQueue['holds'], number> = { records: 1, 'undelivered events': 1, 'events for a subscriber': 24 * 60 * 60 };

/** The alarm on a queue. */
export function queueAlarms({ queueName, holds }: WatchedQueue): AlarmRow[] {
  const kind = KINDS[holds];
  const metric = metricOf(NAMESPACE, kind.metrics[0], { QueueName: queueName }, 'Maximum', kind.evaluation.minutes);
  return [{ kind, of: queueName, metric, threshold: THRESHOLD[holds] }];
}
