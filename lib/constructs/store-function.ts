import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Store, TableNames } from '#model/store';
import type { Flow } from '../flows';

export interface StoreFunctionProps {
  readonly flow: Flow;
  /** The folder that holds the bundle `index.mjs`. */
  readonly code: string;
  /** The model, bound to these tables. */
  readonly store: Store;
  readonly tableNames: TableNames;
  readonly statusShards: number;
  /** Set where a customer's key encrypts the tables. */
  readonly encryptionKey?: kms.IKey;
  readonly environment?: Record<string, string>;
}

/** Above the retry budget of the SDK (`SDK_RETRY` in lambda/shared/sdk-retry.ts), below the 30 s of the HTTP API. */
const TIMEOUT = Duration.seconds(20);

/** The Lambda of one flow: every default of the project, and a role with exactly the actions that its flow lists. */
export class StoreFunction extends Construct {
  readonly function: lambda.Function;

  constructor(scope: Construct, id: string, props: StoreFunctionProps) {
    super(scope, id);
    const { flow, tableNames } = props;
    const logGroup = new logs.LogGroup(this, 'Logs', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    for (const statement of dataStatements(Stack.of(this), flow, props.store)) role.addToPolicy(statement);
    if (props.encryptionKey) role.addToPolicy(keyStatement(Stack.of(this), props.encryptionKey));

    this.function = new lambda.Function(this, 'Function', {
      description: `${flow.route} (${flow.who})`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: lambda.Code.fromAsset(props.code),
      handler: 'index.handler',
      memorySize: 512,
      timeout: TIMEOUT,
      role,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      environment: {
        POWERTOOLS_SERVICE_NAME: flow.name,
        USERS_TABLE: tableNames.users,
        PRODUCTS_TABLE: tableNames.products,
        ORDERS_TABLE: tableNames.orders,
        STATUS_SHARDS: String(props.statusShards),
        ...props.environment,
      },
    });
  }
}

/**
 * One statement per table or index that the flow reads or writes; and where it selects by PartiQL, one that denies a
 * statement without partition key, which would be a Scan under another name.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
 *
 * @throws Error when the model has no such entry
 */
function dataStatements(stack: Stack, flow: Flow, store: Store): iam.PolicyStatement[] {
  const entities: Record<string, NamedEntity | undefined> = store.entities;
  const actionsOn = new Map<string, Set<string>>();
  for (const [target, actions] of Object.entries(flow.access)) {
    const [name = '', pattern] = target.split('.', 2);
    const entity = entities[name];
    const index = pattern === undefined ? undefined : entity?.schema.indexes[pattern]?.index;
    if (!entity || (pattern !== undefined && index === undefined)) {
      throw new Error(`Flow ${flow.name} lists access to ${target}; the model has no such entity or index.`);
    }
    const table = `table/${entity.getTableName()}`;
    const resource = index === undefined ? table : `${table}/index/${index}`;
    const all = actionsOn.get(resource) ?? new Set();
    for (const action of actions) all.add(`dynamodb:${action}`);
    actionsOn.set(resource, all);
  }
  return [...actionsOn].flatMap(([resource, actions]) => {
    const resources = [stack.formatArn({ service: 'dynamodb', resource })];
    const allow = new iam.PolicyStatement({ actions: [...actions].sort(), resources });
    if (!actions.has(SELECT)) return [allow];
    const conditions = { Bool: { 'dynamodb:FullTableScan': ['true'] } };
    return [allow, new iam.PolicyStatement({ effect: iam.Effect.DENY, actions: [SELECT], resources, conditions })];
  });
}

const SELECT = 'dynamodb:PartiQLSelect';

interface NamedEntity {
  getTableName(): string | undefined;
  readonly schema: { readonly indexes: Readonly<Record<string, { readonly pk: unknown; readonly index?: string }>> };
}

/**
 * DynamoDB uses a customer's key in the name of its caller.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
 */
function keyStatement(stack: Stack, key: kms.IKey): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `dynamodb.${stack.region}.${stack.urlSuffix}` } },
  });
}
