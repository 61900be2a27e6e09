import { Duration, type RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { WatchedConsumer } from '../alarms/functions';
import type { WatchedQueue } from '../alarms/queues';
import type { ReadSettings } from '../triggers';
import { StoreFunction, type StoreFunctionProps } from './store-function';

export interface StreamTriggerProps extends StoreFunctionProps {
  /** The DynamoDB stream or Kinesis stream that it reads. */
  readonly eventSourceArn: string;
  /** What Lambda asks of the stream, in the name of the function. */
  readonly readActions: readonly string[];
  readonly settings: ReadSettings;
  /** Event patterns; all records come unless there are some. */
  readonly filters?: readonly object[];
  /** The on-failure queue's name. */
  readonly queueName: string;
  /** Whether a service may refuse for good what a record holds. */
  readonly canBeRefused: boolean;
  readonly removalPolicy: RemovalPolicy;
}

/** Above what the effects of one record may take. */
const TIMEOUT = Duration.minutes(1);

/**
 * A function that reads a stream: its mapping with filters and finite retries, and the queue of what was given up. The
 * role lists what Lambda needs in the function's name.
 */
export class StreamTrigger extends Construct {
  readonly watched: WatchedConsumer;
  readonly watchedQueue: WatchedQueue;

  constructor(scope: Construct, id: string, props: StreamTriggerProps) {
    super(scope, id);
    const { settings, eventSourceArn, filters = [] } = props;
    const onFailure = new sqs.Queue(this, 'OnFailure', {
      queueName: props.queueName,
      retentionPeriod: Duration.days(settings.onFailure.retentionDays),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: props.removalPolicy,
    });
    const reason = 'It is where records end that were given up: `npm run redrive` takes them from here, and there is nowhere further to send them.';
    Validations.of(onFailure).acknowledge({ id: 'AwsSolutions-SQS3', reason }, { id: 'Serverless-SQSRedrivePolicy', reason });
    const maximumRecordAge = Duration.seconds(settings.maximumRecordAgeSeconds);
    const { function: fn, watched } = new StoreFunction(this, 'Consumer', {
      ...props,
      timeout: TIMEOUT,
      statements: [
        ...(props.statements ?? []),
        new iam.PolicyStatement({ actions: [...props.readActions], resources: [eventSourceArn] }),
        new iam.PolicyStatement({ actions: settings.onFailure.access.map((action) => `sqs:${action}`), resources: [onFailure.queueArn] }),
      ],
      environment: { ...props.environment, ON_FAILURE_QUEUE_URL: onFailure.queueUrl },
    });
    const mapping = new lambda.EventSourceMapping(this, 'Mapping', {
      target: fn,
      eventSourceArn,
      startingPosition: lambda.StartingPosition.TRIM_HORIZON,
      batchSize: settings.batchSize,
      maxBatchingWindow: Duration.seconds(settings.batchingWindowSeconds),
      retryAttempts: settings.maximumRetryAttempts,
      maxRecordAge: maximumRecordAge,
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      // As it is, where the L2's own destination would grant more than sending.
      onFailure: { bind: () => ({ destination: onFailure.queueArn }) },
      ...(filters.length > 0 && { filters: filters.map((pattern) => ({ pattern: JSON.stringify(pattern) })) }),
    });
    // Lambda refuses a mapping whose function may not read the stream yet.
    if (fn.role) mapping.node.addDependency(fn.role);
    this.watched = { ...watched, maximumRecordAge, canBeRefused: props.canBeRefused };
    this.watchedQueue = { queueName: props.queueName, holds: 'records' };
  }
}
