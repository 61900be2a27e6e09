import { schemaFindings } from '../support/schema';
import { LAYOUTS } from '../support/contexts';
import { STACKS, type Template, templateOf } from '../support/templates';

describe.each(LAYOUTS)('the templates of %s are what the resource specification says', (layout) => {
  test.each(STACKS)('%s has no finding', (stack) => {
    expect(schemaFindings(templateOf(layout, stack))).toEqual([]);
  });
});

describe('a template that is wrong', () => {
  type Resource = Template['Resources'][string];
  const broken = (change: (resource: Resource, template: Template) => void, type = 'AWS::DynamoDB::GlobalTable') => {
    const template = templateOf('per-domain', type === 'AWS::DynamoDB::GlobalTable' ? 'Data' : 'Events');
    change(Object.values(template.Resources).find(({ Type }) => Type === type)!, template);
    return schemaFindings(template);
  };
  const table = 'UsersTable6D91A5EE (AWS::DynamoDB::GlobalTable)';
  interface Replica {
    Region?: unknown;
    PointInTimeRecoverySpecification: object;
    GlobalSecondaryIndexes: object[];
  }
  const replica = ({ Properties }: Resource) => (Properties.Replicas as Replica[])[0]!;

  const CASES: [string, () => string[], string[]][] = [
    [
      'a misspelt property',
      () => broken(({ Properties }) => (Properties.BilingMode = 'PAY_PER_REQUEST')),
      [expect.stringMatching(/^UsersTable6D91A5EE .* Properties: there is no property BilingMode; there are AttributeDefinitions, BillingMode,/)],
    ],
    [
      'wrong casing deep inside',
      () => broken((resource) => (replica(resource).PointInTimeRecoverySpecification = { pointInTimeRecoveryEnabled: true })),
      [
        `${table} Properties.Replicas[0].PointInTimeRecoverySpecification: there is no property pointInTimeRecoveryEnabled; PointInTimeRecoveryEnabled is meant`,
      ],
    ],
    [
      'a required property that is missing',
      () => broken(({ Properties }) => delete Properties.Replicas),
      [`${table} Properties: Replicas is required, and missing`],
    ],
    [
      'one that is missing deep inside',
      () => broken((resource) => (replica(resource).GlobalSecondaryIndexes = [{}])),
      [`${table} Properties.Replicas[0].GlobalSecondaryIndexes[0]: IndexName is required, and missing`],
    ],
    [
      'a string where an object belongs',
      () => broken(({ Properties }) => (Properties.StreamSpecification = 'NEW_AND_OLD_IMAGES')),
      [`${table} Properties.StreamSpecification: should be an object, and is "NEW_AND_OLD_IMAGES"`],
    ],
    [
      'an object where a list belongs',
      () => broken(({ Properties }) => (Properties.Replicas = { Region: 'us-east-1' })),
      [`${table} Properties.Replicas: should be a list, and is {"Region":"us-east-1"}`],
    ],
    [
      'a number where a string belongs',
      () => broken((resource) => (replica(resource).Region = 1)),
      [`${table} Properties.Replicas[0].Region: should be a string, and is 1`],
    ],
    [
      'a string where a number belongs',
      () => broken(({ Properties }) => (Properties.BatchSize = '100'), 'AWS::Lambda::EventSourceMapping'),
      [expect.stringContaining('Properties.BatchSize: should be a whole number, and is "100"')],
    ],
    [
      'a string where true or false belongs',
      () => broken(({ Properties }) => (Properties.TimeToLiveSpecification = { AttributeName: 'expiresAt', Enabled: 'yes' })),
      [`${table} Properties.TimeToLiveSpecification.Enabled: should be true or false, and is "yes"`],
    ],
    [
      'a wrong branch of a condition',
      () => broken(({ Properties }) => (Properties.TableName = { 'Fn::If': ['Named', ['store'], { Ref: 'AWS::NoValue' }] })),
      [`${table} Properties.TableName: should be a string, and is ["store"]`],
    ],
    [
      'an intrinsic function that there is not',
      () => broken(({ Properties }) => (Properties.TableName = { 'Fn::Jion': ['-', ['store', 'Users']] })),
      [`${table} Properties.TableName: should be a string, and is {"Fn::Jion":["-",["store","Users"]]}`],
    ],
    [
      'a resource type that there is not',
      () => broken((resource) => (resource.Type = 'AWS::DynamoDB::GlobaleTable')),
      expect.arrayContaining(['UsersTable6D91A5EE: there is no resource type AWS::DynamoDB::GlobaleTable']),
    ],
    [
      'an attribute that no resource has',
      () => broken((resource) => Object.assign(resource, { Deletionpolicy: 'Retain' })),
      [`${table}: a resource has no attribute Deletionpolicy; DeletionPolicy is meant`],
    ],
    [
      'a deletion policy that there is not',
      () => broken((resource) => (resource.DeletionPolicy = 'Keep')),
      [`${table}: DeletionPolicy is "Keep", and may be Delete, Retain, RetainExceptOnCreate, Snapshot`],
    ],
    [
      'a dependency on nothing',
      () => broken((resource) => Object.assign(resource, { DependsOn: ['Nobody'] })),
      [`${table}: depends on Nobody, which is no resource of the template`],
    ],
    [
      'a reference to nothing',
      () => broken(({ Properties }) => (Properties.TableName = { Ref: 'Nobody' })),
      ['Resources.UsersTable6D91A5EE.Properties.TableName: there is no Nobody to refer to'],
    ],
    [
      'an attribute that the resource does not have',
      () => broken(({ Properties }) => (Properties.TableName = { 'Fn::GetAtt': ['OrdersTable1F8332C7', 'arn'] })),
      [
        'Resources.UsersTable6D91A5EE.Properties.TableName: OrdersTable1F8332C7 (AWS::DynamoDB::GlobalTable) has no attribute arn; Arn is meant',
      ],
    ],
  ];

  test.each(CASES)('%s is found, and said where', (_what, findings, expected) => {
    expect(findings()).toEqual(expected);
  });
});
