import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { type AlarmRow, metricOf } from './alarms/alarm';
import { cacheMetric } from './alarms/cache';
import { LAMBDA, ownMetric, STORE } from './alarms/functions';
import type { Concern, WatchedAlarms, WatchedRegion } from './alarms/region';
import { SALES_CONSUMER } from './triggers';

/**
 * The dashboard of a region: a row for each concern, and on top the state of all alarms. A row shows what its alarms watch,
 * a graph for each resource with a line where the alarm is raised, after what is worth seeing beside that.
 */
export interface DashboardRow {
  readonly title: string;
  readonly widgets: readonly cloudwatch.IWidget[];
}

/** The alarms of one concern, made. */
export interface ConcernAlarms {
  readonly concern: Concern;
  readonly watched: readonly WatchedAlarms[];
  readonly alarms: readonly cloudwatch.IAlarm[];
}

/** The columns of a dashboard. */
const WIDTH = 24;

/** Which currencies there are is known when something is sold. */
const salesByCurrency = (flow: string) =>
  new cloudwatch.MathExpression({ expression: `SEARCH('{${STORE},service,flow,currency} MetricName="SalesMinor" flow="${flow}"', 'Sum', 300)`, label: '' });

/** What is shown of a concern beside what its alarms watch. */
const BESIDE: Record<Concern, (region: WatchedRegion, home: string) => cloudwatch.IWidget[]> = {
  'API and flows': ({ apiId, flows }, region) => {
    const api = (name: string, statistic: string) => metricOf('AWS/ApiGateway', name, { ApiId: apiId }, statistic);
    const domains = [...new Set(flows.map(({ domain }) => domain))];
    return [
      // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
      graph('API: requests', region, 8, [api('Count', 'Sum')]),
      graph('API: errors', region, 8, [api('4xx', 'Sum'), api('5xx', 'Sum')]),
      graph('API: latency, p99 (ms)', region, 8, [api('Latency', 'p99'), api('IntegrationLatency', 'p99')]),
      ...domains.flatMap((domain) => {
        const own = (name: string, statistic: string) => flows.filter((flow) => flow.domain === domain).map((flow) => ownMetric(flow.name, name, statistic));
        return [
          graph(`${domain}: latency, p99 (ms)`, region, 8, own('Latency', 'p99')),
          graph(`${domain}: answers of 5xx`, region, 8, own('ServerErrors', 'Sum')),
          graph(`${domain}: read units (left), write units (right)`, region, 8, own('ReadUnits', 'Sum'), own('WriteUnits', 'Sum')),
        ];
      }),
      graph('All functions: at once', region, 8, [metricOf(LAMBDA, 'ConcurrentExecutions', {}, 'Maximum')]),
    ];
  },
  Tables: () => [],
  Indexes: () => [],
  Replication: () => [],
  'Streams and consumers': ({ consumers }, region) => [
    graph('Consumers: records', region, 8, consumers.map((consumer) => ownMetric(consumer.name, 'StreamRecords', 'Sum'))),
    graph('Consumers: failures', region, 8, consumers.map((consumer) => ownMetric(consumer.name, 'StreamFailures', 'Sum'))),
    ...consumers.filter(({ name }) => name === SALES_CONSUMER.name).map(({ name }) => graph('Sales, in minor units', region, 8, [salesByCurrency(name)])),
  ],
  Queues: () => [],
  DAX: ({ cache }, region) => {
    if (!cache) return [];
    const counts = (names: string[]) => names.map((name) => cacheMetric(cache, name, 'Sum'));
    return [
      graph(`Item cache of ${cache.nodeType}`, region, 8, counts(['ItemCacheHits', 'ItemCacheMisses'])),
      graph('Query cache', region, 8, counts(['QueryCacheHits', 'QueryCacheMisses'])),
      graph('Errors: of the request, of the cluster, both', region, 8, counts(['ErrorRequestCount', 'FaultRequestCount', 'FailedRequestCount'])),
    ];
  },
};

/** The rows of a region's dashboard. @param region its name */
export function dashboardRows(watched: WatchedRegion, concerns: readonly ConcernAlarms[], region: string): DashboardRow[] {
  const states = concerns.map(({ concern, alarms }) => new cloudwatch.AlarmStatusWidget({ title: concern, alarms: [...alarms], width: WIDTH / 3, height: 6 }));
  return [
    { title: 'Alarms', widgets: states },
    ...concerns.map(({ concern, watched: resources }) => ({
      title: concern,
      widgets: [...BESIDE[concern](watched, region), ...resources.flatMap((resource) => alarmGraphs(resource, region))],
    })),
  ];
}

/** The graphs of what is watched of a resource. */
function alarmGraphs({ of, alarms }: WatchedAlarms, region: string): cloudwatch.IWidget[] {
  const titles = [...new Set(alarms.map(({ kind }) => kind.graph))];
  const width = Math.max(Math.floor(WIDTH / titles.length), 6);
  return titles.map((title) => {
    const rows = alarms.filter(({ kind }) => kind.graph === title);
    return graph(`${of}: ${title}`, region, width, rows.map(({ metric }) => metric), [], thresholds(rows));
  });
}

/** A line for each threshold; where any is too many, there is nothing to see. */
function thresholds(rows: readonly AlarmRow[]): cloudwatch.HorizontalAnnotation[] {
  const values = [...new Set(rows.map(({ threshold }) => threshold))];
  return values.filter((value) => value > 1).map((value) => ({ value, label: 'alarm', color: cloudwatch.Color.RED }));
}

function graph(
  title: string,
  region: string,
  width: number,
  left: cloudwatch.IMetric[],
  right: cloudwatch.IMetric[] = [],
  leftAnnotations: cloudwatch.HorizontalAnnotation[] = [],
): cloudwatch.IWidget {
  return new cloudwatch.GraphWidget({ title, region, width, height: 6, left, right, leftAnnotations });
}
