import type { Template } from './templates';

/** An alarm of a template, with what it watches in one text. */
export interface AlarmTemplate {
  logicalId: string;
  name: string;
  description: string;
  /** `Namespace/Metric{Dimension=value,...}`, sorted, with a math expression's joined by ` + `. */
  watches: string;
  metricNames: string[];
  /** The math over them. */
  expression?: string;
  /** The rest, as `Sum of 60 s >= 1, 3 of 5`. */
  raised: string;
  threshold: number;
  actions: unknown;
}

/** A widget of a dashboard, with what it shows. */
export interface WidgetTemplate {
  type: string;
  properties: { title?: string; markdown?: string; region?: string; metrics?: unknown[][]; alarms?: string[] };
}

interface Dimension {
  Name: string;
  Value: unknown;
}

interface MetricTemplate {
  Namespace: string;
  MetricName: string;
  Dimensions?: Dimension[];
}

interface AlarmProperties extends MetricTemplate {
  AlarmName: string;
  AlarmDescription: string;
  Metrics?: { Expression?: string; MetricStat?: { Metric: MetricTemplate; Period: number; Stat: string } }[];
  Statistic?: string;
  ExtendedStatistic?: string;
  Period?: number;
  ComparisonOperator: string;
  Threshold: number;
  DatapointsToAlarm: number;
  EvaluationPeriods: number;
  TreatMissingData: string;
  AlarmActions?: unknown;
}

/** One metric as a text; a name that is generated is that of the stack that has it: `<store-dev-cache>`. */
export const metricText = (namespace: string, name: string, dimensions: Record<string, unknown> = {}): string =>
  `${namespace}/${name}{${Object.entries(dimensions)
    .map(([dimension, value]) => `${dimension}=${typeof value === 'string' ? value : `<${/"StackName":"([^"]+)"/.exec(JSON.stringify(value))?.[1]}>`}`)
    .sort()
    .join(',')}}`;

const textOf = ({ Namespace, MetricName, Dimensions = [] }: MetricTemplate) =>
  metricText(Namespace, MetricName, Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value])));

export function alarmsIn({ Resources }: Template): AlarmTemplate[] {
  return Object.entries(Resources)
    .filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
    .map(([logicalId, { Properties }]) => {
      const alarm = Properties as unknown as AlarmProperties;
      const { Metrics = [] } = alarm;
      const stats = Metrics.flatMap(({ MetricStat }) => (MetricStat ? [MetricStat] : []));
      const [first] = stats;
      const watched = first ? stats.map(({ Metric }) => Metric) : [alarm];
      const [expression] = Metrics.flatMap(({ Expression }) => Expression ?? []);
      const operator = { GreaterThanOrEqualToThreshold: '>=', LessThanThreshold: '<' }[alarm.ComparisonOperator];
      const statistic = first?.Stat ?? alarm.Statistic ?? alarm.ExtendedStatistic;
      return {
        logicalId,
        name: alarm.AlarmName,
        description: alarm.AlarmDescription,
        watches: watched.map(textOf).sort().join(' + '),
        metricNames: [...new Set(watched.map(({ MetricName }) => MetricName))],
        ...(expression !== undefined && { expression }),
        raised:
          `${expression === undefined ? '' : `${expression}, `}${statistic} of ${first?.Period ?? alarm.Period} s ${operator} ${alarm.Threshold}, ` +
          `${alarm.DatapointsToAlarm} of ${alarm.EvaluationPeriods}, missing ${alarm.TreatMissingData}`,
        threshold: alarm.Threshold,
        actions: alarm.AlarmActions,
      };
    });
}

/** The dashboard's name and widgets. A reference in it is read as `<logical id>`, or `<output of another stack>`. */
export function dashboardIn({ Resources }: Template): { logicalId: string; name: string; widgets: WidgetTemplate[] } {
  const [found, ...others] = Object.entries(Resources).filter(([, { Type }]) => Type === 'AWS::CloudWatch::Dashboard');
  if (!found || others.length > 0) throw new Error(`There are ${found ? others.length + 1 : 0} dashboards.`);
  const [logicalId, { Properties }] = found;
  const { DashboardName, DashboardBody } = Properties as { DashboardName: string; DashboardBody: string | { 'Fn::Join': [string, unknown[]] } };
  const parts = typeof DashboardBody === 'string' ? [DashboardBody] : DashboardBody['Fn::Join'][1];
  const body = parts.map((part) => (typeof part === 'string' ? part : `<${reference(part as Reference)}>`)).join('');
  return { logicalId, name: DashboardName, widgets: (JSON.parse(body) as { widgets: WidgetTemplate[] }).widgets };
}

interface Reference {
  'Fn::GetAtt'?: [string, string];
  'Fn::GetStackOutput'?: { StackName: string };
}

const reference = ({ 'Fn::GetAtt': attribute, 'Fn::GetStackOutput': output }: Reference) => attribute?.[0] ?? output?.StackName ?? 'unknown';

/** The rows of a dashboard: a text widget begins one. */
export function rowsOf(widgets: readonly WidgetTemplate[]): Map<string, WidgetTemplate[]> {
  const rows = new Map<string, WidgetTemplate[]>();
  let row: WidgetTemplate[] = [];
  for (const widget of widgets) {
    if (widget.type === 'text') rows.set(widget.properties.markdown?.replace(/^## /, '') ?? '', (row = []));
    else row.push(widget);
  }
  return rows;
}

/** What a graph shows: metrics as `metricText` writes them, and expressions. */
export function shownIn({ properties: { metrics = [] } }: WidgetTemplate): string[] {
  return metrics.map((entry) => {
    const [namespace, name, ...rest] = entry;
    if (typeof namespace !== 'string') return `expression ${(namespace as { expression: string }).expression}`;
    const texts = rest.filter((part): part is string => typeof part === 'string');
    const dimensions: Record<string, string> = {};
    for (let at = 0; at < texts.length; at += 2) dimensions[texts[at] as string] = texts[at + 1] as string;
    return metricText(namespace, name as string, dimensions);
  });
}
