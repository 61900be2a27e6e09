import { RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import { TableEncryptionV2 } from 'aws-cdk-lib/aws-dynamodb';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { createStore, type Store, type TableNames } from '#model/store';
import { namePrefix, type StoreConfig } from '../config';
import { ModelTable } from '../constructs/model-table';

/** Everything that holds data: the tables, the users' accounts, and the secret that signs cursors. */
export class DataStack extends Stack {
  readonly tableNames: TableNames;
  /** The model, bound to the tables. */
  readonly store: Store;
  /** The key of the tables, where `encryption` is `customer`. */
  readonly encryptionKey?: kms.Key;
  /** Where the changes of the orders go, with `kinesis`. */
  readonly salesStream?: kinesis.Stream;
  readonly userPool: cognito.UserPool;
  readonly userPoolClient: cognito.UserPoolClient;
  readonly cursorSecretName: string;
  private readonly tables = new Map<string, ModelTable>();

  constructor(scope: Construct, id: string, props: StackProps & { config: StoreConfig }) {
    super(scope, id, props);
    const { config } = props;
    const removalPolicy = config.removal === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;

    if (config.encryption === 'customer') {
      this.encryptionKey = new kms.Key(this, 'TableKey', {
        description: 'Encrypts the tables of the store',
        enableKeyRotation: true,
        removalPolicy,
      });
    }
    const encryption = this.encryptionKey
      ? TableEncryptionV2.customerManagedKey(this.encryptionKey)
      : config.encryption === 'aws-managed'
        ? TableEncryptionV2.awsManagedKey()
        : TableEncryptionV2.dynamoOwnedKey();

    this.tableNames = tableNames(config);
    this.store = createStore(this.tableNames);
    if (config.kinesis) {
      this.salesStream = new kinesis.Stream(this, 'SalesStream', {
        streamName: `${namePrefix(config)}sales`,
        streamMode: kinesis.StreamMode.ON_DEMAND,
        encryption: kinesis.StreamEncryption.MANAGED,
        removalPolicy: RemovalPolicy.DESTROY,
      });
    }
    const entities = Object.values(this.store.entities);
    for (const tableName of new Set(Object.values(this.tableNames) as string[])) {
      const table = new ModelTable(this, tableName.slice(namePrefix(config).length), {
        tableName,
        entities: entities.filter((entity) => entity.getTableName() === tableName),
        streamView: config.streamView,
        ...(this.salesStream && tableName === this.tableNames.orders && { kinesisStream: this.salesStream }),
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

/** The names of the tables: three in the layout `per-domain`, the same one three times in `single-table`. */
export function tableNames(config: StoreConfig): TableNames {
  const name = (table: string) => `${namePrefix(config)}${table}`;
  return config.layout === 'single-table'
    ? { users: name('Store'), products: name('Store'), orders: name('Store') }
    : { users: name('Users'), products: name('Products'), orders: name('Orders') };
}
