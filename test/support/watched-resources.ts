import { metricText } from './observability';
import type { Template, TemplateResource } from './templates';

/**
 * What the alarms and the dashboard of a region must watch, from the templates alone: which tables, indexes, replicas, functions,
 * mappings, queues and clusters there are, what roles allow on the tables, and which limits they have.
 */
export interface Expected {
  /** What each alarm watches, as `AlarmTemplate.watches`; and its threshold, where the template has what it follows from. */
  alarms: Map<string, number | undefined>;
  /** By the dashboard's row, what its graphs show beside what the alarms watch. */
  beside: Record<string, string[]>;
}

/** The row of the dashboard for what an alarm watches. */
export function rowFor(watches: string, expected: { consumers: readonly string[] }): string {
  if (watches.includes('ReplicationLatency')) return 'Replication';
  if (watches.includes('GlobalSecondaryIndexName')) return 'Indexes';
  if (watches.startsWith('AWS/DynamoDB')) return 'Tables';
  if (watches.startsWith('AWS/SQS')) return 'Queues';
  if (/^AWS\/DAX|DaxUnanswered/.test(watches)) return 'DAX';
  if (watches.includes('EffectsRefused')) return 'Streams and consumers';
  return expected.consumers.some((name) => watches.includes(`=${name}}`)) ? 'Streams and consumers' : 'API and flows';
}

/** What each action of a role comes to, by the authorization reference: a write also as a part of a transaction. */
const OPERATIONS: Record<string, string[]> = {
  PutItem: ['PutItem', 'TransactWriteItems'],
  UpdateItem: ['UpdateItem', 'TransactWriteItems'],
  DeleteItem: ['DeleteItem', 'TransactWriteItems'],
  ConditionCheckItem: ['TransactWriteItems'],
  PartiQLSelect: ['ExecuteStatement'],
  PartiQLInsert: ['ExecuteTransaction'],
  PartiQLUpdate: ['ExecuteTransaction'],
  PartiQLDelete: ['ExecuteTransaction'],
};
const READS = ['GetItem', 'BatchGetItem', 'Query', 'Scan', 'ExecuteStatement'];

const resourcesOf = (templates: readonly Template[], type: string): TemplateResource[] =>
  templates.flatMap(({ Resources }) => Object.values(Resources)).filter(({ Type }) => Type === type);

/** @param stacks all templates by stack id, with `Cache` where there is a cluster in the home region */
export function expectedIn(stacks: Readonly<Record<string, Template>>, region: string, home = 'us-east-1') {
  const isHome = region === home;
  const api = stacks[isHome ? 'Api' : `Api-${region}`] as Template;
  const events = isHome ? (stacks.Events as Template) : { Resources: {} };
  const alarms: Expected['alarms'] = new Map();
  const expect = (watches: string[], threshold?: number) => alarms.set(watches.sort().join(' + '), threshold);

  for (const table of resourcesOf([stacks.Data as Template], 'AWS::DynamoDB::GlobalTable').map(tableIn)) {
    const { TableName } = table;
    const operations = operationsOn(stacks, TableName, region);
    for (const GlobalSecondaryIndexName of [undefined, ...table.indexes]) {
      const dimensions = { TableName, ...(GlobalSecondaryIndexName !== undefined && { GlobalSecondaryIndexName }) };
      const dynamodb = (name: string) => metricText('AWS/DynamoDB', name, dimensions);
      for (const kind of ['Read', 'Write'] as const) {
        const reasons = table.isOnDemand ? ['KeyRangeThroughput', 'MaxOnDemandThroughput', 'AccountLimit'] : ['KeyRangeThroughput', 'ProvisionedThroughput'];
        for (const reason of reasons) expect([dynamodb(`${kind}${reason}ThrottleEvents`)], 1);
        const consumed = dynamodb(`Consumed${kind}CapacityUnits`);
        // 48 s of a minute at the ceiling, which is 80 %; half-way from what auto-scaling aims at to everything.
        if (table.isOnDemand) expect([consumed], 48 * table.ceiling[kind]);
        else expect([consumed, dynamodb(`Provisioned${kind}CapacityUnits`)], (table.target + 100) / 2);
      }
    }
    for (const part of [operations.filter((name) => READS.includes(name)), operations.filter((name) => !READS.includes(name))]) {
      if (part.length > 0) expect(part.map((Operation) => metricText('AWS/DynamoDB', 'SystemErrors', { TableName, Operation })), 1);
    }
    for (const Operation of operations) expect([metricText('AWS/DynamoDB', 'SuccessfulRequestLatency', { TableName, Operation })]);
    for (const ReceivingRegion of table.regions.filter((other) => other !== region)) {
      expect([metricText('AWS/DynamoDB', 'ReplicationLatency', { TableName, ReceivingRegion })], 30_000);
    }
  }

  const functions = resourcesOf([api, events], 'AWS::Lambda::Function').map(({ Properties }) => Properties as unknown as FunctionProperties);
  for (const { FunctionName, Timeout } of functions) {
    expect([metricText('AWS/Lambda', 'Errors', { FunctionName })], 1);
    expect([metricText('AWS/Lambda', 'Duration', { FunctionName })], 800 * Timeout);
  }
  expect([metricText('AWS/Lambda', 'Throttles')], 1);
  expect([metricText('AWS/ApiGateway', '5xx', { ApiId: '<store-dev-api>' })], 5);

  const onFailure = new Set<string>();
  const consumers: string[] = [];
  for (const { Properties } of resourcesOf([events], 'AWS::Lambda::EventSourceMapping')) {
    const mapping = Properties as unknown as MappingProperties;
    const reader = events.Resources[mapping.FunctionName.Ref] as TemplateResource;
    const { FunctionName } = reader.Properties as unknown as FunctionProperties;
    expect([metricText('AWS/Lambda', 'IteratorAge', { FunctionName })], 100 * mapping.MaximumRecordAgeInSeconds);
    consumers.push(FunctionName);
    onFailure.add(mapping.DestinationConfig.OnFailure.Destination['Fn::GetAtt'][0]);
  }
  const queues = Object.entries(events.Resources).filter(([, { Type }]) => Type === 'AWS::SQS::Queue');
  const isDeadLetter = (id: string) => onFailure.has(id) || queues.some(([, { Properties }]) => JSON.stringify(Properties.RedrivePolicy ?? '').includes(`"${id}"`));
  for (const [id, { Properties }] of queues) {
    const dimensions = { QueueName: Properties.QueueName };
    if (isDeadLetter(id)) expect([metricText('AWS/SQS', 'ApproximateNumberOfMessagesVisible', dimensions)], 1);
    else expect([metricText('AWS/SQS', 'ApproximateAgeOfOldestMessage', dimensions)], 86_400);
  }

  // Its name is generated, so it is a reference.
  const clusters = resourcesOf(isHome && stacks.Cache ? [stacks.Cache] : [], 'AWS::DAX::Cluster').map(() => '<store-dev-cache>');
  const dax = (ClusterId: string) => (name: string) => metricText('AWS/DAX', name, { ClusterId });
  for (const metric of clusters.map(dax)) {
    expect([metric('ItemCacheHits'), metric('ItemCacheMisses')]);
    expect([metric('FailedRequestCount'), metric('TotalRequestCount')]);
    for (const name of ['FaultRequestCount', 'EvictedSize', 'CPUUtilization']) expect([metric(name)]);
  }

  const service = ({ Environment }: FunctionProperties) => Environment.Variables.POWERTOOLS_SERVICE_NAME;
  const besideDax = functions.filter(({ Environment: { Variables } }) => Variables.DAX_ENDPOINT !== undefined);
  if (clusters.length > 0) expect(besideDax.map((fn) => metricText('Store', 'DaxUnanswered', { service: service(fn), flow: service(fn) })), 10);
  const own = (wanted: FunctionProperties[], names: string[]) =>
    wanted.flatMap((fn) => names.map((name) => metricText('Store', name, { service: service(fn), flow: service(fn) })));
  const reading = functions.filter(({ FunctionName }) => consumers.includes(FunctionName));
  // SES and the event bus may refuse for good what a record holds.
  const refusable = reading.filter(({ Environment: { Variables } }) => (Variables.MAIL_FROM ?? Variables.EVENT_BUS) !== undefined);
  for (const watched of own(refusable, ['EffectsRefused'])) expect([watched], 1);
  const apiMetrics = ['Count', '4xx', '5xx', 'Latency', 'IntegrationLatency'].map((name) => metricText('AWS/ApiGateway', name, { ApiId: '<store-dev-api>' }));
  const sales = reading.filter((fn) => service(fn) === 'sales-per-minute');
  const beside: Expected['beside'] = {
    'API and flows': [
      ...apiMetrics,
      ...own(functions.filter((fn) => !reading.includes(fn)), ['Latency', 'ServerErrors', 'ReadUnits', 'WriteUnits']),
      metricText('AWS/Lambda', 'ConcurrentExecutions'),
    ],
    'Streams and consumers': [
      ...own(reading, ['StreamRecords', 'StreamFailures']),
      ...sales.map(() => `expression SEARCH('{Store,service,flow,currency} MetricName="SalesMinor" flow="sales-per-minute"', 'Sum', 300)`),
    ],
    DAX: clusters.map(dax).flatMap((metric) =>
      ['ItemCacheHits', 'ItemCacheMisses', 'QueryCacheHits', 'QueryCacheMisses', 'ErrorRequestCount', 'FaultRequestCount', 'FailedRequestCount'].map(metric),
    ),
  };
  return { alarms, beside, consumers };
}

interface FunctionProperties {
  FunctionName: string;
  Timeout: number;
  Environment: { Variables: { POWERTOOLS_SERVICE_NAME: string; DAX_ENDPOINT?: unknown; MAIL_FROM?: unknown; EVENT_BUS?: unknown } };
}

interface MappingProperties {
  FunctionName: { Ref: string };
  MaximumRecordAgeInSeconds: number;
  DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [string, string] } } };
}

function tableIn({ Properties }: TemplateResource) {
  interface Scaling {
    TargetTrackingScalingPolicyConfiguration: { TargetValue: number };
  }
  const table = Properties as unknown as {
    TableName: string;
    BillingMode: string;
    GlobalSecondaryIndexes: { IndexName: string }[];
    Replicas: { Region: string; ReadOnDemandThroughputSettings?: { MaxReadRequestUnits: number } }[];
    WriteOnDemandThroughputSettings?: { MaxWriteRequestUnits: number };
    WriteProvisionedThroughputSettings?: { WriteCapacityAutoScalingSettings: Scaling };
  };
  return {
    TableName: table.TableName,
    isOnDemand: table.BillingMode === 'PAY_PER_REQUEST',
    indexes: table.GlobalSecondaryIndexes.map(({ IndexName }) => IndexName),
    regions: table.Replicas.map(({ Region }) => Region),
    ceiling: {
      Read: table.Replicas[0]?.ReadOnDemandThroughputSettings?.MaxReadRequestUnits ?? NaN,
      Write: table.WriteOnDemandThroughputSettings?.MaxWriteRequestUnits ?? NaN,
    },
    target: table.WriteProvisionedThroughputSettings?.WriteCapacityAutoScalingSettings.TargetTrackingScalingPolicyConfiguration.TargetValue ?? NaN,
  };
}

/** What the roles of all regions allow on a table or its indexes in one region, as operations. */
function operationsOn(stacks: Readonly<Record<string, Template>>, table: string, region: string): string[] {
  const statements = resourcesOf(Object.values(stacks), 'AWS::IAM::Policy')
    .flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: { Effect: string; Action: string | string[]; Resource: unknown }[] }).Statement)
    .filter(({ Effect, Resource }) => Effect === 'Allow' && new RegExp(`:dynamodb:${region}:.*:table/${table}["/]`).test(JSON.stringify(Resource)));
  // What describes a table moves no data.
  const actions = statements.flatMap(({ Action }) => [Action].flat()).map((action) => action.replace('dynamodb:', '')).filter((action) => action !== 'DescribeTable');
  return [...new Set(actions.flatMap((action) => OPERATIONS[action] ?? [action]))].sort();
}
