import { CONTEXTS, LAYOUTS } from '../support/contexts';
import { stacksOf } from '../support/stacks';
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
  const tables = ({ Resources }: Template) => Object.values(Resources).filter(({ Type }) => Type === 'AWS::DynamoDB::GlobalTable');

  test('with removal=destroy no table is kept or protected', () => {
    const found = tables(stacksOf(CONTEXTS.trial).Data);
    expect(found).toHaveLength(1);
    for (const { Properties, DeletionPolicy } of found) {
      expect(DeletionPolicy).toBe('Delete');
      expect(Properties.Replicas).toEqual([expect.objectContaining({ DeletionProtectionEnabled: false })]);
    }
  });

  test('a customer key: the tables are encrypted with it, and each function may use it through DynamoDB', () => {
    const { Data: data, Api: api } = stacksOf(CONTEXTS.regions);
    expect(tables(data)).toHaveLength(3);
    for (const { Properties } of tables(data)) {
      expect(Properties.SSESpecification).toEqual({ SSEEnabled: true, SSEType: 'KMS' });
      const encrypted = expect.objectContaining({ SSESpecification: { KMSMasterKeyId: expect.anything() } }) as object;
      expect(Properties.Replicas).toEqual([encrypted, encrypted, encrypted]);
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

  test('a key that DynamoDB owns encrypts the tables where nothing is said', () => {
    const found = tables(stacksOf(CONTEXTS['per-domain']).Data);
    expect(found).toHaveLength(3);
    for (const { Properties } of found) expect(Properties.SSESpecification).toEqual({ SSEEnabled: false });
  });

  test('an AWS managed key encrypts the tables where it is asked for', () => {
    for (const { Properties } of tables(stacksOf(CONTEXTS.trial).Data)) {
      expect(Properties.SSESpecification).toEqual({ SSEEnabled: true, SSEType: 'KMS' });
    }
  });

  test('shards, stage and region arrive where they belong', () => {
    const { Data: data, Api: api } = stacksOf(CONTEXTS.named);
    const { stage } = CONTEXTS.named;
    for (const { Properties } of tables(data)) {
      expect(Properties.TableName).toMatch(new RegExp(`^store-${stage}-(Users|Products|Orders)$`));
      expect(Properties.Replicas).toEqual([expect.objectContaining({ Region: 'eu-west-1' })]);
    }
    const functions = Object.values(api.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    for (const { Properties } of functions) {
      expect(Properties.Environment).toMatchObject({ Variables: { STATUS_SHARDS: '8', USERS_TABLE: `store-${stage}-Users` } });
    }
  });
});
