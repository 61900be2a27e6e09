import { make } from 'covertable';
import { assemblyFindings } from '../../tools/plan/assembly-findings';
import { isComplete, testCompletely } from '../support/complete';
import { type Context, CONTEXTS } from '../support/contexts';
import { schemaFindings } from '../support/schema';
import { messagesOf, synthesized } from '../support/stacks';
import { synthesizeAll } from '../support/synthesize-once';
import type { Template } from '../support/templates';
import { findingsOf } from '../support/validator';

/** Everything that is off by default. */
const OPTIONS = { dax: 'true', kinesis: 'true', mailFrom: 'store@example.com', alarmEmail: 'ops@example.com', warmWriteUnits: '4000' };

/** What may be combined with what. */
const FACTORS = {
  regions: ['us-east-1', 'us-east-1,eu-west-1,ap-southeast-1'],
  layout: ['per-domain', 'single-table'],
  capacity: ['on-demand', 'provisioned'],
  encryption: ['aws-owned', 'aws-managed', 'customer'],
  removal: ['retain', 'destroy'],
};

/** An option that is off is not there. */
const withOptions = ({ options, ...values }: Record<string, string>): Context =>
  Object.fromEntries(Object.entries({ ...values, ...(options === 'on' && OPTIONS) }).filter(([, value]) => value !== 'off'));

/** All combinations, and as many as it takes for every pair of values with each option by itself; `npm test` looks at what the suites share. */
const combinations: readonly Context[] = isComplete
  ? [
      ...make({ ...FACTORS, options: ['on', 'off'] }, { length: 6 }),
      ...make({ ...FACTORS, ...Object.fromEntries(Object.entries(OPTIONS).map(([key, on]) => [key, [on, 'off']])) }, { length: 2 }),
    ].map((values) => withOptions(values as Record<string, string>))
  : Object.values(CONTEXTS);

test('the combinations hold every value, and in the complete run every combination', () => {
  const seen = (key: string) => new Set(combinations.map((context) => context[key]));
  for (const [key, values] of Object.entries(FACTORS)) expect([...seen(key)]).toEqual(expect.arrayContaining(values.slice(1)));
  for (const key of Object.keys(OPTIONS)) expect([key, seen(key).has(undefined), seen(key).size > 1]).toEqual([key, true, true]);
  expect(new Set(combinations.map((context) => JSON.stringify(context))).size).toBeGreaterThanOrEqual(isComplete ? 2 * 2 * 2 * 3 * 2 * 2 : 10);
});

/** A template of some combination, for the validator: most combinations share most of them. */
interface Synthesized {
  region: string;
  template: Template;
}

describe('the templates of each combination', () => {
  /** By their contents. */
  const templates = new Map<string, Synthesized>();
  beforeAll(() => synthesizeAll(combinations), 600_000);

  test.each(combinations)('with %j there is no warning but of what a cache costs, and no finding of the schemas and the plan', (context) => {
    // A cluster costs money at rest, and the synth says so; it says nothing else.
    const cost = [expect.stringMatching(/^warning: The DAX cluster costs about /)].slice('dax' in context ? 0 : 1);
    expect(messagesOf(context).map(({ level, text }) => `${level}: ${text}`)).toEqual(cost);
    const stacks = synthesized(context);
    expect(assemblyFindings(stacks)).toEqual([]);
    for (const { id, template, region } of stacks) {
      const contents = `${id} ${JSON.stringify(template)}`;
      if (templates.has(contents)) continue;
      expect(schemaFindings(template).map((finding) => `${id}: ${finding}`)).toEqual([]);
      templates.set(contents, { region, template });
    }
  });

  // Of what the suites share, test/synth/rules.test.ts asks it.
  testCompletely('the validator finds nothing, by all its rules and ours', () => {
    expect(templates.size).toBeGreaterThan(combinations.length);
    for (const region of new Set([...templates.values()].map((entry) => entry.region))) {
      const here = [...templates].filter(([, entry]) => entry.region === region);
      const found = findingsOf(Object.fromEntries(here.map(([contents, { template }]) => [contents, template])), { region });
      expect(Object.values(found).flat()).toEqual([]);
      expect(Object.keys(found)).toHaveLength(here.length);
    }
  }, 600_000);
});
