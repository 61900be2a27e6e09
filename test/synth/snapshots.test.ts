import { Stacks } from '../support/stacks';
import { LAYOUTS } from '../support/synthesize-once';
import { normalised, STACKS, templateOf } from '../support/templates';

// Shows every change of a template, so that a review sees it. What must not change is asserted in the other suites here.

describe.each(LAYOUTS)('the templates of %s', (layout) => {
  test.each(STACKS)('%s', (stack) => {
    expect(normalised(templateOf(layout, stack))).toMatchSnapshot();
  });
});

describe('the templates that more regions, capacity, keys, a cache and alarms make', () => {
  const synth = new Stacks();
  const stacks = synth.of({ regions: 'us-east-1,eu-west-1', capacity: 'provisioned', encryption: 'customer', kinesis: 'true', alarmEmail: 'ops@example.com', dax: 'true', daxNodes: 3 });
  afterAll(() => synth.remove());

  // An API of another region is that of the home region; test/synth/regions.test.ts says what differs.
  test.each(['Keys', 'Keys-eu-west-1', 'Data', 'Cache', 'Access', 'Observability'] as const)('%s', (stack) => {
    expect(normalised(stacks[stack])).toMatchSnapshot();
  });
});
