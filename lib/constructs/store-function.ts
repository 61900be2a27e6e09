import { type Acknowledgment, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { WatchedFunction } from '../alarms/functions';
import { type DataBinding, dataStatements, keyStatement, type RegionalAccess, regionsOf } from '../data-access';
import { allowInterfaces, denyInterfacesToCode, type FunctionNetwork } from './network-interfaces';

export interface StoreFunctionProps {
  /** Its name in the catalogue: the service in its logs and metrics. */
  readonly name: string;
  /** Explicit, so that alarms and dashboards of another stack name it without a reference, and a person reads it there. */
  readonly functionName: string;
  readonly description: string;
  /** What it does on DynamoDB. */
  readonly access: RegionalAccess;
  /** What it does elsewhere. */
  readonly statements?: readonly iam.PolicyStatement[];
  /** 20 seconds unless given: above the retry budget of the SDK, below the 30 s of the HTTP API. */
  readonly timeout?: Duration;
  /** The folder that holds the bundle `index.mjs`. */
  readonly code: string;
  readonly data: DataBinding;
  readonly environment?: Record<string, string>;
  /** Where it is in a VPC; in none unless given. */
  readonly network?: FunctionNetwork;
}

/** Above the retry budget of the SDK (`SDK_RETRY` in lambda/shared/sdk-retry.ts), below the 30 s of the HTTP API. */
const TIMEOUT = Duration.seconds(20);

/** What cdk-nag finds in every function here. */
const ACKNOWLEDGED: Acknowledgment[] = [
  {
    id: 'Serverless-LambdaDLQ',
    reason:
      'A dead-letter queue takes asynchronous invocations, and there are none: API Gateway waits for the answer, and a ' +
      'stream is read by an event source mapping, which has its own on-failure queue.',
  },
  {
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'X-Ray has no resources to name: xray:PutTraceSegments and xray:PutTelemetryRecords work on * only, and so does what ' +
      'describes network interfaces, of a function in a VPC. Tests hold that no other statement does.',
  },
];

/** A Lambda function: every default of the project, and a role with exactly the actions that its catalogue lists. */
export class StoreFunction extends Construct {
  readonly function: lambda.Function;
  readonly watched: WatchedFunction;

  constructor(scope: Construct, id: string, props: StoreFunctionProps) {
    super(scope, id);
    const { name, functionName, timeout = TIMEOUT, access, data, network } = props;
    this.watched = { name, functionName, timeout };
    const { tableNames, keyArns } = data;
    const stack = Stack.of(this);
    const logGroup = new logs.LogGroup(this, 'Logs', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    for (const statement of dataStatements(stack, name, access, data)) role.addToPolicy(statement);
    for (const statement of props.statements ?? []) role.addToPolicy(statement);
    for (const region of keyArns ? regionsOf(stack, access, data) : []) {
      role.addToPolicy(keyStatement(stack, region, keyArns?.[region] as string));
    }
    if (network) allowInterfaces(role, network);

    this.function = new lambda.Function(this, 'Function', {
      functionName,
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: lambda.Code.fromAsset(props.code),
      handler: 'index.handler',
      memorySize: 512,
      timeout,
      role,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      tracing: lambda.Tracing.ACTIVE,
      ...(network && { vpc: network.vpc, vpcSubnets: { subnets: [...network.subnets] }, securityGroups: [network.securityGroup] }),
      environment: {
        POWERTOOLS_SERVICE_NAME: name,
        USERS_TABLE: tableNames.users,
        PRODUCTS_TABLE: tableNames.products,
        ORDERS_TABLE: tableNames.orders,
        HOME_REGION: data.homeRegion,
        STATUS_SHARDS: String(data.statusShards),
        ...props.environment,
      },
    });
    Validations.of(this).acknowledge(...ACKNOWLEDGED);
    if (network) denyInterfacesToCode(this, role, this.function);
  }
}
