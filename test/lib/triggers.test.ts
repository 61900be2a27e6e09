import '../support/flow-environment';
import { DISPATCHERS, EFFECTS, type Effect, effectsOf, filtersOf, STREAMS } from '../../lib/triggers';
import { BUS_EVENTS, SOURCE } from '../../lambda/triggers/bus-events';
import { ORDERS_EFFECTS } from '../../lambda/triggers/orders';
import { PRODUCTS_EFFECTS } from '../../lambda/triggers/products';
import { USERS_EFFECTS } from '../../lambda/triggers/users';
import { compilePattern } from '../../local/streams/pattern';
import { ENTITY_NAMES, entity, type EntityName } from '../support/samples';
import { Stacks } from '../support/stacks';
import { LAYOUTS } from '../support/synthesize-once';
import { resourcesOf, type Template, templateOf } from '../support/templates';

const effects = EFFECTS as readonly Effect[];
const CODE = { users: USERS_EFFECTS, products: PRODUCTS_EFFECTS, orders: ORDERS_EFFECTS };

describe('the catalogue', () => {
  test.each(STREAMS)('says of the effects of %s what their own files say', (stream) => {
    const rows = effects.filter((row) => row.stream === stream);
    expect(CODE[stream].map(({ name, entity, on, view }) => ({ name, entity, on, view }))).toEqual(
      rows.map(({ name, entity, on, view }) => ({ name, entity, on, view })),
    );
  });

  test('an effect reads the stream of the table that its entity is in', () => {
    const table = { users: 'Users', products: 'Products', orders: 'Orders' };
    expect(effects.map(({ name, stream }) => [name, table[stream]])).toEqual(
      effects.map((row) => [row.name, entity(row.entity as EntityName).getTableName()]),
    );
  });
});

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

  test('one for each stream, with finite retries and age, and a queue of its own for what is given up', () => {
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
      expect(JSON.stringify(properties.EventSourceArn)).not.toContain('*');
      queues.add(JSON.stringify(properties.DestinationConfig));
    }
    expect(queues.size).toBe(mappings().length);
  });

  test('no more filters than Lambda takes without asking: 5', () => {
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

describe('the filters', () => {
  const dispatcher = DISPATCHERS['single-table'][0]!;
  const filters = filtersOf(dispatcher, ENTITY_NAMES, '1').map((pattern) => compilePattern(pattern, 'lambda-filter'));
  const passes = (record: object) => filters.some((matches) => matches(record));
  const image = (name: string, version = '1') => ({ __edb_e__: { S: name }, __edb_v__: { S: version } });
  const change = (eventName: string, name: string, version?: string) => ({
    eventName,
    dynamodb: {
      Keys: {},
      ...(eventName !== 'REMOVE' && { NewImage: image(name, version) }),
      ...(eventName !== 'INSERT' && { OldImage: image(name, version) }),
    },
  });
  const ttl = { userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } };

  test.each(ENTITY_NAMES)('let a change of %s through when an effect concerns it', (name) => {
    for (const event of ['INSERT', 'MODIFY', 'REMOVE'] as const) {
      const concerned = effectsOf(dispatcher).some((effect) => effect.entity === name && effect.on.includes(event) && !effect.onlyExpiry);
      // Lambda cannot tell an INSERT from a MODIFY of an entity in fewer filters than it takes; the dispatcher can.
      const ofEntity = event !== 'REMOVE' && effectsOf(dispatcher).some((effect) => effect.entity === name && effect.on.some((on) => on !== 'REMOVE'));
      expect([name, event, passes(change(event, name))]).toEqual([name, event, concerned || ofEntity]);
    }
  });

  test('of the removals of cart items those by TTL only', () => {
    expect(passes(change('REMOVE', 'CartItem'))).toBe(false);
    expect(passes({ ...change('REMOVE', 'CartItem'), ...ttl })).toBe(true);
    expect(passes({ ...change('REMOVE', 'Session'), ...ttl })).toBe(false);
  });

  test('let through what no code here knows: another entity, another version, no entity at all', () => {
    expect(passes(change('INSERT', 'Invoice'))).toBe(true);
    expect(passes(change('REMOVE', 'Invoice'))).toBe(true);
    expect(passes(change('MODIFY', 'CartItem', '2'))).toBe(true);
    expect(passes({ eventName: 'INSERT', dynamodb: { Keys: {}, NewImage: { pk: { S: 'x' } } } })).toBe(true);
  });
});

describe('the events stack', () => {
  let synth: Stacks;
  beforeAll(() => {
    synth = new Stacks();
  });
  afterAll(() => synth.remove());
  const stacks = (context: Record<string, unknown>) => {
    const { Data: data, Events: events } = synth.of(context);
    return { data, events };
  };
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
    const buckets = ofType(stacks({ removal: 'destroy' }).events, 'AWS::S3::Bucket');
    expect(buckets).toEqual([expect.objectContaining({ DeletionPolicy: 'Delete', Properties: expect.not.objectContaining({ LoggingConfiguration: expect.anything() }) })]);
  });

  test('a Kinesis stream, its consumer and what they cost only where they are asked for', () => {
    const without = stacks({});
    expect(ofType(without.data, 'AWS::Kinesis::Stream')).toEqual([]);
    expect(ofType(without.events, 'AWS::Lambda::EventSourceMapping')).toHaveLength(3);
    const { data, events } = stacks({ kinesis: 'true' });
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

  test.each(['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE'])('a stream of %s is refused, naming the effects that cannot work with it', (streamView) => {
    const without = effects.filter(({ view }) => view !== streamView).map(({ name, view }) => `${name} needs ${view}`);
    expect(without.length).toBeGreaterThan(0);
    expect(() => stacks({ streamView })).toThrow(
      `Config 'streamView' is "${streamView}"; allowed: a view that every effect can work with (${without.join(', ')}). Example: -c streamView=NEW_AND_OLD_IMAGES`,
    );
  });

  test.each([
    ['kinesis', 'yes', 'true | false'],
    ['mailFrom', 'store', 'an e-mail address'],
  ])('config %s=%j is refused, saying what is allowed', (key, value, allowed) => {
    expect(() => stacks({ [key]: value })).toThrow(`Config '${key}' is ${JSON.stringify(value)}; allowed: ${allowed}. Example: -c ${key}=`);
  });

  test('who mails is who the config names', () => {
    const { events } = stacks({ mailFrom: 'shop@example.org' });
    expect(ofType(events, 'AWS::SES::EmailIdentity').map(({ Properties }) => Properties.EmailIdentity)).toEqual(['shop@example.org']);
  });
});
