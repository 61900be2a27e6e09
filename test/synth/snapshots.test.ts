import { alarmsIn, dashboardIn, rowsOf, shownIn } from '../support/observability';
import { Stacks } from '../support/stacks';
import { LAYOUTS } from '../support/synthesize-once';
import { normalised, STACKS, type Template, templateOf } from '../support/templates';

// Shows every change of a template, so that a review sees it. What must not change is asserted in the other suites here.

/** Alarms and graphs are many and alike, so a line of each is what a person can read. */
function lines(template: Template): unknown {
  const others = Object.entries(template.Resources).filter(([, { Type }]) => !Type.startsWith('AWS::CloudWatch::'));
  const { name, widgets } = dashboardIn(template);
  return {
    alarms: alarmsIn(template).map(({ name: alarm, watches, raised }) => `${alarm}: ${watches}, ${raised}`),
    [`dashboard ${name}`]: [...rowsOf(widgets)].flatMap(([row, graphs]) => [
      `## ${row}`,
      ...graphs.map((graph) => `${graph.properties.title}: ${graph.properties.alarms ? `${graph.properties.alarms.length} alarms` : shownIn(graph).join(', ')}`),
    ]),
    ...(others.length > 0 && { others: normalised({ Resources: Object.fromEntries(others) }) }),
  };
}

const readable = (stack: string, template: Template) => (stack.startsWith('Observability') ? lines(template) : normalised(template));

describe.each(LAYOUTS)('the templates of %s', (layout) => {
  test.each(STACKS)('%s', (stack) => {
    expect(readable(stack, templateOf(layout, stack))).toMatchSnapshot();
  });
});

describe('the templates that more regions, capacity, keys, a cache and alarms make', () => {
  const synth = new Stacks();
  const stacks = synth.of({ regions: 'us-east-1,eu-west-1', capacity: 'provisioned', encryption: 'customer', kinesis: 'true', alarmEmail: 'ops@example.com', dax: 'true', daxNodes: 3 });
  afterAll(() => synth.remove());

  // An API of another region is that of the home region; test/synth/regions.test.ts says what differs.
  test.each(['Keys', 'Keys-eu-west-1', 'Data', 'Cache', 'Access', 'Observability', 'Observability-eu-west-1'] as const)('%s', (stack) => {
    expect(readable(stack, stacks[stack])).toMatchSnapshot();
  });
});
