import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, CloudFormationValidatePlugin } from 'aws-cdk-lib';
import { CfnGlobalTable } from 'aws-cdk-lib/aws-dynamodb';
import { ruleFiles } from '../../lib/rules';
import { createApp } from '../../lib/store-app';
import { describeCompletely } from '../support/complete';
import { CONTEXTS } from '../support/contexts';
import { stacksOf, synthesized } from '../support/stacks';
import { PROJECT } from '../support/synthesize-once';
import { STACKS, type Template, templateOf } from '../support/templates';
import { findingsOf } from '../support/validator';

type Resources = Template['Resources'];

const TEMPLATES = Object.fromEntries(STACKS.map((stack) => [stack, templateOf('per-domain', stack)])) as Record<(typeof STACKS)[number], Template>;

interface Key {
  AttributeName: string;
  KeyType: string;
}

interface Index {
  IndexName: string;
  KeySchema: Key[];
  Projection: { ProjectionType: string };
  WriteProvisionedThroughputSettings?: object;
}

interface Replica {
  Region: string;
  DeletionProtectionEnabled: boolean;
  PointInTimeRecoverySpecification?: { PointInTimeRecoveryEnabled: boolean };
  GlobalSecondaryIndexes: { IndexName: string; ReadProvisionedThroughputSettings?: object }[];
  ReadProvisionedThroughputSettings?: object;
}

interface Table {
  AttributeDefinitions: { AttributeName: string; AttributeType: string }[];
  BillingMode: string;
  KeySchema: Key[];
  GlobalSecondaryIndexes: Index[];
  LocalSecondaryIndexes?: Index[];
  MultiRegionConsistency?: string;
  GlobalTableWitnesses?: { Region: string }[];
  Replicas: Replica[];
  StreamSpecification: { StreamViewType: string };
  TimeToLiveSpecification?: { AttributeName: string; Enabled: boolean };
  WriteProvisionedThroughputSettings?: object;
}

interface Statement {
  Effect: string;
  Action?: string | string[];
  NotAction?: string;
  Resource?: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

/** A change by hand, and what the rule says of it. */
interface Case {
  rule: string;
  change: string;
  template: Template;
  says: string | RegExp;
  /** What else the same change breaks. */
  also?: string;
}

const orders = (change: (table: Table) => void): Template => changed('Data', 'OrdersTable', ({ Properties }) => change(Properties as never));

const mapping = (change: (properties: Record<string, unknown>) => void): Template =>
  changed('Events', 'orderstriggerMapping', ({ Properties }) => change(Properties));

/** A statement more in the role of a flow that reads one table. */
const statement = (added: Statement): Template =>
  changed('Api', 'getuserRoleDefaultPolicy', ({ Properties }) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement.push(added));

const { Cache } = stacksOf(CONTEXTS.dax);

/** The template of the cache, with one resource changed, or more of them. */
const cache = (id: string, change: (properties: Record<string, unknown>) => void, more: Resources = {}): Template => {
  const template = structuredClone(Cache);
  change(Object.entries(template.Resources).find(([logicalId]) => new RegExp(`^${id}([0-9A-F]{8})?$`).test(logicalId))![1].Properties);
  return { Resources: { ...reachable(template, 'Cluster').Resources, ...more } };
};

/** More in the template of the cache. */
const withCache = (Type: string, Properties: Record<string, unknown>): Template => cache('Cluster', () => {}, { More: { Type, Properties } });

const ingress = (rule: Record<string, unknown>) => ({ IpProtocol: 'tcp', FromPort: 9111, ToPort: 9111, ...rule });

const clusterGroup = (rule: object): Template => cache('Nodes', (properties) => (properties.SecurityGroupIngress = [rule]));

const cluster = { 'Fn::GetStackOutput': { StackName: 'store-dev-cache', OutputName: 'ClusterArn' } };

/** The policy of signed-in clients, its first statement changed. */
const clients = (change: (statement: Statement & { Condition: Record<string, Record<string, unknown>> }) => void): Template =>
  changed('Access', 'ClientRoleDefaultPolicy', ({ Properties }) => change((Properties.PolicyDocument as { Statement: never[] }).Statement[0]!));

/** The same, one of its conditions changed. */
const condition = (change: (condition: Record<string, Record<string, unknown>>) => unknown): Template => clients(({ Condition }) => void change(Condition));

/** A policy of signed-in clients that lacks a condition, as a resource of another type. */
function clientsBy(place: (document: unknown, role: Resources[string], roleId: string) => Record<string, { Type: string; Properties: Record<string, unknown> }>): Template {
  const { Resources } = condition((conditions) => delete conditions.Null);
  const idOf = (type: string) => Object.keys(Resources).find((id) => Resources[id]!.Type === type)!;
  const { [idOf('AWS::IAM::Policy')]: policy, ...rest } = Resources;
  const roleId = idOf('AWS::IAM::Role');
  return { Resources: { ...rest, ...place(policy!.Properties.PolicyDocument, rest[roleId]!, roleId) } };
}

/** A managed policy of AWS's in the role of a flow. */
const managed = (policy: string): Template =>
  changed('Api', 'getuserRole', ({ Properties }) => {
    Properties.ManagedPolicyArns = [{ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:iam::aws:policy/${policy}`]] }];
  });

/** A resource of the real template of a stack, changed, with what it refers to. */
function changed(stack: (typeof STACKS)[number], id: string, change: (resource: Resources[string]) => void): Template {
  const template = structuredClone(TEMPLATES[stack]);
  const [logicalId, resource] = Object.entries(template.Resources).find(([other]) => new RegExp(`^${id}[0-9A-F]{8}$`).test(other))!;
  change(resource);
  return reachable(template, logicalId);
}

/** What a resource refers to, by any way, and itself: the validator takes a second for a whole template. */
function reachable({ Resources }: Template, ...ids: string[]): Template {
  const found = new Set(ids);
  for (const id of found) {
    const text = JSON.stringify(Resources[id]);
    for (const other of Object.keys(Resources)) if (text.includes(`"${other}"`)) found.add(other);
  }
  return { Resources: Object.fromEntries(Object.entries(Resources).filter(([id]) => found.has(id))) };
}

const replicate = (table: Table, ...regions: string[]) => {
  table.Replicas = regions.map((Region) => ({ ...structuredClone(table.Replicas[0]!), Region }));
};

/** What AWS takes: three regions of one set, without TTL and local indexes. */
const strong = (table: Table, ...regions: string[]) => {
  table.MultiRegionConsistency = 'STRONG';
  delete table.TimeToLiveSpecification;
  delete table.LocalSecondaryIndexes;
  table.AttributeDefinitions = table.AttributeDefinitions.filter(({ AttributeName }) => !AttributeName.startsWith('lsi'));
  replicate(table, ...regions);
};

const scaling = (side: 'Read' | 'Write') => ({
  [`${side}CapacityAutoScalingSettings`]: {
    MinCapacity: 1,
    MaxCapacity: 10,
    SeedCapacity: 2,
    TargetTrackingScalingPolicyConfiguration: { TargetValue: 70 },
  },
});

const provisioned = (table: Table) => {
  table.BillingMode = 'PROVISIONED';
  table.WriteProvisionedThroughputSettings = scaling('Write');
  for (const index of table.GlobalSecondaryIndexes) index.WriteProvisionedThroughputSettings = scaling('Write');
  for (const replica of table.Replicas) {
    replica.ReadProvisionedThroughputSettings = scaling('Read');
    for (const index of replica.GlobalSecondaryIndexes) index.ReadProvisionedThroughputSettings = scaling('Read');
  }
};

const globalIndex = (IndexName: string): Index => ({
  IndexName,
  KeySchema: [{ AttributeName: 'gsi1pk', KeyType: 'HASH' }],
  Projection: { ProjectionType: 'KEYS_ONLY' },
});

const scalableTarget = (policy: boolean): Template => ({
  Resources: {
    Target: {
      Type: 'AWS::ApplicationAutoScaling::ScalableTarget',
      Properties: {
        MinCapacity: 1,
        MaxCapacity: 10,
        ResourceId: 'table/store-dev-Orders',
        ScalableDimension: 'dynamodb:table:WriteCapacityUnits',
        ServiceNamespace: 'dynamodb',
      },
    },
    ...(policy && {
      Policy: {
        Type: 'AWS::ApplicationAutoScaling::ScalingPolicy',
        Properties: {
          PolicyName: 'writes',
          PolicyType: 'TargetTrackingScaling',
          ScalingTargetId: { Ref: 'Target' },
          TargetTrackingScalingPolicyConfiguration: {
            PredefinedMetricSpecification: { PredefinedMetricType: 'DynamoDBWriteCapacityUtilization' },
            TargetValue: 70,
          },
        },
      },
    }),
  },
});

const ordersArn = (region: string, more = '') => ({
  'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:dynamodb:${region}:`, { Ref: 'AWS::AccountId' }, `:table/store-dev-Orders${more}`]],
});

const CASES: Case[] = [
  {
    rule: 'STORE-DDB-001',
    change: 'point-in-time recovery off',
    template: orders(({ Replicas }) => (Replicas[0]!.PointInTimeRecoverySpecification!.PointInTimeRecoveryEnabled = false)),
    says: 'store-dev-Orders has no point-in-time recovery in us-east-1',
  },
  {
    rule: 'STORE-DDB-001',
    change: 'point-in-time recovery away, in a second region',
    template: orders((table) => {
      replicate(table, 'us-east-1', 'eu-west-1');
      delete table.Replicas[1]!.PointInTimeRecoverySpecification;
    }),
    says: 'store-dev-Orders has no point-in-time recovery in eu-west-1',
  },
  {
    rule: 'STORE-DDB-002',
    change: 'deletion protection off',
    template: orders(({ Replicas }) => (Replicas[0]!.DeletionProtectionEnabled = false)),
    says: 'store-dev-Orders is retained, but not protected from deletion in us-east-1',
  },
  {
    rule: 'STORE-DDB-003',
    change: 'another stream view, with two replicas',
    template: orders((table) => {
      replicate(table, 'us-east-1', 'eu-west-1');
      table.StreamSpecification.StreamViewType = 'KEYS_ONLY';
    }),
    says: 'store-dev-Orders has 2 replicas and its stream is not NEW_AND_OLD_IMAGES',
  },
  {
    rule: 'STORE-DDB-004',
    change: 'TTL with MRSC',
    template: orders((table) => {
      strong(table, 'us-east-1', 'us-east-2', 'us-west-2');
      table.TimeToLiveSpecification = { AttributeName: 'expiresAt', Enabled: true };
    }),
    says: 'store-dev-Orders has multi-Region strong consistency and TTL',
  },
  {
    rule: 'STORE-DDB-004',
    change: 'TTL as text with MRSC',
    template: orders((table) => {
      strong(table, 'us-east-1', 'us-east-2', 'us-west-2');
      Object.assign(table, { TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: 'true' } });
    }),
    says: 'store-dev-Orders has multi-Region strong consistency and TTL',
  },
  {
    rule: 'STORE-DDB-005',
    change: 'local indexes with MRSC',
    template: orders((table) => {
      const { LocalSecondaryIndexes, AttributeDefinitions } = structuredClone(table);
      strong(table, 'us-east-1', 'us-east-2', 'us-west-2');
      Object.assign(table, { LocalSecondaryIndexes, AttributeDefinitions });
    }),
    says: 'store-dev-Orders has multi-Region strong consistency and local secondary indexes',
  },
  {
    rule: 'STORE-DDB-006',
    change: 'MRSC over two region sets',
    template: orders((table) => strong(table, 'us-east-1', 'us-east-2', 'eu-west-1')),
    says: 'in eu-west-1, us-east-1, us-east-2, which are not of one region set',
  },
  {
    rule: 'STORE-DDB-006',
    change: 'the witness of MRSC in another set',
    template: orders((table) => {
      strong(table, 'us-east-1', 'us-east-2');
      table.GlobalTableWitnesses = [{ Region: 'ap-northeast-1' }];
    }),
    says: 'in ap-northeast-1, us-east-1, us-east-2, which are not of one region set',
  },
  {
    rule: 'STORE-DDB-007',
    change: 'MRSC with two replicas',
    template: orders((table) => strong(table, 'us-east-1', 'us-east-2')),
    says: '2 replicas and 0 witnesses in 2 regions',
  },
  {
    rule: 'STORE-DDB-007',
    change: 'the witness of MRSC in the region of a replica',
    template: orders((table) => {
      strong(table, 'us-east-1', 'us-east-2');
      table.GlobalTableWitnesses = [{ Region: 'us-east-2' }];
    }),
    says: '2 replicas and 1 witnesses in 2 regions',
  },
  {
    rule: 'STORE-DDB-007',
    change: 'MRSC with three replicas and a witness',
    template: orders((table) => {
      strong(table, 'eu-west-1', 'eu-west-2', 'eu-west-3');
      table.GlobalTableWitnesses = [{ Region: 'eu-central-1' }];
    }),
    says: '3 replicas and 1 witnesses in 4 regions',
    also: 'STORE-DDB-010',
  },
  {
    rule: 'STORE-DDB-007',
    change: 'MRSC with three replicas and a witness beside one of them',
    template: orders((table) => {
      strong(table, 'eu-west-1', 'eu-west-2', 'eu-west-3');
      table.GlobalTableWitnesses = [{ Region: 'eu-west-3' }];
    }),
    says: '3 replicas and 1 witnesses in 3 regions',
    also: 'STORE-DDB-010',
  },
  {
    rule: 'STORE-DDB-007',
    change: 'MRSC with one replica and two witnesses',
    template: orders((table) => {
      strong(table, 'eu-west-1');
      table.GlobalTableWitnesses = [{ Region: 'eu-west-2' }, { Region: 'eu-west-3' }];
    }),
    says: '1 replicas and 2 witnesses in 3 regions',
    also: 'STORE-DDB-010',
  },
  {
    rule: 'STORE-DDB-008',
    change: 'TTL on a key attribute',
    template: orders((table) => (table.TimeToLiveSpecification = { AttributeName: 'sk', Enabled: true })),
    says: 'store-dev-Orders expires items by sk, which is also a key attribute',
  },
  {
    rule: 'STORE-DDB-011',
    change: 'a key attribute that nothing defines',
    template: orders(({ GlobalSecondaryIndexes }) => (GlobalSecondaryIndexes[0]!.KeySchema[1]!.AttributeName = 'placedAt')),
    says: 'The key of index gsi1 of store-dev-Orders has placedAt, which AttributeDefinitions defines 0 times',
    also: 'STORE-DDB-012',
  },
  {
    rule: 'STORE-DDB-012',
    change: 'a definition that no key has',
    template: orders(({ AttributeDefinitions }) => AttributeDefinitions.push({ AttributeName: 'status', AttributeType: 'S' })),
    says: 'store-dev-Orders defines status, which no key of the table or of an index has',
  },
  {
    rule: 'STORE-DDB-013',
    change: 'two partition keys of the table',
    template: orders(({ KeySchema }) => (KeySchema[1]!.KeyType = 'HASH')),
    says: 'The key of store-dev-Orders is [pk HASH, sk HASH]. Give it first its HASH attributes (1 of them), then its RANGE attributes (0, 1)',
    also: 'STORE-DDB-015',
  },
  {
    rule: 'STORE-DDB-013',
    change: 'the sort key first',
    template: orders(({ GlobalSecondaryIndexes }) => GlobalSecondaryIndexes[0]!.KeySchema.reverse()),
    says: 'The key of index gsi1 of store-dev-Orders is [gsi1sk RANGE, gsi1pk HASH]',
  },
  {
    rule: 'STORE-DDB-013',
    change: 'a local index without sort key',
    template: orders((table) => {
      const index = table.LocalSecondaryIndexes![0]!;
      table.AttributeDefinitions = table.AttributeDefinitions.filter(({ AttributeName }) => AttributeName !== index.KeySchema[1]!.AttributeName);
      index.KeySchema.pop();
    }),
    says: 'The key of index lsi1 of store-dev-Orders is [pk HASH]',
  },
  {
    rule: 'STORE-DDB-013',
    change: 'five partition keys in a global index',
    template: orders((table) => {
      const names = ['a', 'b', 'c', 'd', 'e'];
      table.AttributeDefinitions.push(...names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })));
      table.GlobalSecondaryIndexes.push({ ...globalIndex('gsi9'), KeySchema: names.map((AttributeName) => ({ AttributeName, KeyType: 'HASH' })) });
    }),
    says: 'The key of index gsi9 of store-dev-Orders is [a HASH, b HASH, c HASH, d HASH, e HASH]',
  },
  {
    rule: 'STORE-DDB-013',
    change: 'a key that is neither partition nor sort key',
    template: orders(({ GlobalSecondaryIndexes }) => (GlobalSecondaryIndexes[0]!.KeySchema[1]!.KeyType = 'SORT')),
    says: 'The key of index gsi1 of store-dev-Orders is [gsi1pk HASH, gsi1sk SORT]',
  },
  {
    rule: 'STORE-DDB-014',
    change: 'an attribute twice in a key',
    template: orders(({ GlobalSecondaryIndexes }) =>
      GlobalSecondaryIndexes.push({ ...globalIndex('gsi9'), KeySchema: ['HASH', 'RANGE'].map((KeyType) => ({ AttributeName: 'gsi1pk', KeyType })) }),
    ),
    says: 'The key of index gsi9 of store-dev-Orders has an attribute twice: gsi1pk, gsi1pk',
  },
  {
    rule: 'STORE-DDB-015',
    change: "a local index on another partition key than the table's",
    template: orders(({ LocalSecondaryIndexes }) => (LocalSecondaryIndexes![0]!.KeySchema[0]!.AttributeName = 'gsi1pk')),
    says: 'The local index lsi1 of store-dev-Orders has the partition key gsi1pk, and the table pk',
  },
  {
    rule: 'STORE-DDB-016',
    change: 'too many global indexes',
    template: orders((table) => (table.GlobalSecondaryIndexes = Array.from({ length: 21 }, (_, i) => globalIndex(`gsi${i + 1}`)))),
    says: 'store-dev-Orders has 21 GlobalSecondaryIndexes, and DynamoDB allows 20',
    also: 'STORE-DDB-012',
  },
  {
    rule: 'STORE-DDB-016',
    change: 'too many local indexes',
    template: orders((table) => {
      const [index] = table.LocalSecondaryIndexes!;
      table.LocalSecondaryIndexes = Array.from({ length: 6 }, (_, i) => ({ ...index!, IndexName: `lsi${i + 1}` }));
    }),
    says: 'store-dev-Orders has 6 LocalSecondaryIndexes, and DynamoDB allows 5',
    also: 'STORE-DDB-012',
  },
  {
    rule: 'STORE-DDB-017',
    change: 'a global and a local index of one name',
    template: orders(({ GlobalSecondaryIndexes }) => GlobalSecondaryIndexes.push(globalIndex('lsi1'))),
    says: 'store-dev-Orders has two indexes that are named lsi1',
  },
  {
    rule: 'STORE-DDB-018',
    change: 'a key of a type that no key has',
    template: orders(({ AttributeDefinitions }) => (AttributeDefinitions[1]!.AttributeType = 'M')),
    says: 'store-dev-Orders defines its key attribute sk as M',
  },
  {
    rule: 'STORE-DDB-019',
    change: 'an index that was renamed, but not in its replica',
    template: orders(({ GlobalSecondaryIndexes }) => (GlobalSecondaryIndexes[0]!.IndexName = 'byStatus')),
    says: 'store-dev-Orders has settings for an index gsi1 in us-east-1, and the table has no such global secondary index',
  },
  {
    rule: 'STORE-DDB-021',
    change: 'provisioned capacity without scaling of the writes',
    template: orders((table) => {
      provisioned(table);
      delete table.WriteProvisionedThroughputSettings;
    }),
    says: 'The write capacity of store-dev-Orders does not scale',
  },
  {
    rule: 'STORE-DDB-021',
    change: 'a global index whose writes do not scale',
    template: orders((table) => {
      provisioned(table);
      delete table.GlobalSecondaryIndexes[1]!.WriteProvisionedThroughputSettings;
    }),
    says: 'The write capacity of index gsi2 of store-dev-Orders does not scale',
  },
  {
    rule: 'STORE-DDB-021',
    change: 'fixed read capacity in a replica',
    template: orders((table) => {
      replicate(table, 'us-east-1', 'eu-west-1');
      provisioned(table);
      table.Replicas[1]!.ReadProvisionedThroughputSettings = { ReadCapacityUnits: 5 };
    }),
    says: 'The read capacity of store-dev-Orders in eu-west-1 does not scale',
  },
  {
    rule: 'STORE-DDB-021',
    change: 'a replica that leaves a global index out',
    template: orders((table) => {
      provisioned(table);
      table.Replicas[0]!.GlobalSecondaryIndexes.pop();
    }),
    says: 'The read capacity of index gsi2 of store-dev-Orders in us-east-1 does not scale',
  },
  {
    rule: 'STORE-DDB-021',
    change: 'scaling without a target',
    template: orders((table) => {
      provisioned(table);
      table.WriteProvisionedThroughputSettings = { WriteCapacityAutoScalingSettings: { MinCapacity: 1, MaxCapacity: 10, SeedCapacity: 1 } };
    }),
    says: 'The write capacity of store-dev-Orders does not scale',
  },
  ...['MinCapacity', 'MaxCapacity'].map((bound) => ({
    rule: 'STORE-DDB-021',
    change: `scaling without ${bound}`,
    template: orders((table) => {
      provisioned(table);
      const { WriteCapacityAutoScalingSettings: settings } = scaling('Write');
      table.WriteProvisionedThroughputSettings = { WriteCapacityAutoScalingSettings: { ...settings, [bound]: undefined } };
    }),
    says: 'The write capacity of store-dev-Orders does not scale',
  })),
  {
    rule: 'STORE-DDB-022',
    change: 'scaling without a seed',
    template: orders((table) => {
      provisioned(table);
      const { WriteCapacityAutoScalingSettings: settings } = scaling('Write');
      table.WriteProvisionedThroughputSettings = { WriteCapacityAutoScalingSettings: { ...settings, SeedCapacity: undefined } };
    }),
    says: 'The write capacity of store-dev-Orders has no SeedCapacity',
  },
  {
    rule: 'STORE-DDB-023',
    change: 'a scalable target without policy',
    template: scalableTarget(false),
    says: 'The scalable target Target has no scaling policy',
  },
  {
    rule: 'STORE-DDB-009',
    change: 'a table that can get no replica',
    template: {
      Resources: {
        Old: {
          Type: 'AWS::DynamoDB::Table',
          Properties: {
            AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
            KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
            BillingMode: 'PAY_PER_REQUEST',
          },
        },
      },
    },
    says: 'Old is an AWS::DynamoDB::Table',
  },
  {
    rule: 'STORE-DDB-010',
    change: 'no replica in the region of the stack',
    template: orders((table) => replicate(table, 'eu-west-1', 'eu-west-2')),
    says: 'store-dev-Orders has no replica in us-east-1, the region of its stack',
  },
  ...(
    [
      ['INCLUDE that names nothing', { ProjectionType: 'INCLUDE' }, 'projects INCLUDE with 0 NonKeyAttributes'],
      ['ALL that names some', { ProjectionType: 'ALL', NonKeyAttributes: ['a'] }, 'projects ALL with 1 NonKeyAttributes'],
      ['KEYS_ONLY that names some', { ProjectionType: 'KEYS_ONLY', NonKeyAttributes: ['a'] }, 'projects KEYS_ONLY with 1 NonKeyAttributes'],
    ] as const
  ).map(([change, projection, says]) => ({
    rule: 'STORE-DDB-020',
    change,
    template: orders(({ GlobalSecondaryIndexes: [, index] }) => Object.assign(index!, { Projection: projection })),
    says: `The index gsi2 of store-dev-Orders ${says}`,
  })),
  ...[
    { MinCapacity: 11 },
    { TargetTrackingScalingPolicyConfiguration: { TargetValue: 91 } },
    { TargetTrackingScalingPolicyConfiguration: { TargetValue: 19 } },
  ].map((wrong) => ({
    rule: 'STORE-DDB-021',
    change: `scaling with ${JSON.stringify(wrong)}`,
    template: orders((table) => {
      provisioned(table);
      const { WriteCapacityAutoScalingSettings: settings } = scaling('Write');
      table.WriteProvisionedThroughputSettings = { WriteCapacityAutoScalingSettings: { ...settings, ...wrong } };
    }),
    says: 'The write capacity of store-dev-Orders does not scale',
  })),
  {
    rule: 'STORE-DDB-051',
    change: "a customer's key for one of two replicas",
    template: orders((table) => {
      replicate(table, 'us-east-1', 'eu-west-1');
      Object.assign(table.Replicas[0]!, { SSESpecification: { KMSMasterKeyId: 'arn:aws:kms:us-east-1:111122223333:key/a' } });
    }),
    says: "store-dev-Orders is encrypted with a customer's key in us-east-1 and has none in eu-west-1",
  },
  {
    rule: 'STORE-DDB-031',
    change: 'no starting position',
    template: mapping((properties) => delete properties.StartingPosition),
    says: 'has no StartingPosition',
  },
  {
    rule: 'STORE-DDB-032',
    change: 'no number of retries',
    template: mapping((properties) => delete properties.MaximumRetryAttempts),
    says: 'retries without end',
  },
  {
    rule: 'STORE-DDB-032',
    change: 'retries without end',
    template: mapping((properties) => (properties.MaximumRetryAttempts = -1)),
    says: 'retries without end',
  },
  {
    rule: 'STORE-DDB-032',
    change: 'a number of retries that is none',
    template: mapping((properties) => (properties.MaximumRetryAttempts = '-1')),
    says: 'retries without end',
  },
  {
    rule: 'STORE-DDB-033',
    change: 'no on-failure destination',
    template: mapping((properties) => delete properties.DestinationConfig),
    says: 'has no on-failure destination',
  },
  {
    rule: 'STORE-DDB-034',
    change: 'the stream of a replica, of which the label is not known',
    template: mapping((properties) => (properties.EventSourceArn = ordersArn('us-east-1', '/stream/*'))),
    says: ':table/store-dev-Orders/stream/*: an event source is one stream',
  },
  {
    rule: 'STORE-DDB-035',
    change: "another region's output",
    template: mapping((properties) => {
      const { 'Fn::GetStackOutput': output } = properties.EventSourceArn as { 'Fn::GetStackOutput': object };
      properties.EventSourceArn = { 'Fn::GetStackOutput': { ...output, Region: 'eu-west-1' } };
    }),
    says: /in us-east-1, reads .*Region="eu-west-1".*: a stream of another region/,
  },
  {
    rule: 'STORE-DDB-035',
    change: "another region's stream by its name",
    template: mapping((properties) => (properties.EventSourceArn = ordersArn('eu-west-1', '/stream/2026-11-23T00:00:00.000'))),
    says: /in us-east-1, reads .*:dynamodb:eu-west-1:.*: a stream of another region/,
    also: 'STORE-DDB-036',
  },
  {
    rule: 'STORE-DDB-036',
    change: 'a stream that is written out',
    template: mapping((properties) => (properties.EventSourceArn = ordersArn('us-east-1', '/stream/2026-11-23T00:00:00.000'))),
    says: '/stream/2026-11-23T00:00:00.000, which is written out',
  },
  ...['dynamodb:*', 'dynamodb:Get*', 'DynamoDB:?etItem', '*', 'dyn*:GetItem'].map((Action) => ({
    rule: 'STORE-DDB-041',
    change: `the action ${Action}`,
    template: statement({ Effect: 'Allow', Action: ['s3:GetObject', Action], Resource: ordersArn('us-east-1') }),
    says: `allows ${Action}, which is more DynamoDB actions than a flow calls`,
  })),
  {
    rule: 'STORE-DDB-041',
    change: 'everything but an action',
    template: statement({ Effect: 'Allow', NotAction: 'iam:PassRole', Resource: ordersArn('us-east-1') }),
    says: 'allows everything but iam:PassRole, and so every DynamoDB action',
  },
  {
    rule: 'STORE-DDB-042',
    change: 'all indexes of a table',
    template: statement({ Effect: 'Allow', Action: 'dynamodb:Query', Resource: [ordersArn('us-east-1'), ordersArn('us-east-1', '/index/*')] }),
    says: ':table/store-dev-Orders/index/*, which is more tables or indexes than a flow reads',
  },
  {
    rule: 'STORE-DDB-042',
    change: 'all indexes of a table that is referred to',
    template: statement({ Effect: 'Allow', Action: 'dynamodb:Query', Resource: { 'Fn::Join': ['', [{ 'Fn::ImportValue': 'orders' }, '/index/*']] } }),
    says: '/index/*, which is more tables or indexes than a flow reads',
  },
  {
    rule: 'STORE-DDB-043',
    change: 'every table',
    template: statement({ Effect: 'Allow', Action: 'dynamodb:GetItem', Resource: '*' }),
    says: 'allows DynamoDB actions on every table of the account',
  },
  ...['AmazonDynamoDBFullAccess', 'AdministratorAccess'].map((policy) => ({
    rule: 'STORE-DDB-044',
    change: `AWS's own policy ${policy}`,
    template: managed(policy),
    says: `:policy/${policy}, which allows DynamoDB actions on every table`,
  })),
  {
    rule: 'STORE-DAX-001',
    change: 'a cluster without TLS',
    template: cache('Cluster', (properties) => (properties.ClusterEndpointEncryptionType = 'NONE')),
    says: 'The cluster Cluster speaks without TLS',
  },
  {
    rule: 'STORE-DAX-001',
    change: 'a cluster that does not say',
    template: cache('Cluster', (properties) => delete properties.ClusterEndpointEncryptionType),
    says: 'The cluster Cluster speaks without TLS',
  },
  {
    rule: 'STORE-DAX-002',
    change: 'a cluster without encryption at rest',
    template: cache('Cluster', (properties) => (properties.SSESpecification = { SSEEnabled: false })),
    says: 'The cluster Cluster is not encrypted at rest',
  },
  {
    rule: 'STORE-DAX-003',
    change: 'a cluster without parameter group',
    template: cache('Cluster', (properties) => delete properties.ParameterGroupName),
    says: 'The cluster Cluster has no parameter group',
  },
  ...(
    [
      ['no TTL of items', { 'query-ttl-millis': '60000' }, 'nothing as record-ttl-millis'],
      ['no TTL of queries', { 'record-ttl-millis': '300000' }, 'nothing as query-ttl-millis'],
      ['a TTL of zero', { 'record-ttl-millis': '0', 'query-ttl-millis': '60000' }, '0 as record-ttl-millis'],
    ] as const
  ).map(([change, ParameterNameValues, says]) => ({
    rule: 'STORE-DAX-003',
    change,
    template: cache('Parameters300x60', (properties) => Object.assign(properties, { ParameterNameValues })),
    says: `The parameter group Parameters300x60 has ${says}`,
  })),
  ...(
    [
      ['AWS::EC2::InternetGateway', {}, 'an internet gateway'],
      ['AWS::EC2::EgressOnlyInternetGateway', { VpcId: 'vpc-1' }, 'an egress-only internet gateway'],
      ['AWS::EC2::NatGateway', { SubnetId: 'subnet-1' }, 'a NAT gateway'],
      ['AWS::EC2::Route', { RouteTableId: 'rtb-1', DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-1' }, 'a route'],
    ] as const
  ).map(([type, properties, what]) => ({
    rule: 'STORE-DAX-004',
    change: type,
    template: withCache(type, properties),
    says: `More is ${what} out of the cluster's network`,
  })),
  {
    rule: 'STORE-DAX-005',
    change: 'a cluster in the default group of the network',
    template: cache('Cluster', (properties) => delete properties.SecurityGroupIds),
    says: 'The cluster Cluster has no security group of its own',
  },
  ...(
    [
      ['an address', ingress({ CidrIp: '10.0.0.0/16' })],
      ['another port', ingress({ SourceSecurityGroupId: 'sg-1', FromPort: 8111 })],
      ['a range of ports', ingress({ SourceSecurityGroupId: 'sg-1', ToPort: 9112 })],
      ['every protocol', { IpProtocol: '-1', SourceSecurityGroupId: 'sg-1' }],
      ['another protocol', ingress({ SourceSecurityGroupId: 'sg-1', IpProtocol: 'udp' })],
    ] as const
  ).map(([change, rule]) => ({
    rule: 'STORE-DAX-005',
    change: `a cluster that lets in ${change}`,
    template: clusterGroup(rule),
    says: /^STORE-DAX-005 Nodes\w+: .*lets more into the cluster than a security group on port 9111/,
  })),
  {
    rule: 'STORE-DAX-005',
    change: 'one rule more of its group, apart from it',
    template: withCache(
      'AWS::EC2::SecurityGroupIngress',
      ingress({ CidrIp: '0.0.0.0/0', GroupId: (Object.values(Cache.Resources).find(({ Type }) => Type === 'AWS::DAX::Cluster')!.Properties.SecurityGroupIds as object[])[0] }),
    ),
    says: 'More lets more into the cluster than a security group on port 9111',
  },
  ...['dax:*', 'DAX:Get*', 'dax:?etItem'].map((Action) => ({
    rule: 'STORE-DAX-006',
    change: `the action ${Action}`,
    template: statement({ Effect: 'Allow', Action: ['s3:GetObject', Action], Resource: cluster }),
    says: `allows ${Action}, which is more than a flow does through the cluster`,
  })),
  ...['*', 'arn:aws:dax:us-east-1:111122223333:cache/*'].map((Resource) => ({
    rule: 'STORE-DAX-007',
    change: `the cluster ${Resource}`,
    template: statement({ Effect: 'Allow', Action: 'dax:GetItem', Resource: [cluster, Resource] }),
    says: `allows dax:GetItem on ${Resource}, which is more clusters than the store's`,
  })),
  ...[['dynamodb:PutItem'], ['DynamoDB:PartiQLSelect'], ['dynamodb:Scan', 'dynamodb:DeleteItem']].map((actions) => ({
    rule: 'STORE-DDB-045',
    change: `signed-in clients that may ${actions.join()}`,
    template: clients((statement) => (statement.Action = ['dynamodb:Query', ...actions])),
    says: `has a statement which also allows ${actions.join(', ')}. A client only reads`,
  })),
  ...Object.entries({
    'any partition': condition((conditions) => delete conditions['ForAllValues:StringEquals']),
    'the partitions of an empty list': condition((conditions) => (conditions['ForAllValues:StringEquals'] = { 'dynamodb:LeadingKeys': [] })),
    'the partition of one user': condition((conditions) => (conditions['ForAllValues:StringEquals'] = { 'dynamodb:LeadingKeys': ['$store#userId_ann'] })),
    'a partition beside their own': condition((conditions) => (conditions['ForAllValues:StringEquals']!['dynamodb:LeadingKeys'] as string[]).push('$store#userId_')),
    'partitions like their own': condition((conditions) => {
      const { 'ForAllValues:StringEquals': equals } = conditions;
      delete conditions['ForAllValues:StringEquals'];
      Object.assign(conditions, { 'ForAllValues:StringLike': equals });
    }),
  }).map(([what, template]) => ({
    rule: 'STORE-DDB-045',
    change: `signed-in clients that may read ${what}`,
    template,
    says: 'has a statement without ForAllValues:StringEquals on dynamodb:LeadingKeys',
  })),
  ...Object.entries({
    'without Null': condition((conditions) => delete conditions.Null),
    'with a Null that is true': condition((conditions) => (conditions.Null = { 'dynamodb:LeadingKeys': 'true' })),
    'by an inline policy': clientsBy((PolicyDocument, { Type, Properties }, id) => ({
      [id]: { Type, Properties: { ...Properties, Policies: [{ PolicyName: 'inline', PolicyDocument }] } },
    })),
    "by a role's policy": clientsBy((PolicyDocument, _, id) => ({
      Own: { Type: 'AWS::IAM::RolePolicy', Properties: { PolicyName: 'own', RoleName: { Ref: id }, PolicyDocument } },
    })),
    'by a managed policy': clientsBy((PolicyDocument, { Type, Properties }, id) => ({
      Managed: { Type: 'AWS::IAM::ManagedPolicy', Properties: { PolicyDocument } },
      [id]: { Type, Properties: { ...Properties, ManagedPolicyArns: [{ Ref: 'Managed' }] } },
    })),
  }).map(([how, template]) => ({
    rule: 'STORE-DDB-045',
    change: `signed-in clients that may read without a key, ${how}`,
    template,
    says: 'has a statement without Null on dynamodb:LeadingKeys being false',
  })),
];

/** Beside what a rule refuses, what it must let through. */
const FINE: Record<string, Template> = {
  'a table that goes with its stack, unprotected': changed('Data', 'OrdersTable', (resource) => {
    resource.DeletionPolicy = 'Delete';
    (resource.Properties.Replicas as Replica[])[0]!.DeletionProtectionEnabled = false;
  }),
  'TTL that is off': orders((table) => {
    strong(table, 'us-east-1', 'us-east-2', 'us-west-2');
    table.TimeToLiveSpecification = { AttributeName: 'sk', Enabled: false };
  }),
  'MRSC in three regions of one set': orders((table) => strong(table, 'us-east-1', 'us-east-2', 'us-west-2')),
  'MRSC in two regions and a witness': orders((table) => {
    strong(table, 'us-east-1', 'us-west-2');
    table.GlobalTableWitnesses = [{ Region: 'us-east-2' }];
  }),
  'three replicas over the world': orders((table) => replicate(table, 'us-east-1', 'eu-west-1', 'ap-southeast-1')),
  'one replica with a stream of keys': orders((table) => (table.StreamSpecification.StreamViewType = 'KEYS_ONLY')),
  'four partition keys and a sort key in a global index': orders((table) => {
    const names = ['a', 'b', 'c', 'd'];
    table.AttributeDefinitions.push(...names.map((AttributeName) => ({ AttributeName, AttributeType: 'N' })));
    const keys = names.map((AttributeName) => ({ AttributeName, KeyType: 'HASH' }));
    table.GlobalSecondaryIndexes.push({ ...globalIndex('gsi9'), KeySchema: [...keys, { AttributeName: 'gsi1sk', KeyType: 'RANGE' }] });
  }),
  'provisioned capacity that scales everywhere': orders((table) => {
    replicate(table, 'us-east-1', 'eu-west-1');
    provisioned(table);
  }),
  'a scalable target with its policy': scalableTarget(true),
  'a wildcard in what is denied': statement({ Effect: 'Deny', Action: 'dynamodb:*', Resource: '*' }),
  'a wildcard on another service': statement({ Effect: 'Allow', Action: ['xray:Put*'], Resource: '*' }),
  'a condition of signed-in clients that is no text': condition((conditions) => (conditions.Null = { 'dynamodb:LeadingKeys': false })),
  'another service for signed-in clients': clients((statement) => {
    statement.Action = 'mobiletargeting:PutEvents';
    statement.Resource = '*';
    statement.Condition = {};
  }),
  "a policy of AWS's that is not about DynamoDB": managed('service-role/AWSLambdaBasicExecutionRole'),
  'a wildcard of DAX in what is denied': statement({ Effect: 'Deny', Action: 'dax:*', Resource: '*' }),
  'a security group on the port of the cluster': clusterGroup(ingress({ SourceSecurityGroupId: 'sg-1' })),
  'a route of a network without cluster': { Resources: { Route: { Type: 'AWS::EC2::Route', Properties: { RouteTableId: 'rtb-1', DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-1' } } } },
  'another group that lets others in': withCache('AWS::EC2::SecurityGroup', { GroupDescription: 'others', SecurityGroupIngress: [ingress({ CidrIp: '10.0.0.0/16' })] }),
  'a mapping that reads a queue': mapping((properties) => {
    properties.EventSourceArn = (properties.DestinationConfig as { OnFailure: { Destination: object } }).OnFailure.Destination;
    for (const name of ['StartingPosition', 'MaximumRetryAttempts', 'DestinationConfig']) delete properties[name];
  }),
};

describe('the rules of the project', () => {
  let findings: Record<string, string[]>;
  // Both layouts, everything that is off by default, and both ways to delete; test/synth/matrix.test.ts has all combinations.
  const real = [CONTEXTS.everything, CONTEXTS.trial].flatMap((context, at) =>
    synthesized(context).map(({ id, template, region }) => ({ name: `${id} of ${['everything', 'a trial'][at]}`, template, region })),
  );

  beforeAll(() => {
    findings = findingsOf({ ...Object.fromEntries(CASES.map(({ rule, change, template }) => [`${rule} ${change}`, template])), ...FINE });
    for (const region of new Set(real.map((stack) => stack.region))) {
      const here = real.filter((stack) => stack.region === region);
      Object.assign(findings, findingsOf(Object.fromEntries(here.map(({ name, template }) => [name, template])), { region }));
    }
  }, 120_000);

  test.each(CASES)('$rule refuses $change, saying what is wrong', ({ rule, change, says, also }) => {
    const found = findings[`${rule} ${change}`]!.filter((finding) => finding.startsWith('STORE-'));
    expect([...new Set(found.map((finding) => finding.split(' ')[0]))].sort()).toEqual([rule, ...(also ? [also] : [])].sort());
    const own = found.filter((finding) => finding.startsWith(rule));
    expect(own).toHaveLength(1);
    expect(own[0]).toMatch(says);
  });

  test.each(Object.keys(FINE))('they let through %s', (name) => {
    expect(findings[name]!.filter((finding) => finding.startsWith('STORE-'))).toEqual([]);
  });

  test.each(real)('nothing is found, by any rule, in the template $name', ({ name }) => {
    expect(findings[name]).toEqual([]);
  });

  test('every rule has a case', () => {
    const rules = ruleFiles().flatMap(({ content }) => content.match(/STORE-(?:DDB|DAX)-\d+/g) ?? []);
    expect([...new Set(CASES.map(({ rule }) => rule))].sort()).toEqual([...new Set(rules)].sort());
  });
});

describe('a change of the source', () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-rules-'));
  beforeAll(() => {
    mkdirSync(join(folder, 'code'));
    writeFileSync(join(folder, 'code/index.mjs'), '');
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The app of the source with one line changed. */
  function withoutRecovery(builtinCloudFormationValidation: boolean): App {
    const { context } = jest.requireActual<{ context: Record<string, unknown> }>(join(PROJECT, 'cdk.json'));
    const app = createApp({ folder: () => join(folder, 'code') }, { outdir: join(folder, 'out'), builtinCloudFormationValidation, context });
    const [table] = app.node.findAll().filter((construct) => construct instanceof CfnGlobalTable);
    table!.addPropertyOverride('Replicas.0.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled', false);
    return app;
  }

  test('that breaks a rule stops the synth', () => {
    const app = withoutRecovery(true);
    // Of the templates the one that breaks it, since each takes its time.
    const { validate } = CloudFormationValidatePlugin.prototype;
    jest.spyOn(CloudFormationValidatePlugin.prototype, 'validate').mockImplementation(function validateData(this: CloudFormationValidatePlugin, context) {
      return validate.call(this, { ...context, stackTemplates: context.stackTemplates.filter(({ stackConstructPath }) => stackConstructPath === 'Data') });
    });
    expect(() => app.synth()).toThrow(/store-dev-Users has no point-in-time recovery in us-east-1.*CloudFormation-Validate::STORE-DDB-001/s);
  }, 60_000);

  describeCompletely('where the validator is off', () => {
    test('by a property of the app, is not looked at', () => {
      expect(() => withoutRecovery(false).synth()).not.toThrow();
    });

    test('by the environment, is not looked at', () => {
      jest.replaceProperty(process, 'env', { ...process.env, CDK_VALIDATION: 'false' });
      expect(() => withoutRecovery(true).synth()).not.toThrow();
    });
  });
});
