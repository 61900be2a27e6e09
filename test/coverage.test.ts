import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from '@swc/core';
import { PROJECT } from './support/synthesize-once';

/** docs/coverage.md: a row for each concept, with the file that shows it and the tests that prove it. */
const [shown = '', notShown = ''] = readFileSync(join(PROJECT, 'docs/coverage.md'), 'utf8').split('\n## Not shown\n');

/** The cells of all rows, without the heads of the tables. */
const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (---|concept|what) /.test(line))
    .map((line) => line.slice(2, -2).split(' | '));

const ROWS = rowsOf(shown);
const CONCEPTS = ROWS.map(([concept = '']) => concept);

/** What this reference is there to show: a row may be worded better, but none of these may go. */
const DEMANDED = [
  ['Partition key', 'Sort key', 'Composite sort key', 'Item collection', 'Single-table design'],
  ['String (S)', 'Number (N)', 'Binary (B)', 'Boolean (BOOL)', 'Null (NULL)', 'List (L)', 'Map (M)', 'String set (SS)', 'Number set (NS)', 'Binary set (BS)'],
  ['Global secondary index (GSI)', 'Local secondary index (LSI)', 'GSI and LSI compared', 'Sparse index', 'Overloaded index'],
  ['Projection ALL', 'Projection INCLUDE', 'Projection KEYS_ONLY'],
  ['On-demand mode', 'Provisioned mode', 'Auto-scaling', 'Warm throughput', 'Contributor insights'],
  ['Stream', 'View NEW_AND_OLD_IMAGES', 'View NEW_IMAGE', 'View OLD_IMAGE', 'View KEYS_ONLY', 'Trigger', 'Kinesis destination', 'Outbox by the stream', 'Redrive'],
  ['CRUD', 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'Parallel Scan', 'Pagination'],
  ['Condition expression', 'Update expression', 'Return values', 'Optimistic locking', 'Uniqueness constraint'],
  ['Strongly consistent read', 'Eventually consistent read'],
  ['BatchGetItem', 'BatchWriteItem', 'TransactWriteItems', 'Idempotency token'],
  ['PartiQL SELECT', 'PartiQL INSERT', 'PartiQL UPDATE', 'PartiQL DELETE'],
  ['TTL', 'Write sharding', 'Hot counter', 'Vertical partitioning'],
  ['DAX client', 'Item cache', 'Query cache', 'Write-through', 'Write-around', 'Negative entry', 'DAX cluster'],
  ['Global table', 'Writes pinned to a home region'],
  ['Encryption with DynamoDB\'s key', 'Encryption with an AWS managed key', 'Encryption with a customer\'s key', 'IAM by action', 'Fine-grained access (LeadingKeys)'],
  ['Exponential backoff', 'Throttling', 'Item of 400 KB'],
  ['Point-in-time recovery', 'Deletion protection', 'Alarms', 'Dashboard', 'Log lines', 'Consumed capacity'],
].flat();

const CALLS = ['describe', 'describeCompletely', 'test', 'testCompletely'];

const known = new Map<string, Set<string>>();

/** The titles of a test file's suites and tests; those of tables as they are written, with their `%s`. */
function titlesIn(file: string): Set<string> {
  const titles = known.get(file) ?? new Set<string>();
  if (known.has(file)) return titles;
  known.set(file, titles);
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, callee, arguments: given } = node as { type?: string; callee?: Callee; arguments?: { expression: { type: string; value?: string } }[] };
    const title = given?.[0]?.expression;
    if (type === 'CallExpression' && title?.type === 'StringLiteral' && CALLS.includes(calledIn(callee))) titles.add(title.value as string);
    Object.values(node).forEach(visit);
  };
  visit(parseSync(readFileSync(join(PROJECT, file), 'utf8'), { syntax: 'typescript' }));
  return titles;
}

/** What is called: `test` of `test('title', ...)` and of `test.each(cases)('title', ...)`. */
const calledIn = ({ value, object, callee }: Callee = {}): string => value ?? (object || callee ? calledIn(object ?? callee) : '');

interface Callee {
  value?: string;
  object?: Callee;
  callee?: Callee;
}

test.each(ROWS)('the row of %s names files and tests that there are', (_concept, here, files = '', tests = '', ...more) => {
  expect([here, more]).toEqual([expect.stringMatching(/\S/), []]);
  for (const file of files.split(', ')) {
    const [, text, path = ''] = /^\[([^\]]+)\]\(\.\.\/([^)]+)\)$/.exec(file) ?? [];
    expect([file, text, existsSync(join(PROJECT, path))]).toEqual([file, path, true]);
  }
  for (const proof of tests.split('<br>')) {
    const [, text = '', path = '', title = ''] = /^\[([^\]]+)\]\(\.\.\/([^)]+)\): `([^`]+)`$/.exec(proof) ?? [];
    expect([proof, path]).toEqual([proof, `test/${text}.test.ts`]);
    expect([path, titlesIn(path).has(title) ? title : `nothing is named so: ${title}`]).toEqual([path, title]);
  }
});

test('each concept is named once', () => {
  const names = [...CONCEPTS, ...rowsOf(notShown).map(([what = '']) => what)].map((name) => name.toLowerCase());
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test('what this reference is there to show is shown', () => {
  expect(DEMANDED.filter((concept) => !CONCEPTS.includes(concept))).toEqual([]);
});

test('what is not shown has a reason', () => {
  const rows = rowsOf(notShown);
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) expect(row).toEqual([expect.stringMatching(/\S/), expect.stringMatching(/\S/)]);
});

test('docs/testing.md names the commands that run each layer', () => {
  const suites = readdirSync(join(PROJECT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => `test/${file.replaceAll('\\', '/')}`);
  const isInBoth = (file: string) => /from '.*support\/complete'/.test(readFileSync(join(PROJECT, file), 'utf8'));
  /** `test/a/{b,c}.test.ts` as two paths. */
  const expanded = (path: string) => {
    const [, before = '', names = '', after = ''] = /^(.*)\{(.*)\}(.*)$/.exec(path) ?? [];
    return names ? names.split(',').map((name) => `${before}${name}${after}`) : [path];
  };
  const layers = rowsOf(readFileSync(join(PROJECT, 'docs/testing.md'), 'utf8')).filter((row) => row.length === 5 && row[0] !== 'layer');
  const found = layers.map(([layer, where = '']) => {
    const paths = [...where.matchAll(/`(test\/[^`]*)`/g)].flatMap(([, path = '']) => expanded(path));
    const files = paths.map((path) => [path, suites.filter((suite) => suite === path || suite.startsWith(`${path}/`))] as const);
    expect(files.filter(([, those]) => those.length === 0)).toEqual([]);
    return [layer, files.flatMap(([, those]) => those).some(isInBoth) ? '`test`, `test:complete`' : '`test`'];
  });
  expect(layers.map(([layer, , command]) => [layer, command])).toEqual(found);
});
