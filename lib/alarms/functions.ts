import type { Duration } from 'aws-cdk-lib';
import { type AlarmKind, type AlarmRow, metricOf } from './alarm';

/** A Lambda function, by what another stack may know of it. */
export interface WatchedFunction {
  /** Its name in the catalogue: the service and the flow in its own metrics. */
  readonly name: string;
  readonly functionName: string;
  readonly timeout: Duration;
}

/** The function of a route. */
export interface WatchedFlow extends WatchedFunction {
  /** The folder that it is in: `orders`. */
  readonly domain: string;
}

/** A function that reads a stream. */
export interface WatchedConsumer extends WatchedFunction {
  /** How old a record may become before Lambda gives it up. */
  readonly maximumRecordAge: Duration;
  /** Whether a service may refuse for good what a record holds. */
  readonly canBeRefused: boolean;
}

/** The namespace of what functions count of themselves (lambda/shared/embedded-metrics.ts). */
export const STORE = 'Store';

/** A metric of a function's own, by its name in the catalogue. */
export const ownMetric = (name: string, metricName: string, statistic: string, minutes?: number) =>
  metricOf(STORE, metricName, { service: name, flow: name }, statistic, minutes);

/** https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html */
export const LAMBDA = 'AWS/Lambda';

const KINDS = {
  errors: {
    name: 'errors',
    metrics: ['Errors'],
    raised: 'any, more than once: what a flow answers is no error, a crash or a timeout is',
    evaluation: { datapoints: 2, of: 3, minutes: 5 },
    means: 'The function crashes, or runs into its timeout.',
    first: 'Read its log of those minutes (level ERROR, or "Task timed out").',
    graph: 'errors',
  },
  nearTimeout: {
    name: 'near-timeout',
    metrics: ['Duration'],
    raised: 'p99 at 80 % of its own timeout',
    evaluation: { datapoints: 2, of: 3, minutes: 5 },
    means: 'The function takes nearly as long as it may.',
    first: 'See whether its tables are throttled or slow; retries and their waiting are in the time.',
    graph: 'duration, p99 (ms)',
  },
  answers: {
    name: 'answers-5xx',
    metrics: ['5xx'],
    raised: 'five in five minutes, more than once: a flow that fails answers, so it is no error of Lambda',
    evaluation: { datapoints: 2, of: 3, minutes: 5 },
    means: 'The API answers 500 or 503: a defect, a permission that lacks, or DynamoDB throttles or does not answer.',
    first: 'See on the dashboard which flow it is; the log lines of those requests (level ERROR or WARN) say why.',
    graph: 'answers of 5xx',
  },
  throttled: {
    name: 'throttled',
    metrics: ['Throttles'],
    raised: 'any, more than once',
    evaluation: { datapoints: 2, of: 3, minutes: 5 },
    means: 'Lambda turns invocations away: the account runs as many at once in this region as it may, whichever function they are of.',
    first: 'See ConcurrentExecutions; ask for more in Service Quotas, or find what runs so often.',
    graph: 'throttled',
  },
  behind: {
    name: 'behind',
    metrics: ['IteratorAge'],
    raised: "a tenth of the mapping's maximum record age: there are nine left until records are given up, and the stream has them for 24 hours",
    evaluation: { datapoints: 3, of: 3, minutes: 5 },
    means: 'The consumer is behind its stream: it is too slow, or a record fails again and again.',
    first: 'Read its log; npm run tail -- --aws shows what is in the stream.',
    graph: 'iterator age (ms)',
  },
  refused: {
    name: 'refused',
    metrics: ['EffectsRefused'],
    raised: 'any: what is sent is checked when the store takes it',
    evaluation: { datapoints: 1, of: 1, minutes: 5 },
    means: 'A service refused for good what a record holds: SES a recipient (in the sandbox every one that is not verified), or the event bus an event that is too large.',
    first: 'Read its log (An effect was refused for good): effect, eventId and reason. It is not repeated: send by hand what is missed, and ask SES for production access.',
    graph: 'refused for good',
  },
} as const satisfies Record<string, AlarmKind>;

/** Every kind in this file. */
export const FUNCTION_KINDS: readonly AlarmKind[] = Object.values(KINDS);

/** Percent of the timeout. */
const NEAR = 80;
/** Percent of the maximum record age. */
const BEHIND = 10;

/** The alarms on a function. */
export function functionAlarms({ functionName, timeout }: WatchedFunction): AlarmRow[] {
  const metric = (kind: AlarmKind, statistic: string) => metricOf(LAMBDA, kind.metrics[0] as string, { FunctionName: functionName }, statistic, kind.evaluation.minutes);
  return [
    { kind: KINDS.errors, of: functionName, metric: metric(KINDS.errors, 'Sum'), threshold: 1 },
    { kind: KINDS.nearTimeout, of: functionName, metric: metric(KINDS.nearTimeout, 'p99'), threshold: (NEAR * timeout.toMilliseconds()) / 100 },
  ];
}

/** The alarm on the answers of a region's API. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html */
export function apiAlarms(prefix: string, apiId: string): AlarmRow[] {
  const kind = KINDS.answers;
  return [{ kind, of: `${prefix}api`, metric: metricOf('AWS/ApiGateway', kind.metrics[0], { ApiId: apiId }, 'Sum', kind.evaluation.minutes), threshold: 5 }];
}

/** The alarm on all functions of a region: none has a concurrency of its own, so they are throttled together. */
export function concurrencyAlarms(prefix: string): AlarmRow[] {
  const kind = KINDS.throttled;
  return [{ kind, of: `${prefix}functions`, metric: metricOf(LAMBDA, kind.metrics[0], {}, 'Sum', kind.evaluation.minutes), threshold: 1 }];
}

/** The alarms on an event source mapping. Its function reads no other stream, so the function's metric is the mapping's. */
export function mappingAlarms({ name, functionName, maximumRecordAge, canBeRefused }: WatchedConsumer): AlarmRow[] {
  const { behind, refused } = KINDS;
  const age = metricOf(LAMBDA, behind.metrics[0], { FunctionName: functionName }, 'Maximum', behind.evaluation.minutes);
  return [
    { kind: behind, of: functionName, metric: age, threshold: (BEHIND * maximumRecordAge.toMilliseconds()) / 100 },
    ...(canBeRefused ? [{ kind: refused, of: functionName, metric: ownMetric(name, refused.metrics[0], 'Sum', refused.evaluation.minutes), threshold: 1 }] : []),
  ];
}
