import type { Assembly } from '../assembly';
import type { Resolver } from '../resolve';
import { UserError } from '../user-error';
import type { QueueDefinition } from './queues';
import { readRule, type Rule, type RuleProperties } from './rules';

/** What the templates have of the services besides DynamoDB. */
export interface ServiceResources {
  queues: QueueDefinition[];
  /** Addresses and domains that mail may come from. */
  identities: string[];
  /** Their names. */
  buckets: string[];
  /** Their names; every account has the first. */
  buses: string[];
  rules: Rule[];
}

/** These change nothing here, or are the defaults. */
const KNOWN_QUEUE_PROPERTIES = [
  'QueueName',
  'VisibilityTimeout',
  'MessageRetentionPeriod',
  'MaximumMessageSize',
  'ReceiveMessageWaitTimeSeconds',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
  'RedrivePolicy',
  'SqsManagedSseEnabled',
  'Tags',
];

/**
 * Reads the queues, mail identities, buckets, event buses and rules of a region.
 * @param functionArns that a rule may have as targets
 * @throws UserError for what does not run here
 */
export function readServices(
  assembly: Assembly,
  resolver: Resolver,
  region: string,
  functionArns: readonly string[],
): ServiceResources {
  const here = (type: string) => assembly.resources.filter((resource) => resource.type === type && resource.stack.region === region);
  const queues = here('AWS::SQS::Queue').map((resource) => {
    const unknown = Object.keys(resource.properties).find((property) => !KNOWN_QUEUE_PROPERTIES.includes(property));
    if (unknown) throw new UserError(`The queue ${resource.logicalId} has ${unknown}, which does not run here.`);
    return readQueue(resolver.attribute(resource, 'Arn'), resolver.properties<QueueProperties>(resource));
  });
  const refs = (type: string) => here(type).map((resource) => resolver.ref(resource));
  const buses = ['default', ...refs('AWS::Events::EventBus')];
  const arns = { queues: queues.map(({ arn }) => arn), functions: functionArns };
  return {
    queues,
    identities: refs('AWS::SES::EmailIdentity'),
    buckets: refs('AWS::S3::Bucket'),
    buses,
    rules: here('AWS::Events::Rule').flatMap(
      (resource) => readRule(resolver.ref(resource), resolver.properties<RuleProperties>(resource), buses, arns) ?? [],
    ),
  };
}

/** The defaults: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html */
const readQueue = (arn: string, properties: QueueProperties): QueueDefinition => ({
  name: arn.split(':').at(-1) ?? '',
  arn,
  visibilityTimeoutSeconds: properties.VisibilityTimeout ?? 30,
  retentionSeconds: properties.MessageRetentionPeriod ?? 345_600,
  maximumMessageBytes: properties.MaximumMessageSize ?? 1_048_576,
  waitSeconds: properties.ReceiveMessageWaitTimeSeconds ?? 0,
  ...(properties.RedrivePolicy && { redrive: properties.RedrivePolicy }),
});

interface QueueProperties {
  VisibilityTimeout?: number;
  MessageRetentionPeriod?: number;
  MaximumMessageSize?: number;
  ReceiveMessageWaitTimeSeconds?: number;
  RedrivePolicy?: NonNullable<QueueDefinition['redrive']>;
}
