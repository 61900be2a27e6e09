import { type Flow, FLOWS } from '../../lib/flows';
import { DAX_PRICES } from '../../lib/dax-prices';
import { rows, runs } from '../support/complete';
import { type Context, CONTEXTS, LAYOUTS } from '../support/contexts';
import { messagesOf, stacksOf, synthesized } from '../support/stacks';
import type { Template, TemplateResource } from '../support/templates';

const flows = FLOWS as readonly Flow[];
const resources = ({ Resources }: Template, type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
const one = (template: Template, type: string): TemplateResource['Properties'] => {
  const [found, ...others] = resources(template, type);
  expect(others).toEqual([]);
  return found!.Properties;
};

interface StatementTemplate {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
  Principal?: unknown;
}

const statementsOf = ({ PolicyDocument }: TemplateResource['Properties']) => (PolicyDocument as { Statement: StatementTemplate[] }).Statement;

/** The functions of a template by their flow, and the statements of their roles. */
function functionsOf(template: Template) {
  return resources(template, 'AWS::Lambda::Function').map(({ Properties }) => {
    const { Variables } = Properties.Environment as { Variables: Record<string, unknown> };
    const [role] = (Properties.Role as { 'Fn::GetAtt': string[] })['Fn::GetAtt'];
    const statements = resources(template, 'AWS::IAM::Policy')
      .filter((policy) => JSON.stringify(policy.Properties.Roles) === JSON.stringify([{ Ref: role }]))
      .flatMap((policy) => statementsOf(policy.Properties));
    return { name: Variables.POWERTOOLS_SERVICE_NAME as string, variables: Variables, statements, properties: Properties };
  });
}

const actions = ({ Action }: StatementTemplate) => [Action].flat();

/** What each flow does through the cluster, by the issue, and not by the catalogue. */
const THROUGH_DAX = {
  'create-product': ['dax:PutItem'],
  'get-product': ['dax:GetItem'],
  'list-products': ['dax:Query'],
  'update-product': ['dax:UpdateItem'],
  'delete-product': ['dax:DeleteItem'],
  'import-products': ['dax:BatchWriteItem'],
  'batch-get-products': ['dax:BatchGetItem'],
};

test('the catalogue has these flows and no others in its column', () => {
  const listed = flows.flatMap(({ name, dax }) => (dax ? [[name, [...new Set(Object.values(dax).flat())].map((action) => `dax:${action}`)]] : []));
  expect(Object.fromEntries(listed)).toEqual(THROUGH_DAX);
});

// The cache is about one table, which the layouts name differently.
describe.each(rows(LAYOUTS, (layout) => layout === 'per-domain'))('with dax, in three regions, %s', (layout) => {
  const stacks = stacksOf({ ...CONTEXTS['regions and dax'], layout });
  const without = stacksOf({ ...CONTEXTS.regions, layout });
  const table = layout === 'single-table' ? 'store-dev-Store' : 'store-dev-Products';
  const arn = (more = '') => ({ 'Fn::Join': ['', ['arn:aws:dynamodb:us-east-1:', { Ref: 'AWS::AccountId' }, `:table/${table}${more}`]] });

  test('the functions of these flows have the network, the variable and the permission; no other one has', () => {
    const inHome = functionsOf(stacks.Api);
    expect(inHome).toHaveLength(flows.length);
    const [vpcConfig, ...others] = new Set(inHome.flatMap(({ properties }) => (properties.VpcConfig ? [JSON.stringify(properties.VpcConfig)] : [])));
    expect(others).toEqual([]);
    expect(vpcConfig).toMatch(/"SecurityGroupIds":\[\{"Fn::GetStackOutput":\{"StackName":"store-dev-cache".*Clients/);
    for (const { name, variables, statements, properties } of inHome) {
      const through = (THROUGH_DAX as Record<string, string[]>)[name];
      const dax = statements.filter((statement) => actions(statement).some((action) => action.startsWith('dax:')));
      expect([name, dax.flatMap(actions)]).toEqual([name, through ?? []]);
      expect([name, properties.VpcConfig !== undefined, variables.DAX_ENDPOINT !== undefined]).toEqual([name, through !== undefined, through !== undefined]);
      if (!through) continue;
      expect(dax.map(({ Resource, ...rest }) => [Resource, rest.Effect, rest.Condition])).toEqual([[output('Arn'), 'Allow', undefined]]);
      expect(variables.DAX_ENDPOINT).toEqual(output('ClusterDiscoveryEndpointURL'));
      // What it falls back to.
      const onData = (of: StatementTemplate[]) => of.filter((statement) => actions(statement).some((action) => action.startsWith('dynamodb:')));
      expect(onData(statements)).toEqual(onData(functionsOf(without.Api).find((fn) => fn.name === name)!.statements));
    }
  });

  test('their roles let Lambda make interfaces in these subnets with this group, and keep the code from it', () => {
    for (const { name, statements, properties } of functionsOf(stacks.Api)) {
      const { SubnetIds = [], SecurityGroupIds = [] } = (properties.VpcConfig ?? {}) as { SubnetIds?: object[]; SecurityGroupIds?: object[] };
      const ec2 = (statement: StatementTemplate) => actions(statement).filter((action) => action.startsWith('ec2:'));
      const onEc2 = statements.filter((statement) => ec2(statement).length > 0);
      const [allowed, denied] = ['Allow', 'Deny'].map((effect) => onEc2.filter(({ Effect }) => Effect === effect)) as [StatementTemplate[], StatementTemplate[]];
      expect([name, allowed.length, denied.length]).toEqual([name, ...(name in THROUGH_DAX ? [4, 1] : [0, 0])]);
      if (!(name in THROUGH_DAX)) continue;
      const arnOf = (kind: string, id?: object) => ({
        'Fn::Join': ['', ['arn:aws:ec2:us-east-1:', { Ref: 'AWS::AccountId' }, `:${kind}/${id ? '' : '*'}`, ...(id ? [id] : [])]],
      });
      expect(allowed.map((statement) => [ec2(statement), [statement.Resource].flat()])).toEqual([
        // With X-Ray's, which has no resources either.
        [['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'], ['*']],
        [['ec2:CreateNetworkInterface'], expect.arrayContaining([arnOf('network-interface'), arnOf('security-group', SecurityGroupIds[0]), ...SubnetIds.map((id) => arnOf('subnet', id))])],
        [['ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses'], [arnOf('network-interface')]],
        [['ec2:DeleteNetworkInterface'], [arnOf('*')]],
      ]);
      expect([allowed[1]!.Resource].flat()).toHaveLength(2 + SubnetIds.length);
      const own = denied.map(({ Condition, Resource, ...rest }) => [Resource, JSON.stringify(Condition), ec2(rest as StatementTemplate)]);
      expect(own).toEqual([['*', expect.stringMatching(new RegExp(`^{"ArnEquals":{"lambda:SourceFunctionArn":{"Fn::GetAtt":\\["${name.replaceAll('-', '')}Function\\w{8}","Arn"\\]}}}$`)), allowed.flatMap(ec2).sort()]]);
    }
  });

  test('only actions without resources are allowed on every resource', () => {
    const onAll = resources(stacks.Api, 'AWS::IAM::Policy')
      .flatMap(({ Properties }) => statementsOf(Properties))
      .filter(({ Effect, Resource }) => Effect === 'Allow' && [Resource].flat().includes('*'));
    expect(onAll.length).toBeGreaterThanOrEqual(flows.length);
    const xray = ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'];
    const found = new Set(onAll.map((statement) => actions(statement).join()));
    expect(found).toEqual(new Set([xray.join(), ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets', ...xray].join()]));
  });

  test('nothing of it is in any other template; the alarms of the region name it, and cannot reach it', () => {
    const mentions = Object.entries(stacks).filter(([, template]) => /dax:|daxs:|DAX|store-dev-cache|AWS::EC2|VpcConfig|ec2:/.test(JSON.stringify(template)));
    expect(mentions.map(([id]) => id).sort()).toEqual(['Api', 'Cache', 'Observability']);
    expect(/dax:|daxs:|AWS::EC2|VpcConfig|ec2:|AWS::Lambda::|AWS::IAM::/.exec(JSON.stringify(stacks.Observability))?.[0]).toBeUndefined();
  });

  test('the templates of other stacks are what they are without it', () => {
    const { Cache, Api, Observability, ...others } = stacks;
    const { Api: apiWithout, Observability: alarmsWithout, ...othersWithout } = without;
    expect([Cache, Observability, alarmsWithout]).not.toContain(undefined);
    expect(Object.keys(othersWithout)).toEqual(Object.keys(others));
    expect(others).toEqual(othersWithout);
    // And of the API, what is no function of these flows.
    const rest = ({ Resources }: Template) =>
      Object.fromEntries(Object.entries(Resources).filter(([id]) => !Object.keys(THROUGH_DAX).some((name) => new RegExp(`^${name.replaceAll('-', '')}(Role|Function|Code)`).test(id))));
    expect(rest(Api)).toEqual(rest(apiWithout));
    for (const [id, template] of Object.entries(without)) expect([id, /dax|AWS::EC2|VpcConfig/i.exec(JSON.stringify(template))?.[0]]).toEqual([id, undefined]);
  });

  test('the cluster\'s role has what the catalogue lists, on the table of products and the index that it queries', () => {
    const { IAMRoleARN } = one(stacks.Cache, 'AWS::DAX::Cluster');
    const [id] = (IAMRoleARN as { 'Fn::GetAtt': [string] })['Fn::GetAtt'];
    expect(stacks.Cache.Resources[id]!.Properties.AssumeRolePolicyDocument).toMatchObject({
      Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'dax.amazonaws.com' } }],
    });
    const policies = resources(stacks.Cache, 'AWS::IAM::Policy').filter(({ Properties }) => JSON.stringify(Properties.Roles) === JSON.stringify([{ Ref: id }]));
    const items = ['BatchGetItem', 'BatchWriteItem', 'DeleteItem', 'DescribeTable', 'GetItem', 'PutItem', 'UpdateItem'];
    expect(policies.flatMap(({ Properties }) => statementsOf(Properties))).toEqual([
      { Effect: 'Allow', Action: items.map((action) => `dynamodb:${action}`), Resource: arn() },
      { Effect: 'Allow', Action: 'dynamodb:Query', Resource: arn('/index/gsi1') },
      {
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
        Resource: { 'Fn::GetStackOutput': expect.objectContaining({ StackName: 'store-dev-keys' }) },
        Condition: { StringEquals: { 'kms:ViaService': { 'Fn::Join': ['', ['dynamodb.us-east-1.', { Ref: 'AWS::URLSuffix' }]] } } },
      },
    ]);
    expect(stacks.Cache.Resources).not.toHaveProperty([id, 'Properties', 'ManagedPolicyArns']);
  });

  test('the endpoint of DynamoDB lets this account do what those flows and the cluster do, on those tables', () => {
    const endpoint = one(stacks.Cache, 'AWS::EC2::VPCEndpoint');
    expect(endpoint).toMatchObject({ VpcEndpointType: 'Gateway', ServiceName: { 'Fn::Join': ['', ['com.amazonaws.', { Ref: 'AWS::Region' }, '.dynamodb']] } });
    expect(endpoint.RouteTableIds).toHaveLength(resources(stacks.Cache, 'AWS::EC2::Subnet').length);
    const granted = statementsOf(endpoint);
    for (const { Effect, Principal, Condition } of granted) {
      expect([Effect, Principal, Condition]).toEqual(['Allow', { AWS: '*' }, { StringEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } } }]);
    }
    const pairs = (of: StatementTemplate[]) => new Set(of.flatMap((statement) => actions(statement).map((action) => `${action} ${JSON.stringify(statement.Resource)}`)));
    const needed = functionsOf(stacks.Api)
      .filter(({ name }) => name in THROUGH_DAX)
      .flatMap(({ statements }) => statements.filter((statement) => actions(statement).some((action) => action.startsWith('dynamodb:'))));
    const ofCluster = resources(stacks.Cache, 'AWS::IAM::Policy')
      .flatMap(({ Properties }) => statementsOf(Properties))
      .filter((statement) => actions(statement).some((action) => action.startsWith('dynamodb:')));
    expect(pairs(granted)).toEqual(pairs([...needed, ...ofCluster]));
  });

  test('CloudFormation is told the order: tables, cache, API', () => {
    const stack = (name: string) => synthesized(CONTEXTS.dax).find(({ id }) => id === name)!;
    expect(stack('Cache').dependencies).toEqual(['Data']);
    expect(stack('Api').dependencies.sort()).toEqual(['Cache', 'Data']);
    expect(stack('Cache').name).toBe('store-dev-cache');
  });
});

const output = (attribute: string) => ({
  'Fn::GetStackOutput': { StackName: 'store-dev-cache', Region: 'us-east-1', OutputName: expect.stringMatching(new RegExp(`^PublishOutputFnGetAttCluster${attribute}\\w{8}$`)) as string },
});

describe('the cluster and its network', () => {
  const { Cache } = stacksOf(CONTEXTS['large cache']);

  test('are encrypted, of the config\'s size, and of the age that the config says', () => {
    const cluster = one(Cache, 'AWS::DAX::Cluster');
    expect(cluster).toMatchObject({ NodeType: 'dax.r5.large', ReplicationFactor: 3, ClusterEndpointEncryptionType: 'TLS', SSESpecification: { SSEEnabled: true } });
    // A name of 20 characters would not hold that of a stage, and CloudFormation can replace what it named.
    expect(cluster).not.toHaveProperty('ClusterName');
    expect(one(Cache, 'AWS::DAX::ParameterGroup').ParameterNameValues).toEqual({ 'record-ttl-millis': '120000', 'query-ttl-millis': '5000' });
    expect(cluster.ParameterGroupName).toEqual({ Ref: 'Parameters120x5' });
    // DAX refuses to change a group that a cluster uses.
    const other = Object.keys(stacksOf(CONTEXTS.dax).Cache.Resources);
    expect(other.filter((id) => id.startsWith('Parameters'))).toEqual(['Parameters300x60']);
  });

  test('a cluster that is replaced takes its functions and alarms along: CDK does not deploy what has the same template', () => {
    const small = stacksOf(CONTEXTS.dax);
    const large = stacksOf(CONTEXTS['large cache']);
    const functions = (template: Template) => functionsOf(template).filter(({ name }) => name in THROUGH_DAX);
    for (const [at, { name, variables }] of functions(small.Api).entries()) {
      expect([name, variables.DAX_NODE_TYPE, functions(large.Api)[at]!.variables.DAX_NODE_TYPE]).toEqual([name, 'dax.t3.small', 'dax.r5.large']);
    }
    expect(small.Observability).not.toEqual(large.Observability);
  });

  test('let the functions in on the TLS port, and nobody else', () => {
    const groups = Object.entries(Cache.Resources).filter(([, { Type }]) => Type === 'AWS::EC2::SecurityGroup');
    const [clients, nodes] = ['Clients', 'Nodes'].map((name) => groups.find(([id]) => id.startsWith(name))!);
    expect(groups).toHaveLength(2);
    const idOf = ([id]: [string, unknown]) => ({ 'Fn::GetAtt': [id, 'GroupId'] });
    for (const [, { Properties }] of groups) expect(Properties).not.toHaveProperty('SecurityGroupIngress');
    expect(one(Cache, 'AWS::EC2::SecurityGroupIngress')).toMatchObject({
      GroupId: idOf(nodes!),
      SourceSecurityGroupId: idOf(clients!),
      IpProtocol: 'tcp',
      FromPort: 9111,
      ToPort: 9111,
    });
    expect(one(Cache, 'AWS::DAX::Cluster').SecurityGroupIds).toEqual([idOf(nodes!)]);
    // A function gets out to the cluster, and to 443, which leads to DynamoDB only.
    expect(one(Cache, 'AWS::EC2::SecurityGroupEgress')).toMatchObject({ GroupId: idOf(clients!), DestinationSecurityGroupId: idOf(nodes!), FromPort: 9111, ToPort: 9111 });
    expect(clients![1].Properties.SecurityGroupEgress).toEqual([expect.objectContaining({ IpProtocol: 'tcp', FromPort: 443, ToPort: 443 })]);
  });

  test('have no way out but DynamoDB\'s, and what is rejected is logged', () => {
    const types = new Set(Object.values(Cache.Resources).map(({ Type }) => Type));
    expect([...types].filter((type) => /Gateway|AWS::EC2::Route$|AWS::Lambda|Custom|Address|Peering/.test(type))).toEqual([]);
    for (const { Properties } of resources(Cache, 'AWS::EC2::Subnet')) expect(Properties.MapPublicIpOnLaunch).toBe(false);
    expect(one(Cache, 'AWS::EC2::FlowLog')).toMatchObject({ TrafficType: 'REJECT', ResourceType: 'VPC', LogDestinationType: 'cloud-watch-logs' });
    expect(one(Cache, 'AWS::Logs::LogGroup').RetentionInDays).toBe(30);
  });

  const subnetsOf = (context: Context) =>
    Object.entries(stacksOf(context).Cache.Resources)
      .filter(([, { Type }]) => Type === 'AWS::EC2::Subnet')
      .map(([id, { Properties: { AvailabilityZone, CidrBlock } }]) => [id, AvailabilityZone, CidrBlock]);

  test('are in three zones, and another number of them moves no subnet', () => {
    const subnets = subnetsOf(CONTEXTS.dax);
    expect(subnets.map(([, ...place]) => place)).toEqual([0, 1, 2].map((zone) => [{ 'Fn::Select': [zone, { 'Fn::GetAZs': '' }] }, `10.0.${zone}.0/24`]));
    for (const context of [CONTEXTS['large cache'], CONTEXTS.everything]) expect(subnetsOf(context)).toEqual(subnets);
    expect(one(Cache, 'AWS::DAX::SubnetGroup').SubnetIds).toEqual(subnets.map(([id]) => ({ Ref: id })));
  });
});

test('the bundle with the client is asked for these functions in the home region, and for no other', () => {
  // Without bundles there are two assets: the one of all functions, and the one of those with the client.
  const bundles = (template: Template) =>
    functionsOf(template).map(({ name, properties }) => [name, (properties.Code as { S3Key: string }).S3Key] as const);
  const stacks = stacksOf(CONTEXTS['regions and dax']);
  const [[, plain]] = bundles(stacks.Events) as [[string, string]];
  const withClient = bundles(stacks.Api).filter(([, key]) => key !== plain);
  expect(withClient.map(([name]) => name).sort()).toEqual(Object.keys(THROUGH_DAX).sort());
  expect(new Set(withClient.map(([, key]) => key)).size).toBe(1);
  const others = [stacks['Api-eu-west-1'], stacks['Api-ap-southeast-1'], stacksOf(CONTEXTS.regions).Api].flatMap(bundles);
  expect(others).toHaveLength(3 * flows.length);
  expect(others.filter(([, key]) => key !== plain)).toEqual([]);
});

describe('what it costs', () => {
  const warnings = (context: Context) => messagesOf(context).map(({ level, id, text }) => `${level} ${id}: ${text}`);

  const COSTS: [Context, string[]][] = [
    [CONTEXTS.dax, ['29.20 dollars a month', '1 node of dax.t3.small in us-east-1, each at 0.04 dollars an hour', 'Fewer than three nodes are for tests']],
    [CONTEXTS['large cache'], ['558.45 dollars a month', '3 nodes of dax.r5.large in us-east-1, each at 0.255 dollars an hour']],
    [CONTEXTS.everything, ['3 nodes of dax.t3.small in eu-west-1', 'the price of us-east-1', 'The price of eu-west-1 is another one']],
    [{ dax: 'true', daxNodes: 2 }, ['58.40 dollars a month', '2 nodes of dax.t3.small in us-east-1', 'Fewer than three nodes are for tests']],
  ];
  test.each(COSTS.slice(0, runs(3, COSTS.length)))('%j is said at the synth, once, with the source of the price', (context, says) => {
    const [warning, ...others] = warnings(context);
    expect(others).toEqual([]);
    expect(warning).toMatch(/^warning \/Cache: The DAX cluster costs about .* \[ack: store:dax-cost\]$/);
    for (const text of [...says, 'used or not', 'read on 2026-']) expect(warning).toContain(text);
    const three = context.daxNodes === 3;
    expect([three, warning!.includes('Fewer than three')]).toEqual([three, !three]);
    expect(warning!.includes('is another one')).toBe('regions' in context);
  });

  test('without a cache the synth says nothing of its cost', () => {
    expect(warnings(CONTEXTS.regions)).toEqual([]);
  });

  test('each price says where it is from', () => {
    for (const { dollarsPerHour, source } of Object.values(DAX_PRICES)) {
      expect(dollarsPerHour).toBeGreaterThan(0);
      expect(source).toMatch(/^https:\/\//);
    }
  });
});
