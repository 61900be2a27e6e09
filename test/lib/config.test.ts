import { App } from 'aws-cdk-lib';
import { readConfig } from '../../lib/config';
import { EFFECTS, type Effect } from '../../lib/triggers';

const read = (context: Record<string, unknown>) => readConfig(new App({ context }).node);

test.each([
  ['layout', 'two-tables', 'per-domain | single-table'],
  ['layout', '', 'per-domain | single-table'],
  ['removal', 'keep', 'retain | destroy'],
  ['encryption', 'none', 'aws-owned | aws-managed | customer'],
  ['streamView', 'ALL', 'NEW_AND_OLD_IMAGES | NEW_IMAGE | OLD_IMAGE | KEYS_ONLY'],
  ['capacity', 'provisioned', 'on-demand'],
  ['statusShards', '0', 'a whole number from 1 to 100'],
  ['statusShards', '1.5', 'a whole number from 1 to 100'],
  ['statusShards', 'four', 'a whole number from 1 to 100'],
  ['stage', 'Prod!', '1 to 16 of a-z 0-9 -, beginning with a letter'],
  ['regions', 'europe', 'the name of one AWS region'],
  ['regions', 'us-east-1,eu-west-1', 'the name of one AWS region'],
  ['kinesis', 'yes', 'true | false'],
  ['mailFrom', 'store', 'an e-mail address'],
])('config %s=%j is refused, saying what is allowed', (key, value, allowed) => {
  expect(() => read({ [key]: value })).toThrow(`Config '${key}' is ${JSON.stringify(value)}; allowed: ${allowed}. Example: -c ${key}=`);
});

test.each(['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE'])('a stream of %s is refused, naming the effects that cannot work with it', (streamView) => {
  const without = (EFFECTS as readonly Effect[]).filter(({ view }) => view !== streamView).map(({ name, view }) => `${name} needs ${view}`);
  expect(without.length).toBeGreaterThan(0);
  expect(() => read({ streamView })).toThrow(
    `Config 'streamView' is "${streamView}"; allowed: a view that every effect can work with (${without.join(', ')}). Example: -c streamView=NEW_AND_OLD_IMAGES`,
  );
});
