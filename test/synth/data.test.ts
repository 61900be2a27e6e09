import { Stacks } from '../support/stacks';
import { LAYOUTS } from '../support/synthesize-once';
import { resourcesOf, type Template } from '../support/templates';

describe.each(LAYOUTS)('the data stack of %s', (layout) => {
  test('a table is on-demand, with a stream, point-in-time recovery and protection from deletion', () => {
    const tables = resourcesOf(layout, 'AWS::DynamoDB::GlobalTable');
    expect(tables.map(({ Properties }) => Properties.TableName)).toEqual(
      layout === 'single-table' ? ['store-dev-Store'] : ['store-dev-Users', 'store-dev-Products', 'store-dev-Orders'],
    );
    for (const { Properties, DeletionPolicy } of tables) {
      expect(Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
        Replicas: [
          {
            Region: 'us-east-1',
            DeletionProtectionEnabled: true,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 35 },
          },
        ],
      });
      expect(DeletionPolicy).toBe('Retain');
    }
  });
});

test('the users sign in with a long password, and a second factor where they want one', () => {
  const [pool, ...others] = resourcesOf('per-domain', 'AWS::Cognito::UserPool');
  expect(others).toEqual([]);
  expect(pool!.Properties).toMatchObject({
    DeletionProtection: 'ACTIVE',
    MfaConfiguration: 'OPTIONAL',
    // No text messages: they cost, and numbers can be taken over.
    EnabledMfas: ['SOFTWARE_TOKEN_MFA'],
    Policies: { PasswordPolicy: { MinimumLength: 12 } },
  });
});

describe('what the config changes in the data stack', () => {
  let synth: Stacks;
  beforeAll(() => {
    synth = new Stacks();
  });
  afterAll(() => synth.remove());
  const stacks = (context: Record<string, unknown>) => {
    const { Data: data, Api: api } = synth.of(context);
    return { data, api };
  };
  const tables = ({ Resources }: Template) => Object.values(Resources).filter(({ Type }) => Type === 'AWS::DynamoDB::GlobalTable');

  test('destroy: nothing is kept, nothing is protected', () => {
    const { data } = stacks({ removal: 'destroy' });
    for (const { Properties, DeletionPolicy } of tables(data)) {
      expect(DeletionPolicy).toBe('Delete');
      expect(Properties.Replicas).toEqual([expect.objectContaining({ DeletionProtectionEnabled: false })]);
    }
  });

  test('a customer key: the tables are encrypted with it, and each function may use it through DynamoDB', () => {
    const { data, api } = stacks({ encryption: 'customer' });
    for (const { Properties } of tables(data)) {
      expect(Properties.SSESpecification).toEqual({ SSEEnabled: true, SSEType: 'KMS' });
      expect(Properties.Replicas).toEqual([expect.objectContaining({ SSESpecification: { KMSMasterKeyId: expect.anything() } })]);
    }
    const policies = Object.values(api.Resources).filter(({ Type }) => Type === 'AWS::IAM::Policy');
    for (const { Properties } of policies) {
      const { Statement } = Properties.PolicyDocument as { Statement: { Action: string | string[]; Condition?: object }[] };
      const statements = Statement.filter(({ Action }) => [Action].flat().includes('kms:Decrypt'));
      expect(statements).toHaveLength(1);
      expect(JSON.stringify(statements[0])).not.toContain('*');
      expect(statements[0]!.Condition).toEqual({ StringEquals: { 'kms:ViaService': expect.anything() } });
    }
  });

  test('a key that DynamoDB owns, where nothing is said', () => {
    const found = tables(stacks({}).data);
    expect(found).toHaveLength(3);
    for (const { Properties } of found) expect(Properties.SSESpecification).toEqual({ SSEEnabled: false });
  });

  test('an AWS managed key', () => {
    for (const { Properties } of tables(stacks({ encryption: 'aws-managed' }).data)) {
      expect(Properties.SSESpecification).toEqual({ SSEEnabled: true, SSEType: 'KMS' });
    }
  });

  test('shards, stage and region arrive where they belong', () => {
    const { data, api } = stacks({ statusShards: '8', stage: 'prod', regions: 'eu-west-1' });
    for (const { Properties } of tables(data)) {
      expect(Properties.TableName).toMatch(/^store-prod-/);
      expect(Properties.Replicas).toEqual([expect.objectContaining({ Region: 'eu-west-1' })]);
    }
    const functions = Object.values(api.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    for (const { Properties } of functions) {
      expect(Properties.Environment).toMatchObject({ Variables: { STATUS_SHARDS: '8', USERS_TABLE: 'store-prod-Users' } });
    }
  });
});
