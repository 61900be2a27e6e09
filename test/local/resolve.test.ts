import type { Assembly, Resource, Stack } from '../../local/assembly';
import { Resolver } from '../../local/resolve';

const data: Stack = {
  name: 'store-data',
  region: 'eu-west-1',
  template: {
    Parameters: { Given: { Default: 'parameter' }, Missing: {} },
    Conditions: { Yes: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'eu-west-1'] }, No: { 'Fn::Not': [{ 'Fn::Equals': ['a', 'a'] }] } },
    Mappings: { Map: { 'eu-west-1': { key: 'mapped' } } },
    Outputs: {
      TableArn: { Value: { 'Fn::GetAtt': ['Table', 'Arn'] } },
      Named: { Value: 'exported', Export: { Name: { 'Fn::Join': ['-', ['an', 'export']] } } },
    },
  },
};
const api: Stack = { name: 'store-api', region: 'eu-west-1', template: {} };
const table: Resource = { stack: data, logicalId: 'Table', type: 'AWS::DynamoDB::GlobalTable', properties: { TableName: 'Users' } };

function resolve(value: unknown, stack = data): unknown {
  const resource: Resource = { stack, logicalId: 'Subject', type: 'Custom::Subject', properties: { value } };
  const assembly: Assembly = { stacks: [data, api], resources: [table, resource], assetFolder: () => '' };
  const resolver = new Resolver(assembly, (name, field) => `secret ${name} ${field}`);
  return resolver.properties<{ value: unknown }>(resource).value;
}

const ARN = 'arn:aws:dynamodb:eu-west-1:000000000000:table/Users';

test.each([
  [{ Ref: 'Table' }, 'Users'],
  [{ Ref: 'Given' }, 'parameter'],
  [{ Ref: 'AWS::Region' }, 'eu-west-1'],
  [{ Ref: 'AWS::Partition' }, 'aws'],
  [{ 'Fn::GetAtt': ['Table', 'Arn'] }, ARN],
  [{ 'Fn::GetAtt': 'Table.Arn' }, ARN],
  [{ 'Fn::Join': ['', ['a', { Ref: 'Table' }, 'b']] }, 'aUsersb'],
  [{ 'Fn::Sub': '${AWS::Region}/${Table}/${Table.Arn}/${!Literal}' }, `eu-west-1/Users/${ARN}/\${Literal}`],
  [{ 'Fn::Sub': ['${mine}', { mine: { Ref: 'Table' } }] }, 'Users'],
  [{ 'Fn::Select': [1, { 'Fn::Split': [':', 'a:b:c'] }] }, 'b'],
  [{ 'Fn::If': ['Yes', { Ref: 'Table' }, 'no'] }, 'Users'],
  [{ 'Fn::If': ['No', 'yes', 'no'] }, 'no'],
  [{ 'Fn::FindInMap': ['Map', { Ref: 'AWS::Region' }, 'key'] }, 'mapped'],
  [{ 'Fn::ImportValue': 'an-export' }, 'exported'],
  [{ 'Fn::GetStackOutput': { StackName: 'store-data', Region: 'eu-west-1', OutputName: 'TableArn' } }, ARN],
  [{ kept: 1, gone: { Ref: 'AWS::NoValue' }, list: [{ Ref: 'AWS::NoValue' }, 2] }, { kept: 1, list: [2] }],
  ['{{resolve:secretsmanager:store-dev-cursor:SecretString:current::}}', 'secret store-dev-cursor current'],
])('%j', (value, expected) => {
  expect(resolve(value)).toEqual(expected);
});

test('an output of another stack is resolved in that stack', () => {
  expect(resolve({ 'Fn::GetStackOutput': { StackName: 'store-data', OutputName: 'TableArn' } }, api)).toBe(ARN);
});

test('stacks of one name in two regions have roles of their own: IAM has no regions', () => {
  const elsewhere: Stack = { ...api, region: 'ap-southeast-1' };
  const role = (stack: Stack): Resource => ({ stack, logicalId: 'Role', type: 'AWS::IAM::Role', properties: {} });
  const [one, other] = [role(api), role(elsewhere)];
  const resolver = new Resolver({ stacks: [api, elsewhere], resources: [one, other], assetFolder: () => '' }, () => '');
  expect(resolver.ref(one)).not.toBe(resolver.ref(other));
});

test.each([
  [{ 'Fn::GetAZs': '' }, 'intrinsic Fn::GetAZs'],
  [{ Ref: 'Nothing' }, 'resource Nothing'],
  [{ Ref: 'Missing' }, 'value of the parameter Missing'],
  [{ 'Fn::GetAtt': ['Table', 'StreamArn'] }, 'attribute StreamArn of AWS::DynamoDB::GlobalTable'],
  [{ 'Fn::ImportValue': 'nothing' }, 'export nothing'],
  [{ 'Fn::GetStackOutput': { StackName: 'store-data', OutputName: 'Nothing' } }, 'output Nothing of stack store-data'],
])('%j is refused, naming the place', (value, what) => {
  expect(() => resolve(value)).toThrow(new RegExp(`^Stack store-data, \\w+: this platform knows no ${what.replace(/\./g, '\\.')}\\.$`));
});

test('a dynamic reference of another service is refused', () => {
  expect(() => resolve('{{resolve:ssm:/x}}')).toThrow('does not resolve {{resolve:ssm:/x}}');
});
