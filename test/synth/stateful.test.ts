import { isStateful } from '../../tools/plan/stateful';
import { CONTEXTS } from '../support/contexts';
import { stacksOf } from '../support/stacks';

/** By config, what holds data: stack, logical id, type. */
const PINNED = {
  'per-domain': {
    config: CONTEXTS.everything,
    resources: [
      'Keys TableKeyF581D96F AWS::KMS::Key',
      'Keys-us-east-1 TableKey AWS::KMS::ReplicaKey',
      'Data SalesStream2BA09F77 AWS::Kinesis::Stream',
      'Data UsersTable6D91A5EE AWS::DynamoDB::GlobalTable',
      'Data ProductsTableEB101A78 AWS::DynamoDB::GlobalTable',
      'Data OrdersTable1F8332C7 AWS::DynamoDB::GlobalTable',
      'Data UserPool6BA7E5F2 AWS::Cognito::UserPool',
      'Data AdminGroupCD52047A AWS::Cognito::UserPoolGroup',
      'Data UserPoolClient43258C81 AWS::Cognito::UserPoolClient',
      'Data CursorSecretABAE1358 AWS::SecretsManager::Secret',
      'Access IdentityPool AWS::Cognito::IdentityPool',
      'Events BusEA82B648 AWS::Events::EventBus',
      'Events BusArchiveD76499E2 AWS::Events::Archive',
      'Events UndeliveredF3CF66A9 AWS::SQS::Queue',
      'Events fulfilmentqueue4BA1A7F4 AWS::SQS::Queue',
      'Events marketingqueue641F8A5D AWS::SQS::Queue',
      'Events ArchiveLogBucket6D86A5C5 AWS::S3::Bucket',
      'Events ArchiveBucket9DECBF5D AWS::S3::Bucket',
      'Events userstriggerOnFailureCE057476 AWS::SQS::Queue',
      'Events productstriggerOnFailureD0427D7C AWS::SQS::Queue',
      'Events orderstriggerOnFailure3DDBCF9F AWS::SQS::Queue',
      'Events salesperminuteOnFailureCD75CDF2 AWS::SQS::Queue',
    ],
  },
  'single-table': {
    config: CONTEXTS['single-table'],
    resources: [
      'Data StoreTable0CCFA19B AWS::DynamoDB::GlobalTable',
      'Data UserPool6BA7E5F2 AWS::Cognito::UserPool',
      'Data AdminGroupCD52047A AWS::Cognito::UserPoolGroup',
      'Data UserPoolClient43258C81 AWS::Cognito::UserPoolClient',
      'Data CursorSecretABAE1358 AWS::SecretsManager::Secret',
      'Access IdentityPool AWS::Cognito::IdentityPool',
      'Events BusEA82B648 AWS::Events::EventBus',
      'Events BusArchiveD76499E2 AWS::Events::Archive',
      'Events UndeliveredF3CF66A9 AWS::SQS::Queue',
      'Events fulfilmentqueue4BA1A7F4 AWS::SQS::Queue',
      'Events marketingqueue641F8A5D AWS::SQS::Queue',
      'Events ArchiveLogBucket6D86A5C5 AWS::S3::Bucket',
      'Events ArchiveBucket9DECBF5D AWS::S3::Bucket',
      'Events storetriggerOnFailure4411578C AWS::SQS::Queue',
    ],
  },
};

describe('CloudFormation knows a resource by its logical id, which CDK makes from the path of the construct', () => {
  test.each(Object.entries(PINNED))('what holds data in %s keeps it', (_layout, { config, resources }) => {
    const now = Object.entries(stacksOf(config)).flatMap(([stack, { Resources }]) =>
      Object.entries(Resources)
        .filter(([, { Type }]) => isStateful(Type))
        .map(([id, { Type }]) => `${stack} ${id} ${Type}`),
    );
    const gone = resources.filter((resource) => !now.includes(resource));
    const added = now.filter((resource) => !resources.includes(resource));
    expect([
      ...gone.map(
        (resource) =>
          `${resource} is gone: the next deployment would make another one, empty, and delete the old one with its data or leave it ` +
          'behind. Move or rename the construct back, or give it its old logical id (overrideLogicalId).',
      ),
      ...added.map((resource) => `${resource} is new: once it is deployed its logical id must stay, so add it to the list here.`),
    ]).toEqual([]);
  });
});
