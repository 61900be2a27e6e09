import * as z from 'zod/mini';
import { UserError } from '../user-error';
import { filterable } from './filterable';
import { compilePattern } from './pattern';

/** An event source mapping of Lambda: what reads a stream and invokes a function with its records. */
export interface MappingSettings {
  id: string;
  /** As the template gives it: a name or an ARN. */
  functionName: string;
  eventSourceArn: string;
  batchSize: number;
  /** How long a batch waits to be full. */
  windowSeconds: number;
  /** -1: without end. */
  maximumRetryAttempts: number;
  /** -1: any age. */
  maximumRecordAgeSeconds: number;
  /** Whether a batch that failed is split in two. */
  bisect: boolean;
  /** Whether the function's response names the records that failed. */
  reportsItemFailures: boolean;
  startingPosition: 'TRIM_HORIZON' | 'LATEST';
  /** Whether the function gets a record, as it is in the event: whether it matches any of the filters. */
  matches(record: { readonly [key: string]: unknown }): boolean;
  /** The ARN of where discarded records are sent to. */
  onFailure?: string;
  enabled: boolean;
}

const whole = (minimum: number, maximum: number) => {
  const says = `must be a whole number from ${minimum} to ${maximum}`;
  return z.optional(z.int(says).check(z.minimum(minimum, says), z.maximum(maximum, says)));
};

const flag = z.optional(z.boolean('must be true or false'));
const text = z.string('must be a text').check(z.minLength(1, 'must not be empty'));
const only = (value: number) => z.optional(z.literal(value, `other than ${value} is not emulated here`));
const RECORD_AGE = 'must be -1, or a whole number from 60 to 604800';

const strict = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys'
        ? `has ${keys.join(', ')}, which is not emulated here; known: ${Object.keys(shape).join(', ')}`
        : 'must be an object',
  });

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html */
const mappingProperties = strict({
  EventSourceArn: text,
  FunctionName: text,
  StartingPosition: z.enum(['TRIM_HORIZON', 'LATEST'], 'must be TRIM_HORIZON or LATEST: AT_TIMESTAMP is not emulated here'),
  BatchSize: whole(1, 10_000),
  MaximumBatchingWindowInSeconds: whole(0, 300),
  MaximumRetryAttempts: whole(-1, 10_000),
  MaximumRecordAgeInSeconds: z.optional(
    z.int(RECORD_AGE).check(z.refine((age) => age === -1 || (age >= 60 && age <= 604_800), RECORD_AGE)),
  ),
  BisectBatchOnFunctionError: flag,
  FunctionResponseTypes: z.optional(
    z.array(z.literal('ReportBatchItemFailures', 'must be ReportBatchItemFailures'), 'must be a list'),
  ),
  FilterCriteria: z.optional(strict({ Filters: z.optional(z.array(strict({ Pattern: text }), 'must be a list')) })),
  DestinationConfig: z.optional(strict({ OnFailure: z.optional(strict({ Destination: text })) })),
  Enabled: flag,
  ParallelizationFactor: only(1),
  TumblingWindowInSeconds: only(0),
  /** They change nothing. */
  Tags: z.optional(z.unknown()),
});

/**
 * Reads the properties of an AWS::Lambda::EventSourceMapping of a stream, with Lambda's defaults.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
 * https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
 *
 * @param properties resolved
 * @throws UserError for what is wrong, and for what is not emulated here
 */
export function readMapping(id: string, properties: unknown): MappingSettings {
  const { data, error } = mappingProperties.safeParse(properties);
  if (error) {
    const issues = error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(' '));
    throw new UserError(`The event source mapping ${id}: ${issues.join('; ')}.`);
  }
  const onFailure = data.DestinationConfig?.OnFailure?.Destination;
  return {
    id,
    functionName: data.FunctionName,
    eventSourceArn: data.EventSourceArn,
    batchSize: data.BatchSize ?? 100,
    windowSeconds: data.MaximumBatchingWindowInSeconds ?? 0,
    maximumRetryAttempts: data.MaximumRetryAttempts ?? -1,
    maximumRecordAgeSeconds: data.MaximumRecordAgeInSeconds ?? -1,
    bisect: data.BisectBatchOnFunctionError ?? false,
    reportsItemFailures: (data.FunctionResponseTypes ?? []).length > 0,
    startingPosition: data.StartingPosition,
    matches: anyOf(id, (data.FilterCriteria?.Filters ?? []).map(({ Pattern }) => Pattern)),
    ...(onFailure !== undefined && { onFailure }),
    enabled: data.Enabled ?? true,
  };
}

function anyOf(id: string, patterns: readonly string[]): MappingSettings['matches'] {
  const filters = patterns.map((pattern) => {
    try {
      return compilePattern(pattern, 'lambda-filter');
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`The event source mapping ${id}: ${error.message}`);
    }
  });
  if (filters.length === 0) return () => true;
  return (record) => {
    const view = filterable(record);
    return filters.some((matches) => matches(view));
  };
}
