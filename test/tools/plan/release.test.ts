import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readStacks } from '../../../tools/plan/assembly';
import { baselineText, readRelease, releaseOf } from '../../../tools/plan/release';
import { compareReleases } from '../../../tools/plan/resource-changes';
import { isStateful } from '../../../tools/plan/stateful';
import { assemblyOf, PROJECT } from '../../support/synthesize-once';
import { storeStacks } from './releases';

const folder = mkdtempSync(join(tmpdir(), 'plan-release-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BASELINE = join(PROJECT, 'tools/plan/baseline.json');
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

describe('the committed baseline', () => {
  test('may be followed by what the sources give now', () => {
    expect(compareReleases(readRelease(BASELINE, []), releaseOf(storeStacks())).findings).toEqual([]);
  });

  test('is as --release writes it', () => {
    expect(baselineText(readRelease(BASELINE, []))).toBe(readFileSync(BASELINE, 'utf8'));
  });
});

test('a baseline file holds stacks and stateful resources, whatever their order', () => {
  const stacks = storeStacks();
  const text = baselineText(releaseOf(stacks));
  for (const { template } of stacks) template.Resources = Object.fromEntries(Object.entries(template.Resources ?? {}).toReversed());
  expect(baselineText(releaseOf(stacks.toReversed()))).toBe(text);
  expect(readRelease(file('own.json', text), [])).toEqual(releaseOf(storeStacks()));
  expect(text.match(/AWS::Lambda::Function|aws:cdk:path/g)).toBeNull();
  expect(JSON.parse(text)).toMatchObject({ stacks: { Data: { stackName: 'store-dev-data', region: 'us-east-1' } } });
});

test('asset hashes are no difference', () => {
  const [stack] = storeStacks();
  const withCode = (hash: string) => ({ ...stack!, template: { Resources: { B: { Type: 'AWS::S3::Bucket', Properties: { Tag: `x/${hash.repeat(64)}.zip` } } } } });
  expect(releaseOf([withCode('a')])).toEqual(releaseOf([withCode('b')]));
});

test('what is stateful: the specification, without logs, and what is an identity', () => {
  const types = ['AWS::DynamoDB::GlobalTable', 'AWS::S3::Bucket', 'AWS::Events::Archive', 'AWS::Logs::LogGroup', 'AWS::Lambda::Function'];
  expect(types.filter(isStateful)).toEqual(['AWS::DynamoDB::GlobalTable', 'AWS::S3::Bucket', 'AWS::Events::Archive']);
});

test.each<[string, object]>([
  ['GlobalSecondaryIndexes', { GlobalSecondaryIndexes: 'two' }],
  ['GlobalSecondaryIndexes', { GlobalSecondaryIndexes: { 'Fn::If': ['A', [], []] } }],
  ['GlobalSecondaryIndexes.0', { GlobalSecondaryIndexes: [null] }],
  ['Replicas', { Replicas: {} }],
  ['KeySchema', { KeySchema: 'x' }],
  ['AttributeDefinitions', { AttributeDefinitions: null }],
  ['TimeToLiveSpecification', { TimeToLiveSpecification: null }],
])('a table whose %s cannot be compared is named', (path, Properties) => {
  const resources = { T: { Type: 'AWS::DynamoDB::GlobalTable', Properties } };
  const text = JSON.stringify({ stacks: { Data: { stackName: 'data', region: 'us-east-1', resources } } });
  expect(() => readRelease(file('misshapen.json', text), [])).toThrow(new RegExp(`^The table T of data cannot be compared: ${path}: `));
  const [stack] = storeStacks();
  expect(() => releaseOf([{ ...stack!, template: { Resources: resources as never } }])).toThrow(`The table T of ${stack!.name} cannot be compared: ${path}: `);
});

test('a baseline of no stack is none', () => {
  expect(() => readRelease(file('of-none.json', '{"stacks":{}}'), [])).toThrow(/of-none\.json is of no stack\. Write it from what is deployed/);
});

test.each(['null', '{"Resources":null}', '{"Resources":{"A":null}}', '[]'])('an assembly whose template is %s cannot be read', (content) => {
  const copy = mkdtempSync(join(folder, 'assembly-'));
  for (const name of readdirSync(assemblyOf('per-domain')).filter((name) => name.endsWith('.json'))) cpSync(join(assemblyOf('per-domain'), name), join(copy, name));
  writeFileSync(join(copy, 'Data.template.json'), content);
  expect(() => readStacks(copy)).toThrow(/^The cloud assembly .* cannot be read: Data\.template\.json is no template/);
});

describe('other forms of a baseline', () => {
  const now = storeStacks();
  const DATA = join(assemblyOf('per-domain'), 'Data.template.json');

  test('the folder of an assembly', () => {
    expect(readRelease(assemblyOf('per-domain'), now)).toEqual(releaseOf(now));
  });

  test('a template, by its file name', () => {
    const { stacks } = readRelease(DATA, now);
    expect(stacks).toEqual({ Data: releaseOf(now).stacks.Data });
    // Even one that shares nothing with it.
    const before = file('Data.template.json', JSON.stringify({ Resources: { X: { Type: 'AWS::S3::Bucket' } } }));
    expect(Object.keys(readRelease(before, now).stacks)).toEqual(['Data']);
  });

  test('a template of another name: the stack with the most of its logical ids', () => {
    for (const { id, template } of now) {
      expect(Object.keys(readRelease(file('deployed.json', JSON.stringify(template)), now).stacks)).toEqual([id]);
    }
  });

  test('a template of none of the stacks is refused', () => {
    const other = file('other.json', JSON.stringify({ Resources: { X: { Type: 'AWS::S3::Bucket' } } }));
    expect(() => readRelease(other, now)).toThrow(/other\.json shares no logical id with a stack of the app \(.*Data.*\)/);
  });

  test.each([
    ['nothing', '', /cannot be read as JSON/],
    ['no JSON', 'Resources:\n  X: 1', /cannot be read as JSON/],
    ['another object', '{}', /is no baseline: Resources: /],
    ['a list', '[]', /is no baseline/],
    ['a broken one of ours', '{"stacks":{"Data":{"region":"r","resources":{}}}}', /is no baseline: stacks\.Data\.stackName: /],
    ['a resource without a type', '{"Resources":{"X":{}}}', /is no baseline: Resources\.X\.Type: /],
  ])('%s is refused in one line', (_what, content, message) => {
    const path = file('wrong.json', content);
    expect(() => readRelease(path, now)).toThrow(message);
    expect(() => readRelease(path, now)).toThrow(/^[^\n]*wrong\.json[^\n]*--release wrote[^\n]*$/);
  });

  test('no file, and a folder that is no assembly', () => {
    expect(() => readRelease(join(folder, 'none.json'), now)).toThrow(/^There is no baseline .*none\.json\. .* --release --baseline .*none\.json$/);
    mkdirSync(join(folder, 'empty'));
    expect(() => readRelease(join(folder, 'empty'), now)).toThrow(/^.*empty is no cloud assembly: it has no manifest\.json\. Make one: npx cdk synth /);
  });

  test('an assembly whose files are broken', () => {
    const copy = join(folder, 'broken');
    mkdirSync(copy);
    for (const name of readdirSync(assemblyOf('per-domain'))) {
      if (name.endsWith('.json')) cpSync(join(assemblyOf('per-domain'), name), join(copy, name));
    }
    expect(readStacks(copy).map(({ id }) => id)).toContain('Data');
    writeFileSync(join(copy, 'Data.template.json'), '{');
    expect(() => readStacks(copy)).toThrow(/^The cloud assembly .*broken cannot be read: [^\n]+$/);
    writeFileSync(join(copy, 'manifest.json'), '{');
    expect(() => readStacks(copy)).toThrow(/^The cloud assembly .*broken cannot be read: [^\n]+$/);
  });
});
