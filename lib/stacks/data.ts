import { RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import { TableEncryptionV2 } from 'aws-cdk-lib/aws-dynamodb';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { createStore, type Store, type TableNames } from '#model/store';
import { namePrefix, removalPolicyOf, type StoreConfig } from '../config';
import { ConfigError } from '../config-error';
import { reasonsAgainstStrong } from '../consistency';
import { ModelTable, tableSchema } from '../constructs/model-table';
import type { DataBinding } from '../data-access';

/** Everything that holds data: the tables, the users' accounts, and the secret that signs cursors. */
export class DataStack extends Stack {
  /** What functions need to work on the tables. */
  readonly binding: DataBinding;
  /** Where the changes of the orders go, with `kinesis`. */
  readonly salesStream?: kinesis.Stream;
  readonly userPool: cognito.UserPool;
  readonly userPoolClient: cognito.UserPoolClient;
  readonly cursorSecretName: string;
  /** By their names. */
  readonly tables = new Map<string, ModelTable>();

  constructor(scope: Construct, id: string, props: StackProps & { config: StoreConfig; keys?: TableKeys }) {
    super(scope, id, props);
    const { config, keys } = props;
    const removalPolicy = removalPolicyOf(config);
    const [homeRegion, ...replicaRegions] = config.regions;
    const encryption = keys
      ? TableEncryptionV2.customerManagedKey(keys.primary, keys.replicaArns)
      : config.encryption === 'aws-managed'
        ? TableEncryptionV2.awsManagedKey()
        : TableEncryptionV2.dynamoOwnedKey();

    const names = tableNames(config);
    const store = createStore(names);
    this.binding = {
      store,
      tableNames: names,
      homeRegion,
      statusShards: config.statusShards,
      ...(keys && { keyArns: { [homeRegion]: keys.primary.keyArn, ...keys.replicaArns } }),
    };
    if (config.kinesis) {
      this.salesStream = new kinesis.Stream(this, 'SalesStream', {
        streamName: `${namePrefix(config)}sales`,
        streamMode: kinesis.StreamMode.ON_DEMAND,
        encryption: kinesis.StreamEncryption.MANAGED,
        removalPolicy: RemovalPolicy.DESTROY,
      });
    }
    for (const [tableName, entities] of entitiesByTable(store)) {
      const table = new ModelTable(this, tableName.slice(namePrefix(config).length), {
        tableName,
        entities,
        streamView: config.streamView,
        capacity: config.capacity,
        replicaRegions,
        // A replica would send every change once more.
        ...(this.salesStream && tableName === names.orders && { kinesisStream: this.salesStream }),
        encryption,
        removalPolicy,
      });
      this.tables.set(tableName, table);
    }

    this.userPool = new cognito.UserPool(this, 'UserPool', {
      selfSignUpEnabled: true,
      signInAliases: { email: true },
      autoVerify: { email: true },
      passwordPolicy: { minLength: 12, requireDigits: true, requireLowercase: true, requireUppercase: true, requireSymbols: true },
      // An authenticator app, for who wants one.
      mfa: cognito.Mfa.OPTIONAL,
      mfaSecondFactor: { otp: true, sms: false },
      deletionProtection: removalPolicy === RemovalPolicy.RETAIN,
      removalPolicy,
    });
    Validations.of(this.userPool).acknowledge(
      { id: 'AwsSolutions-COG2', reason: 'A second factor is offered and not demanded: the users are the customers of a store.' },
      {
        id: 'AwsSolutions-COG8',
        reason: 'The Plus plan costs for each active user; compromised passwords and risky sign-ins are for who runs a real store to pay.',
      },
    );
    new cognito.UserPoolGroup(this, 'AdminGroup', { userPool: this.userPool, groupName: 'admin' });
    this.userPoolClient = this.userPool.addClient('Client', {
      authFlows: { userSrp: true, userPassword: true },
      preventUserExistenceErrors: true,
      // CDK would allow the implicit flow, back to example.com.
      disableOAuth: true,
    });

    this.cursorSecretName = `${namePrefix(config)}cursor`;
    const secret = new Secret(this, 'CursorSecret', {
      secretName: this.cursorSecretName,
      description: 'Signs the cursors of lists; docs/decisions/0003 says how to rotate it',
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ previous: 'none' }),
        generateStringKey: 'current',
        passwordLength: 48,
        excludePunctuation: true,
      },
      // One secret, so that a page that one region began can be gone on with in another.
      replicaRegions: replicaRegions.map((region) => ({ region })),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'The functions have it in a variable that changes with a deployment, so a rotation between two deployments would ' +
        'break the cursors that are out; docs/decisions/0003 says how it is rotated.',
    });
  }

  /** The ARN of a table's stream. It has a label that only the table knows, so it is a reference. */
  streamArn(tableName: string): string {
    return this.tables.get(tableName)?.table.tableStreamArn as string;
  }
}

/** The customer's keys: a table's own, and by region those of its replicas. */
export interface TableKeys {
  readonly primary: kms.IKey;
  readonly replicaArns: Readonly<Record<string, string>>;
}

function entitiesByTable({ entities }: Store): Map<string, Store['entities'][keyof Store['entities']][]> {
  const byTable = new Map<string, Store['entities'][keyof Store['entities']][]>();
  for (const entity of Object.values(entities)) {
    const name = entity.getTableName() ?? '';
    byTable.set(name, [...(byTable.get(name) ?? []), entity]);
  }
  return byTable;
}

/**
 * Whether the store's tables could have the consistency that the config asks for: they cannot have the strong one (MRSC), and
 * docs/global-tables.md says what it would take.
 * @throws ConfigError with each reason
 */
export function requireConsistency(config: StoreConfig): void {
  const { consistency } = config;
  if (consistency === 'eventual') return;
  const schemas = [...entitiesByTable(createStore(tableNames(config)))].map(([name, entities]) => [name, tableSchema(entities)] as const);
  const reasons = reasonsAgainstStrong(config.regions, Object.fromEntries(schemas));
  reasons.push('orders, prices and e-mail claims are written in transactions, which it excludes');
  throw new ConfigError('consistency', consistency, `eventual. AWS refuses multi-region strong consistency here: ${reasons.join('; ')}`, 'eventual');
}

/** The names of the tables: three in the layout `per-domain`, the same one three times in `single-table`. */
function tableNames(config: StoreConfig): TableNames {
  const name = (table: string) => `${namePrefix(config)}${table}`;
  return config.layout === 'single-table'
    ? { users: name('Store'), products: name('Store'), orders: name('Store') }
    : { users: name('Users'), products: name('Products'), orders: name('Orders') };
}
