import type { Resource } from './assembly';

/** Resource types that this platform runs, or stands in for. Every other type of the templates is named at start. */
export const EMULATED: ReadonlySet<string> = new Set([
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Authorizer',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  'AWS::CDK::Metadata',
  'AWS::Cognito::IdentityPool',
  'AWS::Cognito::IdentityPoolPrincipalTag',
  'AWS::Cognito::IdentityPoolRoleAttachment',
  // Of a cluster, which PARTLY speaks of.
  'AWS::DAX::ParameterGroup',
  'AWS::DAX::SubnetGroup',
  'AWS::Cognito::UserPool',
  'AWS::Cognito::UserPoolClient',
  'AWS::Cognito::UserPoolGroup',
  'AWS::DynamoDB::GlobalTable',
  'AWS::Events::Archive',
  'AWS::Events::EventBus',
  'AWS::Events::Rule',
  // Policies of roles are evaluated.
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Kinesis::Stream',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::S3::Bucket',
  'AWS::SES::EmailIdentity',
  'AWS::SQS::Queue',
  'AWS::SecretsManager::Secret',
]);

/** What of a resource type does not run here. */
export const PARTLY: Record<string, string> = {
  'AWS::ApiGatewayV2::Stage': 'API throttling and access logs',
  'AWS::CloudWatch::Alarm': 'alarms and dashboards',
  'AWS::CloudWatch::Dashboard': 'alarms and dashboards',
  'AWS::Cognito::IdentityPool': 'identities of clients (credentials: POST /_local/credentials)',
  'AWS::Cognito::UserPool': 'sign-up and sign-in (tokens: POST /_local/tokens)',
  'AWS::DAX::Cluster': 'DAX is not running: product reads and writes go to DynamoDB',
  'AWS::DynamoDB::GlobalTable': 'backups, encryption, throttling by capacity, lag between replicas (one engine is all of them)',
  'AWS::EC2::FlowLog': 'VPC and its security groups',
  'AWS::EC2::RouteTable': 'VPC and its security groups',
  'AWS::EC2::SecurityGroup': 'VPC and its security groups',
  'AWS::EC2::SecurityGroupEgress': 'VPC and its security groups',
  'AWS::EC2::SecurityGroupIngress': 'VPC and its security groups',
  'AWS::EC2::Subnet': 'VPC and its security groups',
  'AWS::EC2::SubnetRouteTableAssociation': 'VPC and its security groups',
  'AWS::EC2::VPC': 'VPC and its security groups',
  'AWS::EC2::VPCEndpoint': 'VPC and its security groups',
  'AWS::Events::Archive': 'replay of archived events',
  'AWS::IAM::Policy': 'IAM of logs and keys',
  'AWS::S3::Bucket': 'lifecycle of objects',
  'AWS::S3::BucketPolicy': 'policies of buckets and queues',
  'AWS::SNS::Subscription': 'alarms and dashboards',
  'AWS::SNS::Topic': 'alarms and dashboards',
  'AWS::SNS::TopicPolicy': 'alarms and dashboards',
  'AWS::SQS::QueuePolicy': 'policies of buckets and queues',
  'AWS::KMS::Key': 'KMS',
  'AWS::KMS::ReplicaKey': 'KMS',
};

/** What of the templates does not run here, for a person to read. */
export function notEmulated(resources: readonly Resource[]): string[] {
  const types = [...new Set(resources.map(({ type }) => type))].sort();
  const missing = types.flatMap((type) => {
    const partly = PARTLY[type];
    if (partly) return [partly];
    return EMULATED.has(type) ? [] : [type];
  });
  return [...new Set(missing)];
}
