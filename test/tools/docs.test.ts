import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { EMULATED, PARTLY } from '../../local/inventory';
import { documents, withParts } from '../../tools/docs';
import { CONTEXTS } from '../support/contexts';
import { stacksOf } from '../support/stacks';
import { PROJECT } from '../support/synthesize-once';

test.each(documents().map((file) => relative(PROJECT, file)))('the generated parts of %s are as the code has them: npm run docs', (file) => {
  const text = readFileSync(join(PROJECT, file), 'utf8');
  const [now, then] = [text, withParts(text)].map((document) => document.split('\n'));
  expect(now!.filter((line) => !then!.includes(line))).toEqual([]);
  expect(then!.filter((line) => !now!.includes(line))).toEqual([]);
});

test('a part of an unknown name is an error that lists the known ones', () => {
  expect(() => withParts('<!-- generated: nothing -->\n<!-- end -->')).toThrow("There is no part 'nothing'; known: resource types, operations, faults, endpoints.");
});

test.each(Object.entries(CONTEXTS))('each resource type in the templates of %s is listed as running or not', (_name, context) => {
  const types = Object.values(stacksOf(context)).flatMap(({ Resources }) => Object.values(Resources).map(({ Type }) => Type));
  const listed = new Set([...EMULATED, ...Object.keys(PARTLY)]);
  expect([...new Set(types)].filter((type) => !listed.has(type))).toEqual([]);
});

test('each difference from AWS names a test file', () => {
  const [, differences = ''] = readFileSync(join(PROJECT, 'docs/local-platform.md'), 'utf8').split('## Different from AWS');
  const named = [...differences.matchAll(/\| `(test\/[^`]+)` \|$/gm)].map(([, file = '']) => file);
  expect(named).toHaveLength(differences.split('\n').filter((line) => line.startsWith('| ')).length - 2);
  expect(named.filter((file) => !existsSync(join(PROJECT, file)))).toEqual([]);
});
