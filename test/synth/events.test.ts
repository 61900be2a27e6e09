import '../support/flow-environment';
import { DISPATCHERS } from '../../lib/triggers';
import { BUS_EVENTS, SOURCE } from '../../lambda/triggers/bus-events';
import { CONTEXTS } from '../support/contexts';
import { stacksOf } from '../support/stacks';
import { LAYOUTS } from '../support/synthesize-once';
import { resourcesOf, type Template, templateOf } from '../support/templates';

/** What the role of a function may do: `action resource`, of every service but logs and traces. */
function roleOf(template: Template, name: string): string[] {
  const id = name.replaceAll('-', '');
  const [policy] = Object.entries(template.Resources).filter(
    ([logicalId, { Type }]) => Type === 'AWS::IAM::Policy' && logicalId.startsWith(`${id}ConsumerRoleDefaultPolicy`),
  );
  const { Statement } = policy![1].Properties.PolicyDocument as { Statement: { Effect: string; Action: string | string[]; Resource: unknown }[] };
  return Statement.flatMap(({ Effect, Action, Resource }) => [Action].flat().map((action) => `${Effect} ${action} ${short(Resource)}`))
    .filter((entry) => !/ (logs|xray):/.test(entry))
    .sort();
}

/** An ARN without what is the same in all. */
const short = (resource: unknown): string =>
  JSON.stringify(resource)
    .replace(/.*:(table\/[^"]+)".*/, '$1')
    .replace(/.*OutputName":"PublishOutputFnGetAtt(\w+)Table\w+StreamArn.*/, 'stream of $1')
    .replace(/\{"Fn::GetAtt":\["(\w+?)[0-9A-F]{8}","Arn"\]\}/, '$1')
    .replace(/.*\{"Ref":"(Sender)\w+"\}.*/, '$1')
    .replace(/^\{"Fn::Join":\["",\[(\w+),"(.*)"\]\]\}$/, '$1$2');

describe('the roles', () => {
  test('of the dispatchers hold exactly these actions', () => {
    const template = templateOf('per-domain', 'Events');
    const roles = DISPATCHERS['per-domain'].map(({ name }) => [name, roleOf(template, name)]);
    expect(Object.fromEntries(roles)).toMatchInlineSnapshot(`
{
  "orders-trigger": [
    "Allow dynamodb:ConditionCheckItem table/store-dev-Users",
    "Allow dynamodb:DescribeStream stream of Orders",
    "Allow dynamodb:GetItem table/store-dev-Users",
    "Allow dynamodb:GetRecords stream of Orders",
    "Allow dynamodb:GetShardIterator stream of Orders",
    "Allow dynamodb:ListStreams stream of Orders",
    "Allow dynamodb:PutItem table/store-dev-Orders",
    "Allow dynamodb:PutItem table/store-dev-Users",
    "Allow dynamodb:UpdateItem table/store-dev-Users",
    "Allow events:PutEvents Bus",
    "Allow sqs:SendMessage orderstriggerOnFailure",
  ],
  "products-trigger": [
    "Allow dynamodb:DescribeStream stream of Products",
    "Allow dynamodb:GetRecords stream of Products",
    "Allow dynamodb:GetShardIterator stream of Products",
    "Allow dynamodb:ListStreams stream of Products",
    "Allow dynamodb:PutItem table/store-dev-Products",
    "Allow dynamodb:UpdateItem table/store-dev-Products",
    "Allow sqs:SendMessage productstriggerOnFailure",
  ],
  "users-trigger": [
    "Allow dynamodb:DeleteItem table/store-dev-Users",
    "Allow dynamodb:DescribeStream stream of Users",
    "Allow dynamodb:GetItem table/store-dev-Users",
    "Allow dynamodb:GetRecords stream of Users",
    "Allow dynamodb:GetShardIterator stream of Users",
    "Allow dynamodb:ListStreams stream of Users",
    "Allow dynamodb:PutItem table/store-dev-Users",
    "Allow dynamodb:Query table/store-dev-Users",
    "Allow events:PutEvents Bus",
    "Allow s3:PutObject ArchiveBucket/users/*",
    "Allow ses:SendEmail Sender",
    "Allow sqs:SendMessage userstriggerOnFailure",
  ],
}
`);
  });

  test('in one table the one dispatcher may do what the three may', () => {
    const three = DISPATCHERS['per-domain'].flatMap(({ name }) => roleOf(templateOf('per-domain', 'Events'), name));
    const inOne = three.map((entry) =>
      entry
        .replace(/(table\/store-dev-|stream of )\w+/, '$1Store')
        .replace(/\w+triggerOnFailure/, 'storetriggerOnFailure'),
    );
    expect(roleOf(templateOf('single-table', 'Events'), 'store-trigger')).toEqual([...new Set(inOne)].sort());
  });
});

describe.each(LAYOUTS)('the event source mappings of %s', (layout) => {
  const mappings = () => resourcesOf(layout, 'AWS::Lambda::EventSourceMapping').map(({ Properties }) => Properties);

  test('are one for each stream, with finite retries and age, and a queue of its own for what is given up', () => {
    expect(mappings()).toHaveLength(layout === 'single-table' ? 1 : 3);
    const queues = new Set<string>();
    for (const properties of mappings()) {
      expect(properties).toMatchObject({
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 100,
        MaximumBatchingWindowInSeconds: 0,
        MaximumRetryAttempts: 12,
        MaximumRecordAgeInSeconds: 21_600,
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        EventSourceArn: { 'Fn::GetStackOutput': { StackName: 'store-dev-data', OutputName: expect.stringContaining('StreamArn') } },
      });
      queues.add(JSON.stringify(properties.DestinationConfig));
    }
    expect(queues.size).toBe(mappings().length);
  });

  test('read one stream each, of the region that it is in: a stream of a replica has no ARN that is known here', () => {
    for (const { EventSourceArn } of mappings()) {
      expect(JSON.stringify(EventSourceArn)).not.toContain('*');
      expect(EventSourceArn).toMatchObject({ 'Fn::GetStackOutput': { Region: 'us-east-1' } });
    }
  });

  test('have no more filters than Lambda takes without asking: 5', () => {
    for (const properties of mappings()) {
      const { Filters } = properties.FilterCriteria as { Filters: unknown[] };
      expect(Filters.length).toBeLessThanOrEqual(5);
    }
  });

  test('an on-failure queue keeps for 14 days, encrypted, and takes messages over TLS only', () => {
    const failed = resourcesOf(layout, 'AWS::SQS::Queue').filter(({ Properties }) => String(Properties.QueueName).endsWith('-failed'));
    expect(failed).toHaveLength(mappings().length);
    for (const { Properties } of failed) expect(Properties).toMatchObject({ MessageRetentionPeriod: 1_209_600, SqsManagedSseEnabled: true });
    const policies = resourcesOf(layout, 'AWS::SQS::QueuePolicy').map(({ Properties }) => JSON.stringify(Properties));
    expect(policies.filter((policy) => policy.includes('"aws:SecureTransport":"false"'))).toHaveLength(resourcesOf(layout, 'AWS::SQS::Queue').length);
  });
});

describe('the events stack', () => {
  const ofType = ({ Resources }: Template, type: string) => Object.values(Resources).filter(({ Type }) => Type === type);

  test('every rule, and the archive of the bus, matches events that the store sends', () => {
    const patterns = [...resourcesOf('per-domain', 'AWS::Events::Rule'), ...resourcesOf('per-domain', 'AWS::Events::Archive')].map(
      ({ Properties }) => Properties.EventPattern as { source: string[]; 'detail-type'?: string[] },
    );
    expect(patterns).toHaveLength(3);
    for (const { source, 'detail-type': types = [] } of patterns) {
      expect(source).toEqual([SOURCE]);
      expect(types.filter((type) => !(type in BUS_EVENTS))).toEqual([]);
    }
  });

  test('the archive is encrypted, open to nobody, and forgets after a year', () => {
    const buckets = ofType(templateOf('per-domain', 'Events'), 'AWS::S3::Bucket');
    expect(buckets).toHaveLength(2);
    for (const { Properties, DeletionPolicy } of buckets) {
      expect(Properties).toMatchObject({
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        LifecycleConfiguration: { Rules: [{ ExpirationInDays: 365 }] },
      });
      expect(DeletionPolicy).toBe('Retain');
    }
    const archive = buckets.find(({ Properties }) => Properties.LoggingConfiguration)!;
    expect(archive.Properties).toMatchObject({
      LoggingConfiguration: { DestinationBucketName: { Ref: expect.stringMatching(/^ArchiveLogBucket/) } },
      LifecycleConfiguration: { Rules: [{ Transitions: [{ StorageClass: 'GLACIER_IR', TransitionInDays: 30 }] }] },
    });
  });

  test('a trial keeps no access logs: they would come when the stack is to go', () => {
    const buckets = ofType(stacksOf(CONTEXTS.trial).Events, 'AWS::S3::Bucket');
    expect(buckets).toEqual([expect.objectContaining({ DeletionPolicy: 'Delete', Properties: expect.not.objectContaining({ LoggingConfiguration: expect.anything() }) })]);
  });

  test('a Kinesis stream, its consumer and what they cost only where they are asked for', () => {
    const without = stacksOf(CONTEXTS['per-domain']);
    expect(ofType(without.Data, 'AWS::Kinesis::Stream')).toEqual([]);
    expect(ofType(without.Events, 'AWS::Lambda::EventSourceMapping')).toHaveLength(3);
    const { Data: data, Events: events } = stacksOf(CONTEXTS.kinesis);
    expect(ofType(data, 'AWS::Kinesis::Stream')).toHaveLength(1);
    const destinations = ofType(data, 'AWS::DynamoDB::GlobalTable').map(({ Properties }) => [
      Properties.TableName,
      (Properties.Replicas as { KinesisStreamSpecification?: object }[]).some((replica) => replica.KinesisStreamSpecification),
    ]);
    expect(destinations).toEqual([['store-dev-Users', false], ['store-dev-Products', false], ['store-dev-Orders', true]]);
    expect(ofType(events, 'AWS::Lambda::EventSourceMapping')).toHaveLength(4);
    expect(roleOf(events, 'sales-per-minute').map((entry) => entry.split(' ')[1])).toEqual([
      'kinesis:DescribeStream',
      'kinesis:DescribeStreamSummary',
      'kinesis:GetRecords',
      'kinesis:GetShardIterator',
      'kinesis:ListShards',
      'sqs:SendMessage',
    ]);
  });

  test.each([
    ['per-domain', 'users-trigger', CONTEXTS['per-domain'], CONTEXTS['second cursor secret']],
    ['single-table', 'store-trigger', CONTEXTS['single-table'], CONTEXTS.trial],
  ])('without a sender in the config there is no identity, no permission and no welcome mail, %s', (_, trigger, withMail, withoutMail) => {
    const [{ Events: events }, { Events: without }] = [stacksOf(withMail), stacksOf(withoutMail)];
    expect(JSON.stringify(events).match(/"MAIL_FROM":"[^"]*"/g)).toContain('"MAIL_FROM":"store@example.com"');
    expect(/ses:|SES|MAIL_FROM|welcome-mail|@example/.exec(JSON.stringify(without))?.[0]).toBeUndefined();
    const [more, less] = [roleOf(events, trigger), roleOf(without, trigger)];
    expect(less.filter((entry) => !more.includes(entry))).toEqual([]);
    // What else the mail needs, other effects on the table need too.
    expect(more.filter((entry) => !less.includes(entry))).toEqual(['Allow ses:SendEmail Sender']);
  });

  test('the sender of mails is the one that the config names', () => {
    const { Events: events } = stacksOf(CONTEXTS.named);
    expect(ofType(events, 'AWS::SES::EmailIdentity').map(({ Properties }) => Properties.EmailIdentity)).toEqual(['shop@example.org']);
  });

  test('a consumer finds its own on-failure queue, which its mapping names too', () => {
    const { Events: events } = stacksOf(CONTEXTS.kinesis);
    const mappings = ofType(events, 'AWS::Lambda::EventSourceMapping').map(({ Properties }) => Properties);
    expect(mappings).toHaveLength(4);
    for (const { FunctionName, DestinationConfig } of mappings) {
      const { Environment } = events.Resources[(FunctionName as { Ref: string }).Ref]!.Properties as { Environment: { Variables: object } };
      const { OnFailure } = DestinationConfig as { OnFailure: { Destination: { 'Fn::GetAtt': [string, string] } } };
      expect(Environment.Variables).toMatchObject({ ON_FAILURE_QUEUE_URL: { Ref: OnFailure.Destination['Fn::GetAtt'][0] } });
    }
  });
});
