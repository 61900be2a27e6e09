import { createStore } from '../../lambda/model/store';
import { OWN_ENTITIES, ownPartitions } from '../../lib/own-partitions';
import { CONTEXTS, LAYOUTS } from '../support/contexts';
import { store } from '../support/samples';
import { stacksOf } from '../support/stacks';
import { type Template, templateOf } from '../support/templates';

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': string[] } } & Record<string, unknown>;
}

const ofType = ({ Resources }: Template, type: string) => Object.values(Resources).filter(({ Type }) => Type === type).map(({ Properties }) => Properties);

function statementsOf(template: Template): Statement[] {
  const [policy, ...others] = ofType(template, 'AWS::IAM::Policy');
  expect(others).toEqual([]);
  return (policy!.PolicyDocument as { Statement: Statement[] }).Statement;
}

/** Action and resource of a statement, a line for each pair. */
const permissions = ({ Action, Resource }: Statement): string[] =>
  [Action].flat().flatMap((action) => [Resource].flat().map((resource) => `${action} ${JSON.stringify(resource).replace(/.*:(table\/[^"]+)".*/, '$1')}`));

const keysOf = ({ Condition }: Statement) => Condition['ForAllValues:StringEquals']['dynamodb:LeadingKeys'];

/** The partition keys that the model composes for a user. */
const partitionKey = (params: object) => (params as { ExpressionAttributeValues: Record<string, string> }).ExpressionAttributeValues[':pk'];
const OF_ANN = {
  users: partitionKey(store.entities.User.query.primary({ userId: 'ann' }).params()),
  orders: partitionKey(store.entities.Order.query.primary({ customerId: 'ann' }).params()),
};

describe('what a signed-in client may read', () => {
  test('three reads of its own partitions in Users and Orders, and of the local indexes', () => {
    expect(statementsOf(templateOf('per-domain', 'Access')).map(permissions)).toEqual([
      ['dynamodb:BatchGetItem table/store-dev-Users', 'dynamodb:GetItem table/store-dev-Users', 'dynamodb:Query table/store-dev-Users'],
      ['dynamodb:BatchGetItem table/store-dev-Orders', 'dynamodb:GetItem table/store-dev-Orders', 'dynamodb:Query table/store-dev-Orders'],
      ['dynamodb:Query table/store-dev-Orders/index/lsi1', 'dynamodb:Query table/store-dev-Orders/index/lsi2'],
    ]);
    expect(statementsOf(templateOf('single-table', 'Access')).map(permissions)).toEqual([
      ['dynamodb:BatchGetItem table/store-dev-Store', 'dynamodb:GetItem table/store-dev-Store', 'dynamodb:Query table/store-dev-Store'],
      ['dynamodb:Query table/store-dev-Store/index/lsi1', 'dynamodb:Query table/store-dev-Store/index/lsi2'],
    ]);
  });

  test.each(LAYOUTS)('each statement is for the keys that the model composes, and for calls that name one, %s', (layout) => {
    const statements = statementsOf(templateOf(layout, 'Access'));
    const expected = {
      'per-domain': [[OF_ANN.users], [OF_ANN.orders], [OF_ANN.orders]],
      'single-table': [[OF_ANN.users, OF_ANN.orders], [OF_ANN.users, OF_ANN.orders]],
    };
    expect(statements.map((statement) => keysOf(statement).map((key) => key.replace('${aws:PrincipalTag/userId}', 'ann')))).toEqual(expected[layout]);
    for (const statement of statements) {
      expect(statement).toEqual({
        Effect: 'Allow',
        Action: expect.anything(),
        Resource: expect.anything(),
        Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': expect.any(Array) }, Null: { 'dynamodb:LeadingKeys': 'false' } },
      });
    }
  });

  test('every entity in these partitions is listed: whoever puts another there must mean it', () => {
    const keys = ownPartitions(store, 'ann').flatMap((partitions) => partitions.keys);
    expect(keys).toEqual([OF_ANN.users, OF_ANN.orders]);
    const inside = Object.entries(store.entities).filter(([, { schema }]) => {
      const { composite } = schema.indexes.primary.pk as { composite: readonly string[] };
      return composite.length === 1 && ['userId', 'customerId'].includes(composite[0]!);
    });
    expect(inside.map(([name]) => name).sort()).toEqual(Object.keys(OWN_ENTITIES).sort());
  });

  test.each<[string, Record<string, string>, string]>([
    ['the record of an Idempotency-Key', { IdempotencyRecord: 'customerId' }, 'IdempotencyRecord is made of customerId, keyHash, not of customerId alone'],
    ['the claim of an e-mail', { EmailClaim: 'userId' }, 'EmailClaim is made of email, not of userId alone'],
    ['a product', { Product: 'userId' }, 'Product is made of productId, not of userId alone'],
  ])('%s is refused', (_what, own, message) => {
    expect(() => ownPartitions(store, 'ann', own)).toThrow(message);
  });

  test('a key that is no fixed text before the id is refused', () => {
    const composing = (pk: string) => {
      const entity = {
        getTableName: () => 'Users',
        schema: { indexes: { primary: { pk: { field: 'pk', composite: ['userId'] } } } },
        query: { primary: () => ({ params: () => ({ ExpressionAttributeValues: { ':pk': pk } }) }) },
      };
      return () => ownPartitions({ entities: { User: entity } } as never, 'ann', { User: 'userId' });
    };
    expect(composing('$store#userId_ann')()).toEqual([{ tableName: 'Users', keys: ['$store#userId_ann'], localIndexes: [] }]);
    for (const pk of ['$store#userId_ann#', '$store#userId_ANN', '$store*#userId_ann', '$store?#userId_ann', '${x}#userId_ann']) {
      expect(composing(pk)).toThrow(`The model composes the partition key of User as ${JSON.stringify(pk)}`);
    }
  });

  test('the tables are those of the home region, and so is the key that encrypts them', () => {
    const { Access, ...others } = stacksOf(CONTEXTS.everything);
    expect(Object.keys(others).filter((id) => id.startsWith('Access'))).toEqual([]);
    const statements = statementsOf(Access);
    const regions = statements.slice(0, -1).map(({ Resource }) => new Set(JSON.stringify(Resource).match(/dynamodb:[\w-]+:/g)));
    const home = new Set(['dynamodb:eu-west-1:']);
    expect(regions).toEqual([home, home, home]);
    const { Action, Resource, Condition } = statements.at(-1)!;
    expect(Action).toEqual(['kms:Decrypt', 'kms:DescribeKey']);
    expect(Resource).toEqual({ 'Fn::GetStackOutput': expect.objectContaining({ StackName: 'store-dev-keys', Region: 'eu-west-1' }) });
    expect(Condition).toEqual({ StringEquals: { 'kms:ViaService': { 'Fn::Join': ['', ['dynamodb.eu-west-1.', { Ref: 'AWS::URLSuffix' }]] } } });
  });
});

describe.each(LAYOUTS)('who is a signed-in client, %s', (layout) => {
  const template = templateOf(layout, 'Access');

  test('somebody who signed in with the user pool and is still known there, and nobody else', () => {
    const [pool, ...others] = ofType(template, 'AWS::Cognito::IdentityPool');
    expect(others).toEqual([]);
    const [provider, ...more] = pool!.CognitoIdentityProviders as Record<string, { 'Fn::GetStackOutput': { OutputName: string } }>[];
    expect(more).toEqual([]);
    expect(pool).toMatchObject({ AllowUnauthenticatedIdentities: false, AllowClassicFlow: false });
    expect(provider!.ServerSideTokenCheck).toBe(true);
    expect(provider!.ClientId!['Fn::GetStackOutput'].OutputName).toMatch(/RefUserPoolClient/);
    expect(provider!.ProviderName!['Fn::GetStackOutput'].OutputName).toMatch(/GetAttUserPool\w+ProviderName/);
    for (const property of ['SupportedLoginProviders', 'SamlProviderARNs', 'OpenIdConnectProviderARNs', 'DeveloperProviderName']) expect(pool).not.toHaveProperty(property);
  });

  test('the user id in the policy is the sub of the token', () => {
    const [tag, ...others] = ofType(template, 'AWS::Cognito::IdentityPoolPrincipalTag');
    const [pool] = ofType(template, 'AWS::Cognito::IdentityPool');
    expect(others).toEqual([]);
    expect(tag).toEqual({
      IdentityPoolId: { Ref: 'IdentityPool' },
      IdentityProviderName: (pool!.CognitoIdentityProviders as { ProviderName: object }[])[0]!.ProviderName,
      PrincipalTags: { userId: 'sub' },
    });
  });

  test('Cognito may assume the role for them, of this pool, and tag the session', () => {
    const [role, ...others] = Object.entries(template.Resources).filter(([, { Type }]) => Type === 'AWS::IAM::Role');
    expect(others).toEqual([]);
    const [id, { Properties }] = role!;
    expect((Properties.AssumeRolePolicyDocument as { Statement: object[] }).Statement).toEqual([
      {
        Effect: 'Allow',
        Principal: { Federated: 'cognito-identity.amazonaws.com' },
        Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
        Condition: {
          StringEquals: { 'cognito-identity.amazonaws.com:aud': { Ref: 'IdentityPool' } },
          'ForAnyValue:StringLike': { 'cognito-identity.amazonaws.com:amr': 'authenticated' },
        },
      },
    ]);
    expect(Properties).not.toHaveProperty('ManagedPolicyArns');
    expect(ofType(template, 'AWS::Cognito::IdentityPoolRoleAttachment')).toEqual([
      { IdentityPoolId: { Ref: 'IdentityPool' }, Roles: { authenticated: { 'Fn::GetAtt': [id, 'Arn'] } } },
    ]);
  });
});

test('the layouts differ in tables only, not in who may read', () => {
  const keys = (tables: Parameters<typeof createStore>[0]) => ownPartitions(createStore(tables), 'ann').flatMap((partitions) => partitions.keys);
  expect(keys({ users: 'Store', products: 'Store', orders: 'Store' })).toEqual(keys({ users: 'Users', products: 'Products', orders: 'Orders' }));
});
