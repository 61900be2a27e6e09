import { type CfnElement, CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as ses from 'aws-cdk-lib/aws-ses';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { WatchedConsumer } from '../alarms/functions';
import type { WatchedQueue } from '../alarms/queues';
import type { Bundles } from '../bundle';
import { namePrefix, removalPolicyOf, type StoreConfig } from '../config';
import { StreamTrigger } from '../constructs/stream-trigger';
import type { DataAccess, DataBinding } from '../data-access';
import { type Dispatcher, DISPATCHERS, effectsOf, filtersOf, REFUSING, SALES_CONSUMER, type Service } from '../triggers';
import type { DataStack } from './data';

/** Who hears of what happens in the store: a queue for each, and the events that go there. */
const SUBSCRIBERS = [
  { name: 'fulfilment', detailTypes: ['OrderPlaced', 'OrderCancelled'] },
  { name: 'marketing', detailTypes: ['CartAbandoned'] },
] as const;

/** What Lambda needs on the stream. https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html */
const READ_STREAM = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'];

/** https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html */
const READ_KINESIS = ['kinesis:DescribeStream', 'kinesis:DescribeStreamSummary', 'kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards'];

/** What an effect that calls a service may do there, and where the function finds it. */
interface CalledService {
  readonly statement: iam.PolicyStatement;
  readonly environment: Readonly<Record<string, string>>;
}

/** What changes of the tables cause: a dispatcher for each stream, the event bus, mail, the archive. */
export class EventsStack extends Stack {
  readonly consumers: WatchedConsumer[] = [];
  readonly queues: WatchedQueue[] = [];

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { config: StoreConfig; data: DataStack; bundles: Pick<Bundles, 'folder'> },
  ) {
    super(scope, id, props);
    const { config, data, bundles } = props;
    this.addStackDependency(data);
    const removalPolicy = removalPolicyOf(config);
    const name = (part: string) => `${namePrefix(config)}${part}`;

    const bus = new events.EventBus(this, 'Bus', { eventBusName: name('events'), description: 'What happens in the store' });
    bus.archive('Archive', {
      archiveName: name('events'),
      description: 'Every event, to be replayed',
      eventPattern: { source: ['store'] },
      retention: Duration.days(30),
    });
    const undelivered = new sqs.Queue(this, 'Undelivered', {
      queueName: name('events-undelivered'),
      retentionPeriod: Duration.days(14),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy,
    });
    this.queues.push({ queueName: name('events-undelivered'), holds: 'undelivered events' });
    Validations.of(undelivered).acknowledge({
      id: 'Serverless-SQSRedrivePolicy',
      reason: 'It is the dead-letter queue of the others: what nobody could take stays here for a person to look at.',
    });
    for (const { name: subscriber, detailTypes } of SUBSCRIBERS) {
      const queue = new sqs.Queue(this, `${subscriber}-queue`, {
        queueName: name(subscriber),
        retentionPeriod: Duration.days(14),
        encryption: sqs.QueueEncryption.SQS_MANAGED,
        enforceSSL: true,
        deadLetterQueue: { queue: undelivered, maxReceiveCount: 5 },
        removalPolicy,
      });
      this.queues.push({ queueName: name(subscriber), holds: 'events for a subscriber' });
      new events.Rule(this, `${subscriber}-rule`, {
        ruleName: name(subscriber),
        eventBus: bus,
        eventPattern: { source: ['store'], detailType: [...detailTypes] },
        targets: [new SqsQueue(queue, { deadLetterQueue: undelivered })],
      });
    }

    const { mailFrom } = config;
    // Who read what of a user that is gone. AWS delivers such logs hours later, which would keep a trial's bucket from going.
    const archiveLog =
      removalPolicy === RemovalPolicy.RETAIN
        ? new s3.Bucket(this, 'ArchiveLogBucket', {
            blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
            encryption: s3.BucketEncryption.S3_MANAGED,
            enforceSSL: true,
            lifecycleRules: [{ expiration: Duration.days(365) }],
            removalPolicy,
          })
        : undefined;
    const archive = new s3.Bucket(this, 'ArchiveBucket', {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      lifecycleRules: [
        {
          transitions: [{ storageClass: s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfter: Duration.days(30) }],
          expiration: Duration.days(365),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
      ...(archiveLog && { serverAccessLogsBucket: archiveLog }),
      removalPolicy,
    });
    if (!archiveLog) {
      Validations.of(archive).acknowledge({
        id: 'AwsSolutions-S1',
        reason: 'Only a trial has no access logs (removal=destroy): they come hours later, and would keep their bucket from being deleted.',
      });
    }
    const archived = `<${this.getLogicalId(archive.node.defaultChild as CfnElement)}.Arn>/users/*`;
    Validations.of(this).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${archived}]`,
      reason: 'Each archived user is an object of its own: its key is known when the user is deleted, and the prefix is as narrow as it gets.',
    });

    new CfnOutput(this, 'ArchiveBucketName', { value: archive.bucketName });

    const services: Partial<Record<Service, CalledService>> = {
      ...(mailFrom !== undefined && { mail: this.sender(mailFrom) }),
      events: {
        statement: new iam.PolicyStatement({ actions: ['events:PutEvents'], resources: [bus.eventBusArn] }),
        environment: { EVENT_BUS: bus.eventBusName },
      },
      archive: {
        statement: new iam.PolicyStatement({ actions: ['s3:PutObject'], resources: [archive.arnForObjects('users/*')] }),
        environment: { ARCHIVE_BUCKET: archive.bucketName },
      },
    };
    const { store, tableNames } = data.binding;
    const common = { data: data.binding, removalPolicy };

    for (const dispatcher of DISPATCHERS[config.layout]) {
      const effects = effectsOf(dispatcher, config);
      const sends = new Set(effects.flatMap((effect) => effect.sends));
      const called = Object.entries(services).flatMap(([service, what]) => (sends.has(service as Service) ? [what] : []));
      const table = tableNames[dispatcher.streams[0] as keyof typeof tableNames];
      const trigger = new StreamTrigger(this, dispatcher.name, {
        ...common,
        name: dispatcher.name,
        functionName: name(dispatcher.name),
        description: `Stream of ${table}: ${effects.map(({ name: effect }) => effect).join(', ')}`,
        access: { access: accessOf(effects.map(({ access }) => access)) },
        statements: called.map(({ statement }) => statement),
        environment: Object.assign({}, ...called.map(({ environment }) => environment)) as Record<string, string>,
        code: bundles.folder(dispatcher.name),
        eventSourceArn: data.streamArn(table),
        readActions: READ_STREAM,
        settings: dispatcher.settings,
        filters: filtersOf(effects, entitiesIn(data.binding, dispatcher), store.entities.User.schema.model.version),
        queueName: name(`${dispatcher.name}-failed`),
        canBeRefused: REFUSING.some((service) => sends.has(service)),
      });
      this.watch(trigger);
    }

    if (data.salesStream) {
      const trigger = new StreamTrigger(this, SALES_CONSUMER.name, {
        ...common,
        name: SALES_CONSUMER.name,
        functionName: name(SALES_CONSUMER.name),
        description: 'Kinesis Data Stream of orders: sales per minute',
        access: { access: {} },
        code: bundles.folder(SALES_CONSUMER.name),
        eventSourceArn: data.salesStream.streamArn,
        readActions: READ_KINESIS,
        settings: SALES_CONSUMER.settings,
        queueName: name(`${SALES_CONSUMER.name}-failed`),
        canBeRefused: false,
      });
      this.watch(trigger);
    }
  }

  private sender(mailFrom: string): CalledService {
    const { emailIdentityArn } = new ses.EmailIdentity(this, 'Sender', { identity: ses.Identity.email(mailFrom) });
    return { statement: new iam.PolicyStatement({ actions: ['ses:SendEmail'], resources: [emailIdentityArn] }), environment: { MAIL_FROM: mailFrom } };
  }

  private watch({ watched, watchedQueue }: StreamTrigger): void {
    this.consumers.push(watched);
    this.queues.push(watchedQueue);
  }
}

/** The entities in the tables of a dispatcher's stream. */
function entitiesIn({ store, tableNames }: DataBinding, { streams }: Dispatcher): string[] {
  const tables = streams.map((stream) => tableNames[stream]);
  return Object.entries(store.entities)
    .filter(([, entity]) => tables.includes(entity.getTableName() ?? ''))
    .map(([name]) => name);
}

/** Everything that several rows of a catalogue list. */
function accessOf(rows: readonly DataAccess[]): DataAccess {
  const all: Record<string, DataAccess[string]> = {};
  for (const [target, actions] of rows.flatMap((row) => Object.entries(row))) {
    all[target] = [...new Set([...(all[target] ?? []), ...actions])];
  }
  return all;
}
