import { type Context, CONTEXTS, LAYOUTS } from '../support/contexts';
import { alarmsIn, dashboardIn, rowsOf, shownIn } from '../support/observability';
import { byFunction, difference, type FunctionResources, readable } from '../support/readable';
import { stacksOf, type Templates } from '../support/stacks';
import type { Template } from '../support/templates';

// Shows every change of a template, so that a review sees it. What must not change is asserted in the other suites here.
// `npx jest test/synth/snapshots -u` writes the snapshots anew.

// As it is, without quotes.
expect.addSnapshotSerializer({ test: (value) => typeof value === 'string', print: (value) => String(value) });

/** Alarms and graphs are many and alike, so a line of each is what a person can read. */
function observability(template: Template): string {
  const others = Object.fromEntries(Object.entries(template.Resources).filter(([, { Type }]) => !Type.startsWith('AWS::CloudWatch::')));
  const { name, widgets } = dashboardIn(template);
  const rows = [...rowsOf(widgets)].flatMap(([row, graphs]) => [
    `## ${row}`,
    ...graphs.map(({ properties, type }) => `${properties.title}: ${properties.alarms ? `${properties.alarms.length} alarms` : shownIn({ type, properties }).join(', ')}`),
  ]);
  const alarms = alarmsIn(template).map(({ name: alarm, watches, raised }) => `${alarm}: ${watches}, ${raised}`);
  return [...alarms, '', `dashboard ${name}`, ...rows, '', readable({ ...template, Resources: others })].join('\n');
}

/** The functions of the flows are many and alike: the first one as it is, and of the others what differs from it. */
function api(template: Template): string {
  const { functions, rest } = byFunction(template);
  const [sample, ...others] = functions as [FunctionResources, ...FunctionResources[]];
  const whole = Object.fromEntries(sample.ids.map((id) => [id, template.Resources[id]!]));
  return [
    readable({ Resources: whole }),
    ...others.flatMap(({ name, ids, lines }) => [`${name} (${ids.join(' ')})`, ...difference(sample.lines, lines).map((line) => `  ${line}`)]),
    '',
    readable(rest),
  ].join('\n');
}

const shown = (stack: string, template: Template): string =>
  stack.startsWith('Observability') ? observability(template) : stack.startsWith('Api') ? api(template) : readable(template);

/** The stacks of a config that are shown. */
const SHOWN: [config: string, context: Context, stacks: (keyof Templates)[]][] = [
  ['per-domain', CONTEXTS['per-domain'], ['Data', 'Api', 'Access', 'Events', 'Observability']],
  ['single-table', CONTEXTS['single-table'], ['Data', 'Access', 'Events', 'Observability']],
  // An API of another region is that of the home region; test/synth/regions.test.ts says what differs.
  ['everything', CONTEXTS.everything, ['Keys', 'Keys-us-east-1', 'Data', 'Cache', 'Access', 'Observability', 'Observability-us-east-1']],
];

describe.each(SHOWN)('the templates of %s', (_config, context, shownStacks) => {
  const stacks = stacksOf(context);
  test.each(shownStacks)('%s is what was reviewed', (stack) => {
    expect(shown(stack, stacks[stack])).toMatchSnapshot();
  });
});

/** The functions of an API by their names. */
const functionsOf = (context: Context) => new Map(byFunction(stacksOf(context).Api).functions.map(({ name, lines }) => [name, lines]));

// What a function has more or less than the same one of per-domain, where that is given the same tables.
test.each([
  ['single-table', CONTEXTS['single-table'], /store-dev-(Users|Products|Orders)/g, 'store-dev-Store'],
  ['everything', CONTEXTS.everything, /us-east-1/g, 'eu-west-1'],
] as const)('the functions of %s are those of per-domain, but for this', (_config, context, name, changed) => {
  const before = functionsOf(CONTEXTS['per-domain']);
  const after = [...functionsOf(context)];
  expect(after.map(([flow]) => flow)).toEqual([...before.keys()]);
  const differences = after.map(([flow, lines]) => [flow, difference(before.get(flow)!.map((line) => line.replaceAll(name, changed)), lines)] as const);
  // The same in all of them once, and then what is in some.
  const [, [, first]] = differences as [unknown, (typeof differences)[number]];
  const inAll = first.filter((line) => differences.every(([, these]) => these.includes(line)));
  const own = differences.flatMap(([flow, these]) => these.filter((line) => !inAll.includes(line)).map((line) => `${flow} ${line}`));
  expect([...inAll, ...own].join('\n')).toMatchSnapshot();
});

test.each(LAYOUTS)('every function of %s has what the others have: a role, a log group, a policy, a route, an integration, a permission', (layout) => {
  const { functions } = byFunction(stacksOf(CONTEXTS[layout]).Api);
  expect(functions.length).toBeGreaterThan(30);
  expect(new Set(functions.map(({ ids }) => ids.length))).toEqual(new Set([7]));
});
