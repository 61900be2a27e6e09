import { Stack, type StackProps } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { removalPolicyOf, type StoreConfig } from '../config';

type KeyStackProps = StackProps & { config: StoreConfig };

/**
 * The customer's key of the tables, with `encryption=customer`. It is a multi-region key also in one region: it cannot become
 * one later, and a table cannot be read with another. A stack of its own, since a table needs the keys of all its replicas.
 * https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
 */
export class KeyStack extends Stack {
  readonly key: kms.Key;

  constructor(scope: Construct, id: string, props: KeyStackProps) {
    super(scope, id, props);
    this.key = new kms.Key(this, 'TableKey', {
      description: 'Encrypts the tables of the store',
      enableKeyRotation: true,
      multiRegion: true,
      removalPolicy: removalPolicyOf(props.config),
    });
  }
}

/** The same key in another region. Rotation and material are the primary key's. */
export class ReplicaKeyStack extends Stack {
  readonly keyArn: string;

  constructor(scope: Construct, id: string, props: KeyStackProps & { primary: kms.IKey }) {
    super(scope, id, props);
    const key = new kms.CfnReplicaKey(this, 'TableKey', {
      description: 'Encrypts the tables of the store',
      primaryKeyArn: props.primary.keyArn,
      // What CDK gives a key: the account's own policies decide.
      keyPolicy: new iam.PolicyDocument({
        statements: [
          new iam.PolicyStatement({ actions: ['kms:*'], principals: [new iam.AccountRootPrincipal()], resources: ['*'] }),
        ],
      }),
    });
    key.applyRemovalPolicy(removalPolicyOf(props.config));
    this.keyArn = key.attrArn;
  }
}
