import { METRICS, NAMESPACE } from '../../lambda/shared/embedded-metrics';

/** A log line of a function. */
export type LogLine = Record<string, unknown>;

/** The lines of what was printed, which may have come in pieces. @throws SyntaxError for a line that is not JSON */
export const linesOf = (printed: readonly string[]): LogLine[] =>
  printed
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);

interface EmbeddedMetrics {
  Timestamp: unknown;
  CloudWatchMetrics: { Namespace: unknown; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }[];
}

/**
 * What of a line is against the embedded metric format, or not what the lines of its kind have.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function faultsOfMetrics(line: LogLine, kind: keyof typeof METRICS): string[] {
  const { Timestamp, CloudWatchMetrics } = (line._aws ?? {}) as Partial<EmbeddedMetrics>;
  if (!Number.isSafeInteger(Timestamp) || !Array.isArray(CloudWatchMetrics)) return ['it has no metrics'];
  const [metrics, ...others] = CloudWatchMetrics;
  if (!metrics || others.length > 0) return ['it has metrics of another namespace'];
  const [dimensions, ...otherDimensions] = metrics.Dimensions;
  const expected = ['service', 'flow', ...(kind === 'sale' ? ['currency'] : [])];
  const expectedMetrics = Object.entries(METRICS[kind]).filter(([name]) => name !== 'DaxUnanswered' || 'daxCalls' in line);
  return [
    ...(metrics.Namespace === NAMESPACE ? [] : [`its namespace is ${String(metrics.Namespace)}`]),
    ...(dimensions?.join() === expected.join() && otherDimensions.length === 0 ? [] : [`its dimensions are ${JSON.stringify(metrics.Dimensions)}`]),
    ...expected.filter((name) => typeof line[name] !== 'string' || line[name] === '').map((name) => `it has no dimension ${name}`),
    ...metrics.Metrics.filter(({ Name }) => !Number.isFinite(line[Name])).map(({ Name }) => `it has no value of ${Name}`),
    ...(JSON.stringify(Object.fromEntries(metrics.Metrics.map(({ Name, Unit }) => [Name, Unit]))) === JSON.stringify(Object.fromEntries(expectedMetrics))
      ? []
      : [`its metrics are ${JSON.stringify(metrics.Metrics)}`]),
  ];
}

const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isUnits = (value: unknown) => Number.isInteger((value as number) * 2) && (value as number) >= 0;
const isTime = (value: unknown) => isText(value) && new Date(value as string).toISOString() === value;

/** What every line has, and what only some have: how each must be. */
const EVERY = { level: (value: unknown) => ['INFO', 'WARN', 'ERROR'].includes(value as string), message: isText, timestamp: isTime, service: isText };
const CONSUMED = {
  readUnits: isUnits,
  writeUnits: isUnits,
  consumedUnits: isUnits,
  dynamodbRequestIds: (value: unknown) => Array.isArray(value) && value.length <= 20 && value.every(isText),
};
const FAILURE = { kind: isText, error: isText, reason: isText, stack: isText, failedRequestId: isText, throttlingReasons: Array.isArray };

/** The members of the lines of requests and batches, beside their metrics. */
const MEMBERS = {
  request: {
    always: { ...EVERY, route: isText, flow: isText, status: isCount, latencyMs: isCount, requestId: isText, ...CONSUMED },
    sometimes: { dynamodbRequestIdsOmitted: isCount, daxCalls: isCount, daxUnanswered: isCount, problem: isText, ...FAILURE },
  },
  batch: {
    always: { ...EVERY, flow: isText, records: isCount, done: isCount, latencyMs: isCount, ...CONSUMED },
    sometimes: { dynamodbRequestIdsOmitted: isCount },
  },
};

/** What Powertools adds. */
const ADDED = ['sampling_rate', 'xray_trace_id'];

/** What of a line is not as docs/observability.md describes the lines of its kind. */
export function faultsOf(line: LogLine, kind: keyof typeof MEMBERS): string[] {
  const { always, sometimes } = MEMBERS[kind] as Record<'always' | 'sometimes', Record<string, (value: unknown) => boolean>>;
  const known = { ...always, ...sometimes };
  const own = Object.entries(line).filter(([name]) => name !== '_aws' && !ADDED.includes(name) && !Object.hasOwn(METRICS[kind], name));
  return [
    ...faultsOfMetrics(line, kind),
    ...Object.keys(always).filter((name) => !(name in line)).map((name) => `it has no ${name}`),
    ...own.filter(([name, value]) => !known[name]?.(value)).map(([name, value]) => `${name} is ${JSON.stringify(value)}`),
    ...(line.consumedUnits === (line.readUnits as number) + (line.writeUnits as number) ? [] : ['consumedUnits is not the sum']),
    ...(line.ReadUnits === line.readUnits && line.WriteUnits === line.writeUnits ? [] : ['the metrics of units are not its units']),
  ];
}
