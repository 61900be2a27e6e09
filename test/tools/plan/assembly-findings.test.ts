import type { Stack, Template } from '../../../tools/plan/assembly';
import { assemblyFindings } from '../../../tools/plan/assembly-findings';
import type { Resource } from '../../../tools/plan/release';
import { storeStacks } from './releases';

const stack = (id: string, region: string, Resources: Record<string, Resource>, Outputs: Template['Outputs'] = {}): Stack => ({
  id,
  name: `store-${id}`,
  region,
  template: { Resources, Outputs },
});

const TABLE: Resource = { Type: 'AWS::DynamoDB::GlobalTable', Properties: { TableName: 'T', BillingMode: 'PAY_PER_REQUEST' } };
const data = stack('data', 'us-east-1', { Table: TABLE }, { Stream: { Value: { 'Fn::GetAtt': ['Table', 'StreamArn'] }, Export: { Name: 'the-stream' } } });
const mapping = (EventSourceArn: unknown): Resource => ({ Type: 'AWS::Lambda::EventSourceMapping', Properties: { EventSourceArn } });
const output = (Region: string | undefined) => ({ 'Fn::GetStackOutput': { StackName: 'store-data', OutputName: 'Stream', ...(Region && { Region }) } });
const whats = (...stacks: Stack[]) => assemblyFindings(stacks).map(({ what }) => what);

test('the store has none', () => {
  expect(assemblyFindings(storeStacks())).toEqual([]);
});

describe('readers of streams', () => {
  const inRegion = (region: string, source: unknown, type?: string) =>
    stack('events', region, { Mapping: type === undefined ? mapping(source) : { Type: type, Properties: { Source: source } } });
  const literal = 'arn:aws:dynamodb:eu-west-1:111122223333:table/T/stream/2026-11-25T00:00:00.000';
  const joined = { 'Fn::Join': ['', ['arn:aws:dynamodb:eu-west-1:', { Ref: 'AWS::AccountId' }, ':table/T/stream/2026-11-25T00:00:00.000']] };

  test.each<[string, unknown]>([
    ['an output of its stack', output('us-east-1')],
    ['an output of its own region', output(undefined)],
    ['an export', { 'Fn::ImportValue': 'the-stream' }],
  ])('in the home region, through %s', (_what, source) => {
    expect(assemblyFindings([data, inRegion('us-east-1', source)])).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ["the home's stream", output('us-east-1'), 'the home of T is us-east-1'],
    ['the ARN of a replica', literal, 'the home of T is us-east-1'],
    ['an ARN in parts', joined, 'the home of T is us-east-1'],
    ['an ARN that is looked up', { 'Fn::GetAtt': ['LookUp', 'Table.LatestStreamArn'] }, 'the home of the tables is us-east-1'],
    ['an attribute in short form', { 'Fn::GetAtt': 'LookUp.Table.LatestStreamArn' }, 'the home of the tables is us-east-1'],
  ])('in another region, by %s', (_what, source, home) => {
    expect(assemblyFindings([data, inRegion('eu-west-1', source)])).toEqual([
      {
        where: 'store-events: AWS::Lambda::EventSourceMapping Mapping in eu-west-1',
        what: `it reads the stream of a replica: ${home}`,
        why: expect.stringContaining('processes it once more'),
        instead: ['Keep the consumers of streams in us-east-1 only.'],
      },
    ]);
  });

  test('a pipe is a reader too', () => {
    expect(whats(data, inRegion('eu-west-1', literal, 'AWS::Pipes::Pipe'))).toEqual(['it reads the stream of a replica: the home of T is us-east-1']);
  });

  test.each<[string, unknown]>([
    ['a wildcard', 'arn:aws:dynamodb:eu-west-1:111122223333:table/T/stream/*'],
    ['a wildcard in parts', { 'Fn::Join': ['/', [{ 'Fn::Join': ['', ['arn:aws:dynamodb:eu-west-1:', { Ref: 'AWS::AccountId' }, ':table/T/stream']] }, '*']] }],
    ['a wildcard in a substitution', { 'Fn::Sub': 'arn:aws:dynamodb:eu-west-1:${AWS::AccountId}:table/T/stream/*' }],
  ])('by %s', (_what, source) => {
    const [finding, ...more] = assemblyFindings([data, inRegion('us-east-1', source)]);
    expect(more).toEqual([]);
    expect(finding?.what).toMatch(/^its EventSourceArn is arn:aws:dynamodb:eu-west-1:.*:table\/T\/stream\/\*$/);
  });

  test('two of one stream', () => {
    const events = stack('events', 'us-east-1', { A: mapping(output(undefined)), B: mapping({ 'Fn::ImportValue': 'the-stream' }) });
    expect(assemblyFindings([data, events])).toEqual([
      expect.objectContaining({
        where: 'store-events: AWS::Lambda::EventSourceMapping B',
        what: 'it reads the same stream as store-events: AWS::Lambda::EventSourceMapping A',
      }),
    ]);
  });

  test('two of two streams', () => {
    const two = stack('data', 'us-east-1', { T: TABLE, U: { ...TABLE, Properties: { TableName: 'U', BillingMode: 'PAY_PER_REQUEST' } } });
    two.template.Resources!.A = mapping({ 'Fn::GetAtt': ['T', 'StreamArn'] });
    two.template.Resources!.B = mapping({ 'Fn::GetAtt': ['U', 'StreamArn'] });
    expect(assemblyFindings([two])).toEqual([]);
  });

  test('queues and Kinesis streams have readers in every region', () => {
    const queue = { 'Fn::GetAtt': ['Queue', 'Arn'] };
    expect(assemblyFindings([data, inRegion('eu-west-1', queue), stack('more', 'eu-west-1', { A: mapping(queue), B: mapping(queue) })])).toEqual([]);
  });

  test("two mappings of the store's own", () => {
    const stacks = storeStacks();
    const { Resources } = stacks.find(({ id }) => id === 'Events')!.template;
    const [, one] = Object.entries(Resources!).find(([, { Type }]) => Type === 'AWS::Lambda::EventSourceMapping')!;
    Resources!.Second = one;
    expect(whats(...stacks)).toEqual([expect.stringMatching(/^it reads the same stream as store-dev-events: /)]);
  });

  test("the store's consumers in another region than its tables", () => {
    const stacks = storeStacks();
    stacks.find(({ id }) => id === 'Events')!.region = 'eu-west-1';
    expect(whats(...stacks)).toEqual(['Users', 'Products', 'Orders'].map((name) => `it reads the stream of a replica: the home of store-dev-${name} is us-east-1`));
  });
});

describe('auto-scaling', () => {
  const target = { Type: 'AWS::ApplicationAutoScaling::ScalableTarget', Properties: { ServiceNamespace: 'dynamodb', ResourceId: 'table/T', ScalableDimension: 'd' } };
  const policy = (Properties: Record<string, unknown>) => ({ Type: 'AWS::ApplicationAutoScaling::ScalingPolicy', Properties });

  test('a target has a policy', () => {
    expect(whats(stack('s', 'r', { Target: target }))).toEqual(['it has no ScalingPolicy']);
    expect(whats(stack('s', 'r', { Target: target, Policy: policy({ ScalingTargetId: { Ref: 'Target' } }) }))).toEqual([]);
    expect(whats(stack('s', 'r', { Target: target, Policy: policy(target.Properties) }))).toEqual([]);
  });

  test('and not that of another', () => {
    expect(whats(stack('s', 'r', { Target: target, Policy: policy({ ScalingTargetId: { Ref: 'Other' } }) }))).toEqual(['it has no ScalingPolicy']);
    expect(whats(stack('s', 'r', { Target: target, Policy: policy({ ...target.Properties, ResourceId: 'table/U' }) }))).toEqual(['it has no ScalingPolicy']);
  });

  const tracking = { TargetTrackingScalingPolicyConfiguration: { TargetValue: 70 } };
  const writes = { WriteProvisionedThroughputSettings: { WriteCapacityAutoScalingSettings: tracking } };
  const reads = { ReadProvisionedThroughputSettings: { ReadCapacityAutoScalingSettings: tracking } };
  const provisioned = () => ({
    BillingMode: 'PROVISIONED' as string | undefined,
    ...writes,
    GlobalSecondaryIndexes: [{ IndexName: 'gsi1', ...writes } as Record<string, unknown>],
    Replicas: ['us-east-1', 'eu-west-1'].map((Region): Record<string, unknown> => ({ Region, ...reads, GlobalSecondaryIndexes: [{ IndexName: 'gsi1', ...reads }] })),
  });
  const ofTable = (change: (table: ReturnType<typeof provisioned>) => void) => {
    const Properties = provisioned();
    change(Properties);
    return whats(stack('s', 'us-east-1', { Table: { Type: 'AWS::DynamoDB::GlobalTable', Properties } }));
  };

  test.each<[string, (table: ReturnType<typeof provisioned>) => void]>([
    ['writes of the table', (table) => Object.assign(table, { WriteProvisionedThroughputSettings: { WriteCapacityAutoScalingSettings: { MinCapacity: 1 } } })],
    ['writes of gsi1', ({ GlobalSecondaryIndexes: [gsi1] }) => delete gsi1!.WriteProvisionedThroughputSettings],
    ['reads in eu-west-1', ({ Replicas }) => (Replicas[1]!.ReadProvisionedThroughputSettings = { ReadCapacityUnits: 5 })],
    ['reads of gsi1 in us-east-1', ({ Replicas }) => delete Replicas[0]!.GlobalSecondaryIndexes],
  ])('a provisioned table scales %s', (missing, change) => {
    expect(ofTable(change)).toEqual([`provisioned without a target tracking policy: ${missing}`]);
  });

  test('a table that has all, or is on demand', () => {
    expect(ofTable(() => {})).toEqual([]);
    const withoutWrites = (mode: string | undefined) => ofTable((table) => Object.assign(table, { BillingMode: mode, WriteProvisionedThroughputSettings: undefined }));
    expect(withoutWrites('PAY_PER_REQUEST')).toEqual([]);
    expect(withoutWrites(undefined)).toHaveLength(1);
  });
});

describe('permissions', () => {
  const table = { 'Fn::Join': ['', ['arn:aws:dynamodb:us-east-1:', { Ref: 'AWS::AccountId' }, ':table/T']] };
  const within = (end: string) => ({ 'Fn::Join': ['', [{ 'Fn::GetAtt': ['Table', 'Arn'] }, end]] });
  const policy = (...Statement: object[]): Resource => ({ Type: 'AWS::IAM::Policy', Properties: { PolicyDocument: { Statement }, Roles: [{ Ref: 'FnRole' }] } });
  const ofStatement = (statement: object) => whats(stack('s', 'r', { P: policy(statement) }));
  const allow = (Action: unknown, Resource: unknown, more: object = {}) => ({ Effect: 'Allow', Action, Resource, ...more });

  test.each<[string, object]>([
    ['the actions dynamodb:*', allow('dynamodb:*', table)],
    ['the actions dynamodb:Get*', allow(['dynamodb:PutItem', 'dynamodb:Get*'], table)],
    ['the actions *', allow('*', table)],
    ['on *', allow('dynamodb:GetItem', '*')],
    ['on ${Table.Arn}/index/*', allow('dynamodb:Query', [table, within('/index/*')])],
    ['on arn:aws:dynamodb:us-east-1:1:table/*', allow('dynamodb:Query', 'arn:aws:dynamodb:us-east-1:1:table/*')],
    ['on arn:aws:dynamodb:us-east-1:1:table/*', allow('s3:GetObject', ['arn:aws:s3:::b/*', 'arn:aws:dynamodb:us-east-1:1:table/*'])],
    ['the actions dynamodb:* and on *', allow('dynamodb:*', '*')],
    ['every action but s3:PutObject', { Effect: 'Allow', NotAction: 's3:PutObject', Resource: table }],
    ['on everything but arn:x', { Effect: 'Allow', Action: 'dynamodb:GetItem', NotResource: 'arn:x' }],
  ])('%s', (wide, statement) => {
    expect(ofStatement(statement)).toEqual([`it allows DynamoDB ${wide}`]);
  });

  test.each<[string, object]>([
    ['each action and resource by its name', allow(['dynamodb:GetItem', 'dynamodb:Query'], [table, within('/index/gsi1')])],
    ['what is denied', { Effect: 'Deny', Action: 'dynamodb:*', Resource: '*' }],
    ['actions that are on no resource', allow('dynamodb:ListStreams', '*')],
    ['other services', allow('s3:PutObject', within('/users/*'))],
  ])('may be: %s', (_what, statement) => {
    expect(ofStatement(statement)).toEqual([]);
  });

  test('names the role and the statement', () => {
    const inline: Resource = { Type: 'AWS::IAM::Role', Properties: { Policies: [{ PolicyDocument: { Statement: [allow('dynamodb:*', table, { Sid: 'All' })] } }] } };
    const findings = assemblyFindings([stack('s', 'r', { P: policy(allow('s3:GetObject', 'arn:x'), allow('dynamodb:*', table)), InlineRole: inline })]);
    expect(findings.map(({ where }) => where)).toEqual(['store-s: role FnRole, statement 2 of P', 'store-s: role InlineRole, statement All of InlineRole']);
  });

  test("AWS's managed policies for DynamoDB", () => {
    const role = (policyName: string): Resource => ({
      Type: 'AWS::IAM::Role',
      Properties: { ManagedPolicyArns: [{ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:iam::aws:policy/${policyName}`]] }] },
    });
    expect(whats(stack('s', 'r', { A: role('AmazonDynamoDBFullAccess'), B: role('service-role/AWSLambdaDynamoDBExecutionRole') }))).toEqual([
      "it has AWS's managed policy AmazonDynamoDBFullAccess",
      "it has AWS's managed policy AWSLambdaDynamoDBExecutionRole",
    ]);
    expect(whats(stack('s', 'r', { A: role('service-role/AWSLambdaBasicExecutionRole') }))).toEqual([]);
  });

  test("in a role of the store's own", () => {
    const stacks = storeStacks();
    const [id, own] = Object.entries(stacks.find(({ id }) => id === 'Api')!.template.Resources!).find(([, { Type }]) => Type === 'AWS::IAM::Policy')!;
    const { PolicyDocument } = own.Properties as { PolicyDocument: { Statement: { Action: string }[] } };
    PolicyDocument.Statement.push(allow('dynamodb:Scan', '*') as never);
    const [finding, ...more] = assemblyFindings(stacks);
    expect(more).toEqual([]);
    expect(finding?.where).toMatch(new RegExp(`^store-dev-api: role \\w+, statement ${PolicyDocument.Statement.length} of ${id}$`));
  });
});
