import { type Flow, FLOWS } from '../../lib/flows';
import { rows } from '../support/complete';
import { CONTEXTS, LAYOUTS } from '../support/contexts';
import { stacksOf } from '../support/stacks';
import type { Template, TemplateResource } from '../support/templates';

const HOME = 'us-east-1';
const OTHERS = ['eu-west-1', 'ap-southeast-1'] as const;

const flows = FLOWS as readonly Flow[];
const resources = ({ Resources }: Template, type: string) => Object.values(Resources).filter(({ Type }) => Type === type);

// Regions are the same in both layouts: what roles reach is asked of both by test/flows/permissions.test.ts.
describe.each(rows(LAYOUTS, (layout) => layout === 'per-domain'))('three regions, %s', (layout) => {
  const context = { ...CONTEXTS.regions, layout };
  const stacks = stacksOf(context);
  const api = (region: string): Template => (region === HOME ? stacks.Api : stacks[`Api-${region as (typeof OTHERS)[number]}`]);

  test('each has an API of its own, with every flow', () => {
    for (const region of [HOME, ...OTHERS]) {
      expect(resources(api(region), 'AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties.RouteKey)).toEqual(flows.map(({ route }) => route));
    }
  });

  test('a table has a replica in each, with the settings of the home region', () => {
    for (const { Properties } of resources(stacks.Data, 'AWS::DynamoDB::GlobalTable')) {
      const replicas = Properties.Replicas as Record<string, unknown>[];
      expect(replicas.map(({ Region }) => Region).sort()).toEqual([HOME, ...OTHERS].sort());
      for (const replica of replicas) {
        expect(replica).toMatchObject({
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 35 },
          DeletionProtectionEnabled: true,
          ContributorInsightsSpecification: { Enabled: true, Mode: 'THROTTLED_KEYS' },
          ReadOnDemandThroughputSettings: { MaxReadRequestUnits: 600 },
          SSESpecification: { KMSMasterKeyId: expect.anything() },
          Tags: [
            { Key: 'app', Value: 'dynamodb-store' },
            { Key: 'stage', Value: 'dev' },
          ],
        });
        const indexes = (replica.GlobalSecondaryIndexes ?? []) as object[];
        expect(indexes.length).toBe((Properties.GlobalSecondaryIndexes as object[]).length);
        for (const index of indexes) {
          expect(index).toMatchObject({
            ContributorInsightsSpecification: { Enabled: true, Mode: 'THROTTLED_KEYS' },
            ReadOnDemandThroughputSettings: { MaxReadRequestUnits: 600 },
          });
        }
      }
      // The sales would be counted once for each region.
      const withKinesis = replicas.filter(({ KinesisStreamSpecification }) => KinesisStreamSpecification).map(({ Region }) => Region);
      expect(withKinesis).toEqual(/Orders|Store$/.test(Properties.TableName as string) ? [HOME] : []);
    }
  });

  test('each replica is encrypted with the key of its region, which is the home region\'s', () => {
    const [key] = resources(stacks.Keys, 'AWS::KMS::Key');
    expect(key!.Properties).toMatchObject({ MultiRegion: true, EnableKeyRotation: true });
    for (const region of OTHERS) expect(resources(stacks[`Keys-${region}`], 'AWS::KMS::ReplicaKey')).toHaveLength(1);
    for (const { Properties } of resources(stacks.Data, 'AWS::DynamoDB::GlobalTable')) {
      for (const { Region, SSESpecification } of Properties.Replicas as { Region: string; SSESpecification: { KMSMasterKeyId: object } }[]) {
        expect(SSESpecification.KMSMasterKeyId).toEqual({ 'Fn::GetStackOutput': expect.objectContaining({ StackName: 'store-dev-keys', Region }) });
      }
    }
  });

  test('consumers, their queues and the bus are in the home region only', () => {
    const types = ['AWS::Lambda::EventSourceMapping', 'AWS::SQS::Queue', 'AWS::Events::EventBus', 'AWS::Kinesis::Stream'];
    const found = Object.entries(stacks).flatMap(([id, { Resources }]) =>
      Object.values(Resources).filter(({ Type }) => types.includes(Type)).map(({ Type }) => `${id} ${Type}`),
    );
    expect(new Set(found)).toEqual(new Set(['Data AWS::Kinesis::Stream', 'Events AWS::Lambda::EventSourceMapping', 'Events AWS::SQS::Queue', 'Events AWS::Events::EventBus']));
    for (const { Properties } of resources(stacks.Events, 'AWS::Lambda::EventSourceMapping')) {
      expect(Properties.EventSourceArn).toEqual({ 'Fn::GetStackOutput': expect.objectContaining({ StackName: 'store-dev-data', Region: HOME }) });
    }
  });

  test('the tokens of one user pool, and the cursors of one secret, are taken in each', () => {
    const [secret] = resources(stacks.Data, 'AWS::SecretsManager::Secret');
    expect(secret!.Properties.ReplicaRegions).toEqual(OTHERS.map((Region) => ({ Region })));
    for (const region of OTHERS) {
      const [authorizer] = resources(api(region), 'AWS::ApiGatewayV2::Authorizer');
      const { Issuer, Audience } = (authorizer as TemplateResource).Properties.JwtConfiguration as { Issuer: object; Audience: object[] };
      for (const part of [Issuer, ...Audience]) {
        expect(part).toEqual({ 'Fn::GetStackOutput': expect.objectContaining({ StackName: 'store-dev-data', Region: HOME }) });
      }
    }
  });

  test.each(OTHERS)('the roles in %s reach the home region\'s tables, and of their own replica what the catalogue lists', (region) => {
    const template = api(region);
    for (const { Properties } of resources(template, 'AWS::Lambda::Function')) {
      expect((Properties.Environment as { Variables: object }).Variables).toMatchObject({ HOME_REGION: HOME });
    }
    const granted = flows.map(({ name }) => [name, regionsOf(template, name)]);
    const listed = flows.map(({ name, access, replica = {} }) => [
      name,
      [...(Object.keys(access).length > 0 ? [HOME] : []), ...(Object.keys(replica).length > 0 ? [region] : [])].sort(),
    ]);
    expect(granted).toEqual(listed);
    // What no two regions may decide at once.
    const pinned = ['place-order', 'cancel-order', 'update-order-status', 'delete-order', 'adjust-stock', 'transfer-stock', 'create-user', 'update-user', 'delete-user'];
    for (const name of pinned) expect([name, regionsOf(template, name)]).toEqual([name, [HOME]]);
  });

  test.each(OTHERS)('a function in %s may use the keys of the regions that it works in, through DynamoDB there', (region) => {
    for (const { name } of flows) {
      const keys = statementsOf(api(region), name).filter(({ Action }) => [Action].flat().includes('kms:Decrypt'));
      expect(keys.map(({ Resource }) => (Resource as { 'Fn::GetStackOutput': { Region?: string } })['Fn::GetStackOutput'].Region ?? region).sort()).toEqual(
        regionsOf(api(region), name),
      );
      for (const { Action, Resource, Condition } of keys) {
        // What DynamoDB does with a customer's key. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
        expect(Action).toEqual(['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo']);
        const { Region: of = region } = (Resource as { 'Fn::GetStackOutput': { Region?: string } })['Fn::GetStackOutput'];
        expect(JSON.stringify(Condition)).toContain(`dynamodb.${of}.`);
      }
    }
  });
});

interface StatementTemplate {
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

function statementsOf({ Resources }: Template, flow: string): StatementTemplate[] {
  const id = new RegExp(`^${flow.replaceAll('-', '')}RoleDefaultPolicy`);
  const [policy] = Object.entries(Resources).filter(([logicalId, { Type }]) => Type === 'AWS::IAM::Policy' && id.test(logicalId));
  return (policy![1].Properties.PolicyDocument as { Statement: StatementTemplate[] }).Statement;
}

/** The regions of the tables that a flow's role names. */
function regionsOf(template: Template, flow: string): string[] {
  const onData = statementsOf(template, flow).filter(({ Action }) => [Action].flat().some((action) => action.startsWith('dynamodb:')));
  const found = [...JSON.stringify(onData).matchAll(/:dynamodb:([a-z0-9-]+):/g)].map(([, region]) => region as string);
  return [...new Set(found)].sort();
}
