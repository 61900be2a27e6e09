import { type Flow, FLOWS } from '../../lib/flows';
import { Stacks } from '../support/stacks';
import { LAYOUTS } from '../support/synthesize-once';
import { normalised, resourcesOf, STACKS, type Template, templateOf } from '../support/templates';

describe.each(LAYOUTS)('the templates of %s', (layout) => {
  test.each(STACKS)('%s', (stack) => {
    expect(normalised(templateOf(layout, stack))).toMatchSnapshot();
  });

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

describe('what the config changes', () => {
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

  test('raising the version of the cursor secret changes the functions that have it, and only those', () => {
    const functions = (version: number) =>
      Object.entries(stacks({ cursorSecretVersion: version }).api.Resources).filter(([, { Type }]) => Type === 'AWS::Lambda::Function');
    const before = Object.fromEntries(functions(1));
    const changed = functions(2).filter(([id, fn]) => JSON.stringify(fn) !== JSON.stringify(before[id]));
    const pages = (FLOWS as readonly Flow[]).filter((flow) => flow.pages).map(({ name }) => name);
    const names = changed.map(([, { Properties }]) => (Properties.Environment as { Variables: Record<string, string> }).Variables.POWERTOOLS_SERVICE_NAME);
    expect(names.sort()).toEqual(pages.sort());
  });

  test.each([
    ['layout', 'two-tables', 'per-domain | single-table'],
    ['layout', '', 'per-domain | single-table'],
    ['removal', 'keep', 'retain | destroy'],
    ['encryption', 'none', 'aws-owned | aws-managed | customer'],
    ['streamView', 'ALL', 'NEW_AND_OLD_IMAGES | NEW_IMAGE | OLD_IMAGE | KEYS_ONLY'],
    ['capacity', 'provisioned', 'on-demand'],
    ['statusShards', '0', 'a whole number from 1 to 100'],
    ['statusShards', '1.5', 'a whole number from 1 to 100'],
    ['statusShards', 'four', 'a whole number from 1 to 100'],
    ['stage', 'Prod!', '1 to 16 of a-z 0-9 -, beginning with a letter'],
    ['regions', 'europe', 'the name of one AWS region'],
    ['regions', 'us-east-1,eu-west-1', 'the name of one AWS region'],
  ])('config %s=%j is refused, saying what is allowed', (key, value, allowed) => {
    expect(() => stacks({ [key]: value })).toThrow(`Config '${key}' is ${JSON.stringify(value)}; allowed: ${allowed}. Example: -c ${key}=`);
  });
});
