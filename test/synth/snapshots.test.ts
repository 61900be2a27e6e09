import { LAYOUTS } from '../support/synthesize-once';
import { normalised, STACKS, templateOf } from '../support/templates';

/** Shows every change of a template, so that a review sees it. What must not change is asserted in the other suites here. */
describe.each(LAYOUTS)('the templates of %s', (layout) => {
  test.each(STACKS)('%s', (stack) => {
    expect(normalised(templateOf(layout, stack))).toMatchSnapshot();
  });
});
