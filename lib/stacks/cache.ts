import { Annotations, Fn, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as dax from 'aws-cdk-lib/aws-dax';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { DaxConfig, StoreConfig } from '../config';
import type { FunctionNetwork } from '../constructs/network-interfaces';
import { actionsByArn, type DataBinding, type DaxAccess, keyStatement } from '../data-access';
import { DAX_PRICES, dollarsPerMonth, PRICES_READ } from '../dax-prices';
import { type Flow, FLOWS } from '../flows';
import type { DataStack } from './data';

/** Where a DAX cluster speaks TLS. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAXEncryptionInTransit.html */
const TLS_PORT = ec2.Port.tcp(9111);

/** The flows that use the cluster, by the catalogue. */
const THROUGH_DAX = (FLOWS as readonly Flow[]).filter((flow): flow is Flow & { dax: DaxAccess } => flow.dax !== undefined);

/**
 * The DAX cluster that products are read and written through, in the home region, and its network: subnets that nothing leads out
 * of but the gateway endpoint of DynamoDB. docs/decisions/0017-the-cache.md says why there is one cluster.
 */
export class CacheStack extends Stack {
  /** A name that CloudFormation makes: what begins with the stage would be too long for DAX, which takes 20 characters. */
  readonly clusterName: string;
  /** What the DAX client connects to: `daxs://...`. */
  readonly endpoint: string;
  /** Where the functions are that may reach the cluster. */
  readonly network: FunctionNetwork;
  private readonly cluster: dax.CfnCluster;

  constructor(scope: Construct, id: string, props: StackProps & { config: StoreConfig; data: DataStack }) {
    super(scope, id, props);
    const { config, data } = props;
    // Policies name the tables without a reference, so CloudFormation must be told the order.
    this.addStackDependency(data);

    const vpc = isolatedVpc(this);
    endpointOfDynamoDb(this, vpc, data.binding);
    const clients = new ec2.SecurityGroup(this, 'Clients', {
      vpc,
      description: 'The functions that use the cluster',
      allowAllOutbound: false,
    });
    // AWS says what must reach a cluster, and not what its nodes reach; the subnets lead nowhere else anyhow.
    const nodes = new ec2.SecurityGroup(this, 'Nodes', { vpc, description: 'The nodes of the cluster' });
    nodes.addIngressRule(clients, TLS_PORT, 'The functions that use the cluster');
    clients.addEgressRule(nodes, TLS_PORT, 'The cluster');
    clients.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'DynamoDB, by its gateway endpoint: nothing else has a route');
    this.network = { vpc, subnets: vpc.isolatedSubnets, securityGroup: clients };

    const role = clusterRole(this, data.binding);
    // DAX changes no group that a cluster uses, so other ages are another group.
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.cluster-management.html
    const parameters = new dax.CfnParameterGroup(this, `Parameters${config.dax.recordTtlSeconds}x${config.dax.queryTtlSeconds}`, {
      description: 'How long the caches hold what they hold',
      parameterNameValues: {
        'record-ttl-millis': String(config.dax.recordTtlSeconds * 1_000),
        'query-ttl-millis': String(config.dax.queryTtlSeconds * 1_000),
      },
    });
    const subnets = new dax.CfnSubnetGroup(this, 'Subnets', { subnetIds: vpc.isolatedSubnets.map(({ subnetId }) => subnetId) });
    this.cluster = new dax.CfnCluster(this, 'Cluster', {
      description: 'Products of the store',
      nodeType: config.dax.nodeType,
      replicationFactor: config.dax.nodes,
      iamRoleArn: role.roleArn,
      clusterEndpointEncryptionType: 'TLS',
      sseSpecification: { sseEnabled: true },
      parameterGroupName: parameters.ref,
      subnetGroupName: subnets.ref,
      securityGroupIds: [nodes.securityGroupId],
    });
    // The role's policy too, which the cluster does not name.
    this.cluster.node.addDependency(role);
    this.clusterName = this.cluster.ref;
    this.endpoint = this.cluster.attrClusterDiscoveryEndpointUrl;
    Annotations.of(this).addWarningV2('store:dax-cost', costOf(config.dax, this.region));
  }

  /** The CDK would look zones up in an account, which a synth has none of. */
  override get availabilityZones(): string[] {
    return [0, 1, 2].map((zone) => Fn.select(zone, Fn.getAzs()));
  }

  /** What a flow's role needs to use the cluster as its row of the catalogue says. */
  statement(access: DaxAccess): iam.PolicyStatement {
    const actions = new Set(Object.values(access).flat());
    return new iam.PolicyStatement({ actions: [...actions].sort().map((action) => `dax:${action}`), resources: [this.cluster.attrArn] });
  }
}

/** Three zones however many nodes there are: a subnet costs nothing, and cannot go while a function has an interface in it. */
function isolatedVpc(stack: Stack): ec2.Vpc {
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    ipAddresses: ec2.IpAddresses.cidr('10.0.0.0/16'),
    maxAzs: 3,
    natGateways: 0,
    subnetConfiguration: [{ name: 'isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
    // It takes a function that CDK deploys beside; nothing here is in the default group.
    restrictDefaultSecurityGroup: false,
  });
  const logGroup = new logs.LogGroup(stack, 'FlowLog', { retention: logs.RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
  // What the client only tells as a NoRouteException is here a packet that was rejected.
  vpc.addFlowLog('Rejected', { destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup), trafficType: ec2.FlowLogTrafficType.REJECT });
  return vpc;
}

/**
 * The way to DynamoDB: what those flows and the cluster do there, on the store's own tables, by this account.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/vpc-endpoints-dynamodb.html
 */
function endpointOfDynamoDb(stack: Stack, vpc: ec2.Vpc, data: DataBinding): void {
  const endpoint = vpc.addGatewayEndpoint('DynamoDb', { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB });
  const ofFlows = THROUGH_DAX.flatMap(({ access, replica = {}, dax }) => [access, replica, dax]);
  for (const [arn, actions] of actionsByArn(stack, stack.stackName, data, ofFlows.map((access) => ({ region: stack.region, access })))) {
    endpoint.addToPolicy(
      new iam.PolicyStatement({
        // A gateway endpoint takes no other principal; the condition narrows it.
        principals: [new iam.AnyPrincipal()],
        actions: withDescribe(arn, actions),
        resources: [arn],
        conditions: { StringEquals: { 'aws:PrincipalAccount': stack.account } },
      }),
    );
  }
}

/**
 * What the cluster does on DynamoDB in the name of its clients. A client's own role says which actions it may ask for, and this
 * one on which tables.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.access-control.html
 */
function clusterRole(stack: Stack, data: DataBinding): iam.Role {
  const role = new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('dax.amazonaws.com') });
  const accesses = THROUGH_DAX.map(({ dax }) => ({ region: stack.region, access: dax }));
  for (const [arn, actions] of actionsByArn(stack, stack.stackName, data, accesses)) {
    role.addToPolicy(new iam.PolicyStatement({ actions: withDescribe(arn, actions), resources: [arn] }));
  }
  const keyArn = data.keyArns?.[stack.region];
  if (keyArn !== undefined) role.addToPolicy(keyStatement(stack, stack.region, keyArn));
  return role;
}

/** DAX asks a table for its key schema. */
const withDescribe = (arn: string, actions: readonly string[]): string[] =>
  arn.includes('/index/') ? [...actions] : [...actions, 'dynamodb:DescribeTable'].sort();

function costOf(config: DaxConfig, region: string): string {
  const { nodes, nodeType } = config;
  const { dollarsPerHour, source } = DAX_PRICES[nodeType];
  const count = `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
  const price = `${dollarsPerHour} dollars an hour, the price of us-east-1 (${source}, read on ${PRICES_READ})`;
  return [
    `The DAX cluster costs about ${dollarsPerMonth(config).toFixed(2)} dollars a month, used or not: ${count} of ${nodeType} in ${region}, each at ${price}.`,
    ...(region === 'us-east-1' ? [] : [`The price of ${region} is another one: https://aws.amazon.com/dynamodb/pricing/.`]),
    ...(nodes < 3 ? ['Fewer than three nodes are for tests: AWS recommends three or more, in different availability zones.'] : []),
  ].join(' ');
}
