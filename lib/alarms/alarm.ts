import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

/**
 * What alarms there are: each file here lists those of one kind of resource, a row for each kind of alarm. A row is the
 * description of its alarms, and a line of docs/observability.md (a test compares them).
 */
export interface AlarmKind {
  /** How the alarm's name goes on after the resource's: `store-dev-Orders-reads-hot-key`. */
  readonly name: string;
  /** What it watches. */
  readonly metrics: readonly string[];
  /** From which value on it is raised, and why there. */
  readonly raised: string;
  /** How many of the last values must be beyond the threshold, and of how many minutes each is. */
  readonly evaluation: { readonly datapoints: number; readonly of: number; readonly minutes: number };
  readonly means: string;
  /** What to do first. `NAME` is the resource's. */
  readonly first: string;
  /** The graph of the dashboard that shows it; those of one resource may share it. */
  readonly graph: string;
  /** It is raised below the threshold, not from it on. */
  readonly below?: true;
}

/** One alarm: of a kind, on one resource. */
export interface AlarmRow {
  readonly kind: AlarmKind;
  /** The resource's name in its service, and what of it: the operation, the other region. */
  readonly of: string;
  readonly detail?: string;
  readonly metric: cloudwatch.IMetric;
  readonly threshold: number;
}

/** A metric of a service; each of its values is the statistic over so many minutes. */
export function metricOf(
  namespace: string,
  metricName: string,
  dimensionsMap: Record<string, string>,
  statistic: string,
  minutes = 5,
): cloudwatch.Metric {
  return new cloudwatch.Metric({ namespace, metricName, dimensionsMap, statistic, period: Duration.minutes(minutes) });
}

/**
 * Several metrics in one. Their ids begin with a small letter, and are unique in a graph.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function mathOf(expression: string, usingMetrics: Record<string, cloudwatch.IMetric>, label: string, minutes: number): cloudwatch.MathExpression {
  return new cloudwatch.MathExpression({ expression, usingMetrics, label, period: Duration.minutes(minutes) });
}

/** The alarm's name, which is unique in its region. */
export const alarmName = ({ kind, of, detail }: AlarmRow): string => [of, kind.name, ...(detail === undefined ? [] : [detail])].join('-');

/** Makes the alarm; without an action it is seen on the dashboard only. */
export function makeAlarm(scope: Construct, row: AlarmRow, action?: cloudwatch.IAlarmAction): cloudwatch.Alarm {
  const { kind, metric, threshold } = row;
  const alarm = new cloudwatch.Alarm(scope, alarmName(row), {
    alarmName: alarmName(row),
    alarmDescription: `${kind.means} ${kind.first}`.replaceAll('NAME', row.of),
    metric,
    threshold,
    datapointsToAlarm: kind.evaluation.datapoints,
    evaluationPeriods: kind.evaluation.of,
    comparisonOperator: cloudwatch.ComparisonOperator[kind.below ? 'LESS_THAN_THRESHOLD' : 'GREATER_THAN_OR_EQUAL_TO_THRESHOLD'],
    // What nobody uses has no metric, and neither has what never failed.
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  if (action) alarm.addAlarmAction(action);
  return alarm;
}
