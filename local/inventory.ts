import type { Resource } from './assembly';

/** Resource types that this platform runs, or stands in for. Every other type of the templates is named at start. */
const EMULATED = new Set([
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Authorizer',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  'AWS::CDK::Metadata',
  'AWS::Cognito::UserPool',
  'AWS::Cognito::UserPoolClient',
  'AWS::Cognito::UserPoolGroup',
  'AWS::DynamoDB::GlobalTable',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::SecretsManager::Secret',
]);

/** What runs here only in part, whatever the templates say of it. */
const PARTLY: Record<string, string> = {
  'AWS::ApiGatewayV2::Stage': 'API throttling and access logs',
  'AWS::Cognito::UserPool': 'sign-up and sign-in (tokens: POST /_local/tokens)',
  'AWS::DynamoDB::GlobalTable': 'backups, encryption, streams (nothing in the templates reads them yet)',
  'AWS::IAM::Policy': 'IAM for services other than DynamoDB',
  'AWS::KMS::Key': 'KMS',
};

/** What of the templates does not run here, for a person to read. */
export function notEmulated(resources: readonly Resource[]): string[] {
  const types = [...new Set(resources.map(({ type }) => type))].sort();
  return types.flatMap((type) => {
    const partly = PARTLY[type];
    if (partly) return [partly];
    return EMULATED.has(type) || type === 'AWS::IAM::Role' ? [] : [type];
  });
}
