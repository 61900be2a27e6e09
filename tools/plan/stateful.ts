import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import type { Resource } from './release';

/** Stateful by the specification: what is in it can be made again by nobody, and it may go. */
const NO_LOSS = new Set(['AWS::Logs::LogGroup']);

/** Not stateful by the specification; but one that is made anew is another one. */
const IDENTITY: Readonly<Record<string, string>> = {
  'AWS::KMS::ReplicaKey': 'what is encrypted under it in its region cannot be read with another key',
  'AWS::Cognito::UserPoolClient': 'its client id is in every app that signs in, and its refresh tokens end with it',
  'AWS::Cognito::IdentityPool': 'its id is in every app that reads directly',
  'AWS::Cognito::UserPoolGroup': 'who belongs to it is not in the template',
  'AWS::Events::EventBus': 'rules and archives of others hang on it',
  'AWS::Events::Archive': 'its events go with it',
};

const KINDS: Readonly<Record<string, string>> = {
  'AWS::DynamoDB::GlobalTable': 'table',
  'AWS::DynamoDB::Table': 'table',
  'AWS::Cognito::UserPool': 'user pool',
  'AWS::Cognito::UserPoolClient': 'user pool client',
  'AWS::Cognito::UserPoolGroup': 'user pool group',
  'AWS::Cognito::IdentityPool': 'identity pool',
  'AWS::SecretsManager::Secret': 'secret',
  'AWS::Kinesis::Stream': 'Kinesis stream',
  'AWS::KMS::Key': 'KMS key',
  'AWS::KMS::ReplicaKey': 'KMS replica key',
  'AWS::S3::Bucket': 'bucket',
  'AWS::SQS::Queue': 'queue',
  'AWS::Events::EventBus': 'event bus',
  'AWS::Events::Archive': 'archive',
};

/** The properties that hold a physical name, over all types. */
const NAMES = ['TableName', 'BucketName', 'QueueName', 'ArchiveName', 'UserPoolName', 'ClientName', 'GroupName', 'Name'];

let stateful: Set<string> | undefined;

/** Whether data or an identity goes with a resource of the type, by CloudFormation's resource specification and `IDENTITY`. */
export function isStateful(type: string): boolean {
  stateful ??= new Set(
    [...loadAwsServiceSpecSync().all('resource')].filter((resource) => resource.isStateful).map((resource) => resource.cloudFormationType),
  );
  return (stateful.has(type) && !NO_LOSS.has(type)) || type in IDENTITY;
}

export const isTable = (type: string): boolean => type === 'AWS::DynamoDB::GlobalTable' || type === 'AWS::DynamoDB::Table';

export const kindOf = (type: string): string => KINDS[type] ?? type;

/** What is lost with a resource, in the middle of a sentence. */
export const lossOf = (type: string): string => IDENTITY[type] ?? 'its data goes with it';

/** The name that the template gives the resource; undefined where CloudFormation makes one. */
export function physicalName({ Properties = {} }: Resource): string | undefined {
  const name = NAMES.map((property) => Properties[property]).find((value) => value !== undefined);
  return typeof name === 'string' ? name : undefined;
}

/** As `store-dev-data: table store-dev-Orders (OrdersTable1F8332C7)`. */
export function described(stackName: string, logicalId: string, resource: Resource): string {
  const name = physicalName(resource);
  return `${stackName}: ${kindOf(resource.Type)} ${name === undefined ? logicalId : `${name} (${logicalId})`}`;
}
