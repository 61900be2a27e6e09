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

test('the assembly of the store has no finding', () => {
  expect(assemblyFindings(storeStacks())).toEqual([]);
});

describe('readers of streams', () => {
  const inRegion = (region: string, source: unknown, type?: string) =>
    stack('events', region, { Mapping: type === undefined ? mapping(source) : { Type: type, Properties: { Source: source } } });

  test.each<[string, unknown]>([
    ['an output of its stack', output('us-east-1')],
    ['an output of its own region', output(undefined)],
    ['an export', { 'Fn::ImportValue': 'the-stream' }],
  ])('a reader in the home region passes, through %s', (_what, source) => {
    expect(assemblyFindings([data, inRegion('us-east-1', source)])).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['an ARN that is looked up', { 'Fn::GetAtt': ['LookUp', 'Table.LatestStreamArn'] }],
    ['an attribute in short form', { 'Fn::GetAtt': 'LookUp.Table.LatestStreamArn' }],
  ])('a reader in another region is refused, by %s', (_what, source) => {
    expect(assemblyFindings([data, inRegion('eu-west-1', source)])).toEqual([
      {
        where: 'store-events: AWS::Lambda::EventSourceMapping Mapping in eu-west-1',
        what: 'it reads the stream of a replica: the home of the tables is us-east-1',
        why: expect.stringContaining('processes it once more'),
        instead: ['Keep the consumers of streams in us-east-1 only.'],
      },
    ]);
  });

  test('a pipe in another region is refused like a mapping', () => {
    const lookedUp = { 'Fn::GetAtt': ['LookUp', 'Table.LatestStreamArn'] };
    expect(whats(data, inRegion('eu-west-1', lookedUp, 'AWS::Pipes::Pipe'))).toEqual(['it reads the stream of a replica: the home of the tables is us-east-1']);
  });

  test('two readers of one stream are refused', () => {
    const events = stack('events', 'us-east-1', { A: mapping(output(undefined)), B: mapping({ 'Fn::ImportValue': 'the-stream' }) });
    expect(assemblyFindings([data, events])).toEqual([
      expect.objectContaining({
        where: 'store-events: AWS::Lambda::EventSourceMapping B',
        what: 'it reads the same stream as store-events: AWS::Lambda::EventSourceMapping A',
      }),
    ]);
  });

  test('two readers of two streams pass', () => {
    const two = stack('data', 'us-east-1', { T: TABLE, U: { ...TABLE, Properties: { TableName: 'U', BillingMode: 'PAY_PER_REQUEST' } } });
    two.template.Resources!.A = mapping({ 'Fn::GetAtt': ['T', 'StreamArn'] });
    two.template.Resources!.B = mapping({ 'Fn::GetAtt': ['U', 'StreamArn'] });
    expect(assemblyFindings([two])).toEqual([]);
  });

  test('queues and Kinesis streams have readers in every region', () => {
    const queue = { 'Fn::GetAtt': ['Queue', 'Arn'] };
    expect(assemblyFindings([data, inRegion('eu-west-1', queue), stack('more', 'eu-west-1', { A: mapping(queue), B: mapping(queue) })])).toEqual([]);
  });

  test("a second mapping of a stream of the store's is refused", () => {
    const stacks = storeStacks();
    const { Resources } = stacks.find(({ id }) => id === 'Events')!.template;
    const [, one] = Object.entries(Resources!).find(([, { Type }]) => Type === 'AWS::Lambda::EventSourceMapping')!;
    Resources!.Second = one;
    expect(whats(...stacks)).toEqual([expect.stringMatching(/^it reads the same stream as store-dev-events: /)]);
  });
});
