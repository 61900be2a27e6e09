import { make } from 'covertable';
import { assemblyFindings } from '../../tools/plan/assembly-findings';
import { capturedOutput } from '../support/captured-output';
import { isComplete } from '../support/complete';
import { schemaFindings } from '../support/schema';
import { Stacks } from '../support/stacks';
import type { Template } from '../support/templates';
import { findingsOf } from '../support/validator';

/** Everything that is off by default. */
const OPTIONS = { dax: 'true', kinesis: 'true', alarmEmail: 'ops@example.com', warmWriteUnits: '4000' };

/** What may be combined with what. */
const FACTORS = {
  regions: ['us-east-1', 'us-east-1,eu-west-1,ap-southeast-1'],
  layout: ['per-domain', 'single-table'],
  capacity: ['on-demand', 'provisioned'],
  encryption: ['aws-owned', 'aws-managed', 'customer'],
  removal: ['retain', 'destroy'],
};

type Context = Record<string, string>;

/** An option that is off is not there. */
const withOptions = ({ options, ...values }: Context): Context =>
  Object.fromEntries(Object.entries({ ...values, ...(options === 'on' && OPTIONS) }).filter(([, value]) => value !== 'off'));

/** All combinations in the complete run; else as many as it takes for every pair of values, each option by itself. */
const combinations = isComplete
  ? make({ ...FACTORS, options: ['on', 'off'] }, { length: 6 }).map(withOptions)
  : make({ ...FACTORS, ...Object.fromEntries(Object.entries(OPTIONS).map(([key, on]) => [key, [on, 'off']])) }, { length: 2 }).map((values) =>
      withOptions(values as Context),
    );

test(`the ${combinations.length} combinations are ${isComplete ? 'all' : 'those that hold every pair'}`, () => {
  const seen = (key: string) => new Set(combinations.map((context) => context[key]));
  for (const [key, values] of Object.entries(FACTORS)) expect([...seen(key)].sort()).toEqual([...values].sort());
  for (const [key, value] of Object.entries(OPTIONS)) expect(seen(key)).toEqual(new Set([value, undefined]));
  expect(new Set(combinations.map((context) => JSON.stringify(context))).size).toBe(combinations.length);
  expect(combinations.length === 2 * 2 * 2 * 3 * 2 * 2).toBe(isComplete);
});

/** A template of some combination, for the validator: most combinations share most of them. */
interface Synthesized {
  region: string;
  template: Template;
}

describe('each synthesizes without a warning but of what a cache costs, and its templates pass every rule and another reader of the schemas', () => {
  const synth = new Stacks();
  const printed = capturedOutput();
  /** By their contents. */
  const templates = new Map<string, Synthesized>();
  afterAll(() => synth.remove());

  test.each(combinations)('%j', (context) => {
    const { stacks } = synth.app(context).synth();
    // A cluster costs money at rest, and the synth says so; it says nothing else.
    const cost = [expect.stringMatching(/The DAX cluster costs about 29\.20 dollars a month/)].slice(context.dax === 'true' ? 0 : 1);
    expect(printed()).toEqual(cost);
    expect(stacks.flatMap(({ messages }) => messages).map(({ level, entry: { data } }) => `${level}: ${String(data)}`)).toEqual(cost);
    const planned = stacks.map(({ id, stackName: name, template, environment: { region } }) => ({ id, name, region, template: template as Template }));
    expect(assemblyFindings(planned)).toEqual([]);
    for (const { id, template, region } of planned) {
      const contents = `${id} ${JSON.stringify(template)}`;
      if (templates.has(contents)) continue;
      expect(schemaFindings(template).map((finding) => `${id}: ${finding}`)).toEqual([]);
      templates.set(contents, { region, template });
    }
  });

  test('the validator, with all its rules and ours', () => {
    expect(templates.size).toBeGreaterThan(combinations.length);
    for (const region of new Set([...templates.values()].map((entry) => entry.region))) {
      const here = [...templates].filter(([, entry]) => entry.region === region);
      const found = findingsOf(Object.fromEntries(here.map(([contents, { template }]) => [contents, template])), { region });
      expect(Object.values(found).flat()).toEqual([]);
      expect(Object.keys(found)).toHaveLength(here.length);
    }
  }, 600_000);
});
