import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALARM_KINDS } from '../../lib/alarms/region';
import { alarmsIn, dashboardIn, rowsOf, shownIn, type WidgetTemplate } from '../support/observability';
import { isComplete, rows, runs } from '../support/complete';
import { type Context, CONTEXTS, LAYOUTS, REGIONS } from '../support/contexts';
import { stacksOf, synthesized } from '../support/stacks';
import { PROJECT } from '../support/synthesize-once';
import type { Template } from '../support/templates';
import { expectedIn, rowFor } from '../support/watched-resources';

type Templates = Record<string, Template>;
type Expected = ReturnType<typeof expectedIn>;

type Region = (typeof REGIONS)[number];
const idOf = (region: Region) => (region === 'us-east-1' ? 'Observability' : `Observability-${region}`);

/** The rows of a dashboard, from top to bottom. */
const ROWS = ['Alarms', 'API and flows', 'Tables', 'Indexes', 'Replication', 'Streams and consumers', 'Queues', 'DAX'];

/** What is in one list and not in the other, counting what is there twice. */
function differences(what: string, found: readonly string[], expected: readonly string[]): string[] {
  const surplus = new Map<string, number>();
  for (const entry of found) surplus.set(entry, (surplus.get(entry) ?? 0) + 1);
  for (const entry of expected) surplus.set(entry, (surplus.get(entry) ?? 0) - 1);
  return [...surplus].filter(([, count]) => count !== 0).map(([entry, count]) => `${what}: ${count < 0 ? 'there is no' : 'nobody asks for'} ${entry}`);
}

/** What is wrong with the alarms and the dashboard of a region, by what the other templates have. */
function problems(template: Template, { alarms: expected, beside, consumers }: Expected): string[] {
  const alarms = alarmsIn(template);
  const rows = rowsOf(dashboardIn(template).widgets);
  const shown: Record<string, string[]> = Object.fromEntries(Object.entries(beside).map(([row, entries]) => [row, [...entries]]));
  const states: Record<string, string[]> = {};
  for (const [watches] of expected) (shown[rowFor(watches, { consumers })] ??= []).push(...watches.split(' + '));
  for (const { watches, expression, logicalId } of alarms) {
    const row = rowFor(watches, { consumers });
    if (expression !== undefined) (shown[row] ??= []).push(`expression ${expression}`);
    (states[row] ??= []).push(`<${logicalId}>`);
  }
  const stateWidgets = (rows.get('Alarms') ?? []).map(({ properties: { title = '', alarms: arns = [] } }) => [title, arns] as const);
  const wanted = ROWS.filter((row) => row === 'Alarms' || row in states);
  return [
    ...differences('alarm', alarms.map(({ watches }) => watches), [...expected.keys()]),
    ...alarms
      .filter(({ watches, threshold }) => threshold !== (expected.get(watches) ?? threshold))
      .map(({ name, threshold, watches }) => `${name}: the threshold is ${threshold}, where it follows to be ${expected.get(watches)}`),
    ...differences('row', [...rows.keys()], wanted),
    ...wanted.slice(1).flatMap((row) => differences(`row ${row}`, (rows.get(row) ?? []).flatMap(shownIn), shown[row] ?? [])),
    ...differences('states', stateWidgets.map(([title]) => title), wanted.slice(1)),
    ...stateWidgets.flatMap(([title, arns]) => differences(`states of ${title}`, arns, states[title] ?? [])),
  ];
}

interface Change {
  /** The metrics, whatever they are of: what is left out in one function's graph is the same kind in another's. */
  kind: string;
  what: string;
  template: Template;
}

/** Every way to leave out one alarm, one widget, one metric of a graph, or one alarm of the states. */
function lessOne(template: Template): Change[] {
  const without = (id: string) => ({ Resources: Object.fromEntries(Object.entries(template.Resources).filter(([other]) => other !== id)) });
  const { logicalId, widgets } = dashboardIn(template);
  const showing = (changed: WidgetTemplate[]): Template => {
    const dashboard = template.Resources[logicalId]!;
    const Properties = { ...dashboard.Properties, DashboardBody: JSON.stringify({ widgets: changed }) };
    return { Resources: { ...template.Resources, [logicalId]: { ...dashboard, Properties } } };
  };
  const metricOf = ([namespace, name]: unknown[]) => (typeof namespace === 'string' ? `${namespace}/${String(name)}` : 'expression');
  return [
    ...alarmsIn(template).map(({ logicalId: id, name, metricNames }) => ({ kind: `alarm of ${metricNames.join()}`, what: `the alarm ${name}`, template: without(id) })),
    ...widgets.flatMap((widget, at) => {
      const { title, markdown, metrics = [], alarms = [] } = widget.properties;
      const less = (list: 'metrics' | 'alarms', index: number) => {
        const properties = { ...widget.properties, [list]: (widget.properties[list] as unknown[]).toSpliced(index, 1) };
        return showing(widgets.with(at, { ...widget, properties }));
      };
      const shown = [...new Set(metrics.map(metricOf))].join();
      return [
        { kind: `widget ${shown || (title ?? markdown)}`, what: `the widget ${title ?? markdown}`, template: showing(widgets.toSpliced(at, 1)) },
        ...metrics.map((metric, index) => ({ kind: metricOf(metric), what: `${JSON.stringify(metric)} of ${title}`, template: less('metrics', index) })),
        ...alarms.map((alarm, index) => ({ kind: `state of ${title}`, what: `${alarm} of ${title}`, template: less('alarms', index) })),
      ];
    }),
  ];
}

/** Those that nobody notices. In `npm test` one of each kind is left out, in the complete run each. */
function unnoticed(changes: readonly Change[], expected: Expected): string[] {
  const tried = isComplete ? changes : [...new Map(changes.map((change) => [change.kind, change])).values()];
  return tried.filter(({ template }) => problems(template, expected).length === 0).map(({ what }) => what);
}

/** The two of them that differ in both. */
const CONFIGS = rows(
  LAYOUTS.flatMap((layout) => ['on-demand', 'provisioned'].map((capacity) => ({ layout, capacity }))),
  ({ layout, capacity }) => (layout === 'single-table') === (capacity === 'provisioned'),
);

describe.each(CONFIGS)('in three regions, $layout, $capacity', (config) => {
  const stacks: Templates = stacksOf({ ...(config.capacity === 'provisioned' ? CONTEXTS['provisioned single-table'] : CONTEXTS.regions), ...config });

  test.each(REGIONS)('every table, index, replica, function, mapping and queue of %s has its alarms, and a place on the dashboard', (region) => {
    const expected = expectedIn(stacks, region);
    expect(expected.alarms.size).toBeGreaterThan(100);
    expect(problems(stacks[idOf(region)]!, expected)).toEqual([]);
  });

  // The third region is like the second, which is like the first but for its consumers.
  test.each(REGIONS.slice(0, runs(1, 2)))('an alarm, a graph, a metric or a state that is left out in %s is missed', (region) => {
    const expected = expectedIn(stacks, region);
    const changes = lessOne(stacks[idOf(region)]!);
    expect(changes.length).toBeGreaterThan(500);
    expect(new Set(changes.map(({ kind }) => kind)).size).toBeGreaterThan(40);
    expect(unnoticed(changes, expected)).toEqual([]);
  });

  test('an alarm or a graph of what is not there is found, and so is a limit that moved alone', () => {
    const fewer = structuredClone(stacks);
    const of = (stack: string, type: string) => Object.values(fewer[stack]!.Resources).filter(({ Type }) => Type === type);
    const [table] = of('Data', 'AWS::DynamoDB::GlobalTable');
    (table!.Properties.GlobalSecondaryIndexes as unknown[]).pop();
    const [first, second] = of('Api', 'AWS::Lambda::Function');
    first!.Properties.Timeout = 5;
    second!.Properties.FunctionName = 'store-dev-renamed';
    const found = problems(stacks.Observability!, expectedIn(fewer, 'us-east-1')).join('\n');
    expect(found).toMatch(/nobody asks for AWS\/DynamoDB\/ConsumedReadCapacityUnits\{GlobalSecondaryIndexName=gsi\d,TableName=/);
    expect(found).toMatch(/-near-timeout: the threshold is 16000, where it follows to be 4000/);
    expect(found).toMatch(/there is no AWS\/Lambda\/Errors\{FunctionName=store-dev-renamed\}/);
  });

  test.each(REGIONS)('%s stays within the limits of CloudWatch', (region) => {
    const template = stacks[idOf(region)]!;
    const { widgets } = dashboardIn(template);
    const alarms = alarmsIn(template);
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
    expect(widgets.length).toBeLessThanOrEqual(500);
    expect(Math.max(...widgets.map(({ properties: { metrics = [] } }) => metrics.length))).toBeLessThanOrEqual(100);
    expect(Math.max(...widgets.map(({ properties: { alarms: arns = [] } }) => arns.length))).toBeLessThanOrEqual(100);
    expect(Math.max(...alarms.map(({ watches }) => watches.split(' + ').length))).toBeLessThanOrEqual(10);
    expect(Math.max(...alarms.map(({ description }) => description.length))).toBeLessThanOrEqual(1_024);
    expect(new Set(alarms.map(({ name }) => name)).size).toBe(alarms.length);
    expect(new Set(widgets.filter(({ type }) => type === 'metric').map(({ properties }) => properties.region))).toEqual(new Set([region]));
    for (const { name, description, raised } of alarms) {
      expect(name).toMatch(/^store-dev-[\w-]{1,245}$/);
      expect(description).toMatch(/^[A-Z].{20,}\. .{20,}\.$/);
      // What nobody uses has no metric.
      expect(raised).toMatch(/missing notBreaching$/);
    }
  });

  test('with alarmEmail every alarm sends mail, by the topic of its region', () => {
    for (const region of REGIONS) {
      const template = stacks[idOf(region)]!;
      const of = (type: string) => Object.values(template.Resources).filter(({ Type }) => Type === type);
      expect(of('AWS::SNS::Subscription').map(({ Properties }) => Properties)).toEqual([expect.objectContaining({ Protocol: 'email', Endpoint: 'ops@example.com' })]);
      const [topicId] = Object.entries(template.Resources).find(([, { Type }]) => Type === 'AWS::SNS::Topic')!;
      expect(new Set(alarmsIn(template).map(({ actions }) => JSON.stringify(actions)))).toEqual(new Set([JSON.stringify([{ Ref: topicId }])]));
      const { Statement } = of('AWS::SNS::TopicPolicy')[0]!.Properties.PolicyDocument as { Statement: { Effect: string; Action: string; Principal: object; Condition: object }[] };
      expect(Statement.map(({ Effect, Action, Principal }) => [Effect, Action, Principal])).toEqual([
        ['Deny', 'sns:Publish', '*'],
        ['Allow', 'sns:Publish', { Service: 'cloudwatch.amazonaws.com' }],
      ]);
      expect(JSON.stringify(Statement[1]!.Condition)).toMatch(new RegExp(`aws:SourceAccount.*arn:aws:cloudwatch:${region}:.*:alarm:store-dev-\\*`));
    }
  });

  test('each region has a dashboard of its own, since all are in one list', () => {
    expect(REGIONS.map((region) => dashboardIn(stacks[idOf(region)]!).name)).toEqual(REGIONS.map((region) => `store-dev_${region}`));
  });
});

describe('the stack', () => {
  test('has no topic and no action without alarmEmail', () => {
    const { Observability } = stacksOf(CONTEXTS['per-domain']);
    expect(Object.values(Observability.Resources).filter(({ Type }) => Type.startsWith('AWS::SNS'))).toEqual([]);
    const alarms = alarmsIn(Observability);
    expect(alarms.length).toBeGreaterThan(150);
    expect(new Set(alarms.map(({ actions }) => actions))).toEqual(new Set([undefined]));
  });

  test('is one that no other stack depends on, and depends on the API only', () => {
    const stacks = synthesized(CONTEXTS.regions);
    const others = stacks.filter(({ id }) => !id.startsWith('Observability'));
    expect(stacks.length - others.length).toBe(3);
    expect(others.flatMap(({ dependencies }) => dependencies).filter((id) => id.startsWith('Observability'))).toEqual([]);
    for (const { template } of stacks.filter((each) => !others.includes(each))) {
      const outputs = JSON.stringify(template).match(/"Fn::GetStackOutput":\{"StackName":"[^"]+"/g);
      expect(new Set(outputs)).toEqual(new Set(['"Fn::GetStackOutput":{"StackName":"store-dev-api"']));
    }
  });

  test('names functions, which have names of their own that Lambda takes', () => {
    const { Api, Events } = stacksOf(CONTEXTS.named);
    const functions = [Api, Events].flatMap(({ Resources }) => Object.values(Resources)).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    for (const { Properties } of functions) {
      const { POWERTOOLS_SERVICE_NAME } = (Properties.Environment as { Variables: Record<string, string> }).Variables;
      expect(Properties.FunctionName).toBe(`store-${CONTEXTS.named.stage}-${POWERTOOLS_SERVICE_NAME}`);
      expect((Properties.FunctionName as string).length).toBeLessThanOrEqual(64);
    }
  });

  test('a DAX cluster has its alarms and a row, in the home region', () => {
    const stacks = stacksOf(CONTEXTS.everything);
    const expected = expectedIn(stacks, 'eu-west-1', 'eu-west-1');
    expect(problems(stacks.Observability, expected)).toEqual([]);
    expect(unnoticed(lessOne(stacks.Observability).filter(({ what }) => /DAX|cache/.test(what)), expected)).toEqual([]);
    expect(problems(stacks['Observability-us-east-1'], expectedIn(stacks, 'us-east-1', 'eu-west-1'))).toEqual([]);
    expect(alarmsIn(stacks.Observability).filter(({ name }) => name.startsWith('store-dev-cache-')).map(({ name }) => name.replace('store-dev-cache-', ''))).toEqual([
      'few-hits',
      'failed',
      'faults',
      'unanswered',
      'evicts',
      'busy',
    ]);
  });
});

describe('docs/observability.md', () => {
  const document = readFileSync(join(PROJECT, 'docs/observability.md'), 'utf8');
  const section = (title: string) => document.split(/^## /m).find((part) => part.startsWith(title)) ?? '';
  const rows = (title: string) => [...section(title).matchAll(/^\| (?!---)(.*) \|$/gm)].slice(1).map(([, row]) => row);

  test('has each kind of alarm as the code has it', () => {
    const expected = ALARM_KINDS.map(({ name, metrics, raised, evaluation: { datapoints, of, minutes }, means, first }) => {
      const evaluated = of === 1 ? `over ${minutes} min` : `${datapoints} of ${of} times ${minutes} min`;
      return `\`${name}\` | ${metrics.map((metric) => `\`${metric}\``).join(', ')} | ${raised} (${evaluated}) | ${means} | ${first}`;
    });
    expect(rows('Alarms')).toEqual(expected);
  });

  test('has every alarm of the templates, by the end of its name, with what it watches', () => {
    const documented = rows('Alarms').map((row) => {
      const [[ending], metrics] = row!.split(' | ').slice(0, 2).map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text)) as [[string], string[]];
      return { ending, metrics };
    });
    const seen = new Set<string>();
    for (const context of [CONTEXTS['regions and dax'], CONTEXTS.everything] as Context[]) {
      const observed = synthesized(context).filter(({ id }) => id.startsWith('Observability'));
      for (const { name, metricNames, raised } of observed.flatMap(({ template }) => alarmsIn(template))) {
        const found = documented.find(({ ending, metrics }) => new RegExp(`-${ending}(-|$)`).test(name) && metricNames.every((metric) => metrics.includes(metric)));
        expect([name, metricNames, found !== undefined]).toEqual([name, metricNames, true]);
        const { datapoints, of, minutes } = ALARM_KINDS.find((kind) => kind.name === found!.ending)!.evaluation;
        expect(raised).toMatch(new RegExp(` of ${minutes * 60} s .*, ${datapoints} of ${of}, `));
        seen.add(found!.ending);
      }
    }
    expect(documented.map(({ ending }) => ending).filter((ending) => !seen.has(ending))).toEqual([]);
  });

  test('has the rows of the dashboard', () => {
    expect(rows('Dashboard').map((row) => row!.split(' | ')[0])).toEqual(ROWS);
  });

  test('says with docs/deploy.md what the alarms cost by default', () => {
    const metrics = alarmsIn(stacksOf(CONTEXTS['per-domain']).Observability).flatMap(({ watches }) => watches.split(' + ')).length;
    const [row] = /^\| alarms, .*$/m.exec(readFileSync(join(PROJECT, 'docs/deploy.md'), 'utf8')) ?? [];
    expect(row).toContain(`| alarms, 0.10 for each metric: ${metrics} in the home region | ${(0.1 * metrics).toFixed(2)} |`);
  });
});
