import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { namePrefix, type StoreConfig } from '../config';
import { keyStatement } from '../data-access';
import { OWN_READS, ownPartitions } from '../own-partitions';
import type { DataStack } from './data';

/** The session tag that holds the id of who signed in: the `sub` of the user pool, which is the store's user id. */
const USER_ID_TAG = 'userId';

const COGNITO = 'cognito-identity.amazonaws.com';

/**
 * Direct access: a client that signed in reads its own items from DynamoDB, without an API between. Optional: nothing else
 * needs this stack. docs/direct-access.md says what it is for, and what it does not protect against.
 */
export class AccessStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps & { config: StoreConfig; data: DataStack }) {
    super(scope, id, props);
    const { config, data } = props;
    // The role names tables without a reference.
    this.addStackDependency(data);

    const providerName = data.userPool.userPoolProviderName;
    const pool = new cognito.CfnIdentityPool(this, 'IdentityPool', {
      identityPoolName: `${namePrefix(config)}clients`,
      allowUnauthenticatedIdentities: false,
      // In the classic flow the client itself assumes the role.
      allowClassicFlow: false,
      cognitoIdentityProviders: [
        // The check asks the user pool whether the user is still there, and has not signed out everywhere.
        { clientId: data.userPoolClient.userPoolClientId, providerName, serverSideTokenCheck: true },
      ],
    });
    new cognito.CfnIdentityPoolPrincipalTag(this, 'PrincipalTag', {
      identityPoolId: pool.ref,
      identityProviderName: providerName,
      principalTags: { [USER_ID_TAG]: 'sub' },
    });

    // https://docs.aws.amazon.com/cognito/latest/developerguide/using-attributes-for-access-control-policy-example.html
    const role = new iam.Role(this, 'ClientRole', {
      description: 'What a signed-in client may read of DynamoDB: its own partitions',
      assumedBy: new iam.WebIdentityPrincipal(COGNITO, {
        StringEquals: { [`${COGNITO}:aud`]: pool.ref },
        'ForAnyValue:StringLike': { [`${COGNITO}:amr`]: 'authenticated' },
      }).withSessionTags(),
    });
    for (const statement of this.readStatements(data)) role.addToPolicy(statement);
    new cognito.CfnIdentityPoolRoleAttachment(this, 'RoleAttachment', {
      identityPoolId: pool.ref,
      roles: { authenticated: role.roleArn },
    });

    new CfnOutput(this, 'IdentityPoolId', { value: pool.ref });
    new CfnOutput(this, 'ClientRoleArn', { value: role.roleArn });
  }

  /**
   * The reads of one user's partitions, in the tables and their local indexes. `ForAllValues` also holds for a call that names no
   * key at all, so `Null` demands that there is one.
   * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
   */
  private readStatements({ binding: { store, homeRegion, keyArns } }: DataStack): iam.PolicyStatement[] {
    const reads = ownPartitions(store, `\${aws:PrincipalTag/${USER_ID_TAG}}`).flatMap(({ tableName, keys, localIndexes }) => {
      const conditions = {
        'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': keys },
        Null: { 'dynamodb:LeadingKeys': 'false' },
      };
      const table = this.formatArn({ service: 'dynamodb', region: homeRegion, resource: `table/${tableName}` });
      const actions = OWN_READS.map((action) => `dynamodb:${action}`);
      const statements = [new iam.PolicyStatement({ actions, resources: [table], conditions })];
      if (localIndexes.length === 0) return statements;
      const resources = localIndexes.map((index) => `${table}/index/${index}`);
      return [...statements, new iam.PolicyStatement({ actions: ['dynamodb:Query'], resources, conditions })];
    });
    const keyArn = keyArns?.[homeRegion];
    return keyArn === undefined ? reads : [...reads, keyStatement(this, homeRegion, keyArn, 'read')];
  }
}
