import type { Stack } from './assembly';
import { type Finding, listed } from './finding';
import { asText, attributeOf } from './intrinsics';
import type { Resource } from './release';
import { described, isTable, physicalName } from './stateful';

interface Placed {
  stack: Stack;
  logicalId: string;
  resource: Resource;
}

/**
 * What no single template shows, or what CloudFormation takes and nobody wants: readers of streams, auto-scaling that
 * does nothing, and permissions on more than is named.
 */
export function assemblyFindings(stacks: readonly Stack[]): Finding[] {
  const all = stacks.flatMap((stack) =>
    Object.entries(stack.template.Resources ?? {}).map(([logicalId, resource]): Placed => ({ stack, logicalId, resource })),
  );
  return [...streamReaders(all, stacks), ...scalableTargets(all), ...provisionedTables(all), ...permissions(all)];
}

const where = ({ stack, logicalId, resource }: Placed) => described(stack.name, logicalId, resource);

/** What reads a stream, and the property that names it. */
const READERS: Readonly<Record<string, string>> = {
  'AWS::Lambda::EventSourceMapping': 'EventSourceArn',
  'AWS::Pipes::Pipe': 'Source',
};

/** One reader of a global table's stream. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html */
function streamReaders(all: readonly Placed[], stacks: readonly Stack[]): Finding[] {
  const findings: Finding[] = [];
  const readers = new Map<string, Placed>();
  for (const placed of all) {
    const property = READERS[placed.resource.Type];
    if (property === undefined) continue;
    const source = placed.resource.Properties?.[property];
    if (asText(source).includes('*')) {
      findings.push({
        where: where(placed),
        what: `its ${property} is ${asText(source)}`,
        why: 'An event source is one stream: its ARN ends with a label that only the table knows, and takes no wildcard. The deployment fails.',
        instead: ['In the home region: the StreamArn of the table. CloudFormation has no attribute for the stream of a replica.'],
      });
      continue;
    }
    const stream = streamOf(source, placed.stack, all, stacks);
    if (!stream) continue;
    const { region } = placed.stack;
    // Of a stream that is looked up when it is deployed, the template does not say the table.
    const homes = (stream.table ? [stream.table] : all.filter(({ resource }) => isTable(resource.Type))).map(({ stack }) => stack.region);
    if (homes.length > 0 && !homes.includes(region)) {
      findings.push({
        where: `${where(placed)} in ${region}`,
        what: `it reads the stream of a replica: ${
          stream.table ? `the home of ${physicalName(stream.table.resource) ?? stream.table.logicalId}` : 'the home of the tables'
        } is ${homes[0]}`,
        why: 'The stream of each replica has every change of the table, wherever it was made: each region with a consumer processes it once more.',
        instead: [`Keep the consumers of streams in ${homes[0]} only.`],
      });
    }
    const stand = `${region} ${stream.id}`;
    const first = readers.get(stand);
    if (first) {
      findings.push({
        where: where(placed),
        what: `it reads the same stream as ${where(first)}`,
        why: 'Each record is processed by both, and DynamoDB throttles the readers of a shard: AWS recommends one for a global table.',
        instead: ['One event source mapping for each stream: let its function hand the records on (lib/triggers.ts).'],
      });
    } else readers.set(stand, placed);
  }
  return findings;
}

interface TableStream {
  id: string;
  /** Undefined where the template does not say which. */
  table: Placed | undefined;
}

/** The stream of a table that a value names; undefined for any other source, as a queue. */
function streamOf(source: unknown, stack: Stack, all: readonly Placed[], stacks: readonly Stack[]): TableStream | undefined {
  const reference = attributeOf(source, stack, stacks);
  if (reference) {
    // A custom resource that looks the stream up gives it as Table.LatestStreamArn.
    if (!/stream\w*arn$/i.test(reference.attribute)) return undefined;
    const table = all.find(
      ({ stack: owner, logicalId, resource }) => owner === reference.stack && logicalId === reference.logicalId && isTable(resource.Type),
    );
    return { id: `${reference.stack.id}/${reference.logicalId}`, table };
  }
  const [, name] = /:table\/([^/]+)\/stream\//.exec(asText(source)) ?? [];
  if (name === undefined) return undefined;
  const table = all.find(({ resource }) => isTable(resource.Type) && physicalName(resource) === name);
  return { id: table ? `${table.stack.id}/${table.logicalId}` : name, table };
}

/** A scalable target alone scales nothing. https://docs.aws.amazon.com/autoscaling/application/userguide/what-is-application-auto-scaling.html */
function scalableTargets(all: readonly Placed[]): Finding[] {
  const policies = all.filter(({ resource }) => resource.Type === 'AWS::ApplicationAutoScaling::ScalingPolicy');
  const named = ({ Properties = {} }: Resource) =>
    ['ServiceNamespace', 'ResourceId', 'ScalableDimension'].map((name) => asText(Properties[name])).join(' ');
  return all
    .filter(({ resource }) => resource.Type === 'AWS::ApplicationAutoScaling::ScalableTarget')
    .filter(
      ({ stack, logicalId, resource }) =>
        !policies.some(
          (policy) =>
            policy.stack === stack &&
            (asText(policy.resource.Properties?.ScalingTargetId) === `\${${logicalId}}` || named(policy.resource) === named(resource)),
        ),
    )
    .map((target) => ({
      where: where(target),
      what: 'it has no ScalingPolicy',
      why: 'A scalable target says between which bounds to scale; without a policy nothing ever does.',
      instead: ['Add a target tracking policy for it, or leave the target out.'],
    }));
}

interface Scaling {
  WriteProvisionedThroughputSettings?: { WriteCapacityAutoScalingSettings?: { TargetTrackingScalingPolicyConfiguration?: object } };
  ReadProvisionedThroughputSettings?: { ReadCapacityAutoScalingSettings?: { TargetTrackingScalingPolicyConfiguration?: object } };
}

interface ProvisionedTable extends Scaling {
  BillingMode?: string;
  GlobalSecondaryIndexes?: ({ IndexName: string } & Scaling)[];
  Replicas?: ({ Region: string; GlobalSecondaryIndexes?: ({ IndexName: string } & Scaling)[] } & Scaling)[];
}

/** Writes are set for all replicas, reads for each. The billing mode is PROVISIONED unless the template says otherwise. */
function provisionedTables(all: readonly Placed[]): Finding[] {
  return all
    .filter(({ resource }) => resource.Type === 'AWS::DynamoDB::GlobalTable')
    .flatMap((placed) => {
      const table = (placed.resource.Properties ?? {}) as ProvisionedTable;
      const { BillingMode = 'PROVISIONED', GlobalSecondaryIndexes: indexes = [], Replicas: replicas = [] } = table;
      if (BillingMode !== 'PROVISIONED') return [];
      const writes = ({ WriteProvisionedThroughputSettings: settings }: Scaling) =>
        settings?.WriteCapacityAutoScalingSettings?.TargetTrackingScalingPolicyConfiguration;
      const reads = (part: Scaling | undefined) =>
        part?.ReadProvisionedThroughputSettings?.ReadCapacityAutoScalingSettings?.TargetTrackingScalingPolicyConfiguration;
      const missing = [
        ...(writes(table) ? [] : ['writes of the table']),
        ...indexes.filter((index) => !writes(index)).map(({ IndexName }) => `writes of ${IndexName}`),
        ...replicas.flatMap((replica) => [
          ...(reads(replica) ? [] : [`reads in ${replica.Region}`]),
          ...indexes
            .filter(({ IndexName }) => !reads(replica.GlobalSecondaryIndexes?.find((index) => index.IndexName === IndexName)))
            .map(({ IndexName }) => `reads of ${IndexName} in ${replica.Region}`),
        ]),
      ];
      if (missing.length === 0) return [];
      return [
        {
          where: where(placed),
          what: `provisioned without a target tracking policy: ${listed(missing)}`,
          why: 'What is not scaled stays at its capacity and throttles; of an index that lags behind, it throttles the writes of the table.',
          instead: ['Give each an auto-scaling setting with a TargetTrackingScalingPolicyConfiguration, or switch to PAY_PER_REQUEST.'],
        },
      ];
    });
}

interface Statement {
  Sid?: string;
  Effect?: string;
  Action?: unknown;
  NotAction?: unknown;
  Resource?: unknown;
  NotResource?: unknown;
}

const many = (value: unknown): string[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]).map(asText);

/** They are on no resource. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html */
const WITHOUT_RESOURCE = new Set(['ListTables', 'ListStreams', 'ListGlobalTables', 'ListBackups', 'DescribeLimits', 'DescribeEndpoints']);

function permissions(all: readonly Placed[]): Finding[] {
  return all.flatMap((placed) => [
    ...statementsOf(placed.resource).flatMap(([role, statement, index]) => {
      const wide = wideParts(statement);
      if (wide.length === 0) return [];
      return [
        {
          where: `${placed.stack.name}: ${role ?? `role ${placed.logicalId}`}, statement ${statement.Sid ?? index + 1} of ${placed.logicalId}`,
          what: `it allows DynamoDB ${listed(wide)}`,
          why: 'A wildcard allows what nobody listed: other tables, indexes and actions, and those that come later.',
          instead: ['List each action, table and index by its name (lib/flows.ts and lib/triggers.ts do).'],
        },
      ];
    }),
    ...many(placed.resource.Properties?.ManagedPolicyArns)
      .filter((arn) => placed.resource.Type === 'AWS::IAM::Role' && /:policy\/.*(DynamoDB|AdministratorAccess|PowerUserAccess)/.test(arn))
      .map((arn) => ({
        where: `${placed.stack.name}: role ${placed.logicalId}`,
        what: `it has AWS's managed policy ${arn.split('/').at(-1)}`,
        why: 'That policy allows DynamoDB actions on every table.',
        instead: ['List each action, table and index by its name.'],
      })),
  ]);
}

type PolicyDocument = { Statement?: Statement | Statement[] };

/** The statements of a policy or role, with who has them and their place. */
function statementsOf({ Type, Properties = {} }: Resource): [role: string | undefined, Statement, index: number][] {
  if (!Type.startsWith('AWS::IAM::')) return [];
  const holders = [...many(Properties.Roles), ...many(Properties.RoleName), ...many(Properties.Users), ...many(Properties.Groups)];
  const role = holders.length > 0 ? `role ${holders.map((holder) => holder.replace(/^\$\{(.*)\}$/, '$1')).join(', ')}` : undefined;
  const inline = Array.isArray(Properties.Policies) ? (Properties.Policies as { PolicyDocument?: PolicyDocument }[]) : [];
  return [Properties as { PolicyDocument?: PolicyDocument }, ...inline].flatMap(({ PolicyDocument: { Statement: statements = [] } = {} }) =>
    [statements].flat().map((statement, index): [string | undefined, Statement, number] => [role, statement, index]),
  );
}

/** Actions and resources with a wildcard, of a statement that allows something in DynamoDB. */
function wideParts({ Effect = 'Allow', Action, NotAction, Resource, NotResource }: Statement): string[] {
  if (Effect !== 'Allow') return [];
  const actions = many(Action);
  const ofDynamoDB = actions.filter((action) => /^(dynamodb:.*|\*)$/i.test(action));
  const resources = many(Resource);
  const tables = resources.filter((resource) => /:dynamodb:/.test(resource) && /[*?]/.test(resource));
  const isAboutDynamoDB = ofDynamoDB.length > 0 || NotAction !== undefined;
  if (!isAboutDynamoDB) return tables.map((resource) => `on ${resource}`);
  const needsResource = NotAction !== undefined || !ofDynamoDB.every((action) => WITHOUT_RESOURCE.has(action.slice('dynamodb:'.length)));
  return [
    ...ofDynamoDB.filter((action) => /[*?]/.test(action)).map((action) => `the actions ${action}`),
    ...(NotAction === undefined ? [] : [`every action but ${listed(many(NotAction))}`]),
    ...(needsResource ? resources.filter((resource) => /[*?]/.test(resource)) : tables).map((resource) => `on ${resource}`),
    ...(NotResource === undefined ? [] : [`on everything but ${listed(many(NotResource))}`]),
  ];
}
