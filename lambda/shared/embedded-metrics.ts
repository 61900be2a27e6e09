import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { MetricUnit as Unit } from '@aws-lambda-powertools/metrics/types';
import { logger } from './logger';

/** The CloudWatch namespace of the functions' own metrics. */
export const NAMESPACE = 'Store';

/**
 * Every metric that the functions have besides Lambda's, by the line that holds it. Its dimensions are `service` and `flow`,
 * both the name of the flow or the trigger; a sale has its `currency` besides.
 */
export const METRICS = {
  /** Of an HTTP request. */
  request: {
    Latency: MetricUnit.Milliseconds,
    /** 1 for an answer of 5xx. */
    ServerErrors: MetricUnit.Count,
    /** Capacity units of DynamoDB. */
    ReadUnits: MetricUnit.Count,
    WriteUnits: MetricUnit.Count,
    /** Calls that DAX did not answer; only of a request with calls through DAX. */
    DaxUnanswered: MetricUnit.Count,
  },
  /** Of a batch of a stream. */
  batch: {
    StreamRecords: MetricUnit.Count,
    /** 1 for a batch that comes again from a record on. */
    StreamFailures: MetricUnit.Count,
    ReadUnits: MetricUnit.Count,
    WriteUnits: MetricUnit.Count,
  },
  /** Of an effect that a service refused for good. */
  refusal: {
    EffectsRefused: MetricUnit.Count,
  },
  /** Of an order, at the minute in which it was placed. */
  sale: {
    /** Minor units of the currency. */
    SalesMinor: MetricUnit.Count,
  },
} as const;

/**
 * Makes what turns a log line into a document of CloudWatch's embedded metric format as well: from the values of a line's
 * metrics the members that it needs, to be logged with the rest. The Logger adds the dimension `service`.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embeddedMetrics<Line extends keyof typeof METRICS>(line: Line, flow: string) {
  const metrics = new Metrics({ namespace: NAMESPACE, defaultDimensions: { flow }, logger });
  const units = Object.entries(METRICS[line]) as [keyof (typeof METRICS)[Line], Unit][];
  /**
   * @param values undefined for a metric that this line has not
   * @param at epoch milliseconds that the values are of, where it is not now: a document has one time
   */
  return (
    values: Readonly<Record<keyof (typeof METRICS)[Line], number | undefined>>,
    { at, dimensions = {} }: { at?: number; dimensions?: Readonly<Record<string, string>> } = {},
  ) => {
    for (const [name, unit] of units) {
      const value = values[name];
      if (value !== undefined) metrics.addMetric(String(name), unit, value);
    }
    for (const [name, value] of Object.entries(dimensions)) metrics.addDimension(name, value);
    if (at !== undefined) metrics.setTimestamp(at);
    const { service: _, ...members } = metrics.serializeMetrics();
    metrics.clearMetrics();
    metrics.clearDimensions();
    return members;
  };
}
