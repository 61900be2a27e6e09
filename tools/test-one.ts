import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type Flow, FLOWS } from '../lib/flows';
import RunReporter from '../test/support/run-reporter';

/**
 * Runs the tests that a change of one file needs, in less than 20 seconds: `npm run test:one -- lambda/orders/place-order.ts`.
 * `npm test` has the others. docs/testing.md says which are chosen.
 */
const PROJECT = resolve(__dirname, '..');

/** Of the suites' own time, in milliseconds: jest starts in two seconds, and runs two suites at once. */
const BUDGET_MS = 20_000;

/** What is taken for one that has not run yet. */
const UNKNOWN_MS = 3_000;

/** By the path of a file, the suites that are about it, the most important one first. */
const SUITES: [path: RegExp, suites: string[]][] = [
  [/^(test\/.*\.test\.ts)$/, ['$1']],
  [/^lambda\/model\//, ['test/model/keys', 'test/lib/model-table', 'test/lib/replica', 'test/synth/snapshots', 'test/lambda/collections', 'test/lambda/indexes']],
  [/^lambda\/triggers\/([\w-]+)\.ts$/, ['test/lambda/triggers/$1', 'test/lib/triggers', 'test/lambda/triggers/effects', 'test/lambda/triggers/dispatcher', 'test/flows/triggers']],
  [/^lambda\/shared\/([\w-]+)\.ts$/, ['test/lambda/$1', 'test/lambda/shared', 'test/lambda/faults']],
  [/^lambda\/(orders|products|users)\//, ['test/flows/$1']],
  [/^lambda\/(?!model|triggers|shared)\w+\//, ['test/lib/flows']],
  [/^lib\/(flows|triggers|config|consistency)\.ts$/, ['test/lib/$1', 'test/lib/config', 'test/synth/api', 'test/synth/events', 'test/synth/snapshots', 'test/readme']],
  [/^lib\/stacks\/(\w+)\.ts$/, ['test/synth/$1', 'test/synth/snapshots', 'test/synth/stateful', 'test/synth/schema', 'test/synth/regions']],
  [/^lib\/(alarms\/|dashboard)/, ['test/synth/observability', 'test/synth/snapshots']],
  [/^lib\/(rules\/|rules\.ts)/, ['test/synth/rules']],
  [/^lib\/bundle/, ['test/lib/bundle']],
  [/^(lib|bin|cdk\.json)/, ['test/synth/snapshots', 'test/synth/api', 'test/synth/data', 'test/synth/events', 'test/synth/stateful']],
  [/^local\/(?:[\w-]+\/)*([\w-]+)\.ts$/, ['test/local/$1', 'test/local/streams/$1', 'test/local/services/$1']],
  [/^tools\/(\w+)\/([\w-]+)\.ts$/, ['test/tools/$1/$2', 'test/tools/$1/$1', 'test/tools/$1']],
  [/^tools\/(\w+)\.ts$/, ['test/tools/$1/$1', 'test/tools/$1']],
  [/\.md$/, ['test/readme', 'test/coverage']],
  [/^package(-lock)?\.json$/, ['test/tools/complete-lock', 'test/readme']],
];

/** Suites that have a row for each flow, named as it is. */
const BY_NAME = ['test/lambda/crashes', 'test/lambda/lines', 'test/lambda/dax/flows'];

const testFiles = readdirSync(join(PROJECT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => `test/${file.replaceAll('\\', '/')}`)
  .sort();
const textOf = (file: string) => readFileSync(join(PROJECT, file), 'utf8');

/** The suites that the table names, for each row that a path is of. */
function named(path: string): string[] {
  return SUITES.flatMap(([pattern, suites]) => {
    const found = pattern.exec(path);
    return found ? suites.map((suite) => suite.replace('$1', found[1] ?? '').replace('$2', found[2] ?? '')) : [];
  }).map((suite) => (suite.endsWith('.test.ts') ? suite : `${suite}.test.ts`));
}

/** Those that import it themselves. */
function importing(path: string): string[] {
  const imports = (file: string) => [...textOf(file).matchAll(/(?:from|import|require\() ?'([^']+)'/g)].map(([, from = '']) => from);
  const target = path.replace(/\.ts$/, '');
  const resolved = (file: string, from: string) =>
    from.startsWith('.') ? relative(PROJECT, resolve(PROJECT, dirname(file), from)).replaceAll('\\', '/') : from.replace(/^#(model|shared)\//, 'lambda/$1/');
  return testFiles.filter((file) => imports(file).some((from) => resolved(file, from) === target));
}

/** Those of the flows that call a route. */
function calling({ route }: Flow): string[] {
  const path = (route.split(' ')[1] as string).replace(/\{\w+\}/g, '(?:\\$\\{[^}]*\\}|[^/\'"`\\s?$]+)');
  const call = new RegExp(`['"\`]${path}(?=['"\`?])`);
  return testFiles.filter((file) => file.startsWith('test/flows/') && call.test(textOf(file)));
}

/** As many as their time allows, in their order; the first one in any case. */
function within(budgetMs: number, suites: readonly string[]): { chosen: string[]; left: string[] } {
  const times = RunReporter.readTimes();
  const [chosen, left]: [string[], string[]] = [[], []];
  let sum = 0;
  for (const suite of suites) {
    const ms = times[suite] ?? UNKNOWN_MS;
    if (chosen.length > 0 && sum + ms > budgetMs) left.push(suite);
    else {
      chosen.push(suite);
      sum += ms;
    }
  }
  return { chosen, left };
}

function jest(...args: string[]): boolean {
  const { status } = spawnSync(process.execPath, [join(PROJECT, 'node_modules/jest/bin/jest.js'), ...args], { cwd: PROJECT, stdio: 'inherit' });
  return status === 0;
}

function main(paths: readonly string[]): number {
  if (paths.length === 0) {
    console.error('Of which file? npm run test:one -- lambda/orders/place-order.ts');
    return 1;
  }
  const missing = paths.find((path) => !existsSync(resolve(PROJECT, path)));
  if (missing !== undefined) {
    console.error(`There is no file ${missing}.`);
    return 1;
  }
  const files = paths.map((path) => relative(PROJECT, resolve(PROJECT, path)).replaceAll('\\', '/'));
  const flows = (FLOWS as readonly Flow[]).filter(({ entry }) => files.includes(`lambda/${entry}.ts`));
  const byName = flows.length > 0 ? BY_NAME.map((suite) => `${suite}.test.ts`) : [];
  const times = RunReporter.readTimes();
  // What the table names in its order, then the others, the quick ones first.
  const others = [...files.flatMap(importing), ...flows.flatMap(calling)].sort((a, b) => (times[a] ?? UNKNOWN_MS) - (times[b] ?? UNKNOWN_MS));
  const suites = [...new Set([...files.flatMap(named), ...others])].filter((suite) => testFiles.includes(suite) && !byName.includes(suite));
  if (suites.length === 0) {
    console.log('No suite is about it by itself; those that depend on it:');
    return jest('--findRelatedTests', ...files) ? 0 : 1;
  }
  const { chosen, left } = within(BUDGET_MS, suites);
  const results = [jest('--runTestsByPath', ...chosen)];
  if (byName.length > 0) results.push(jest('--runTestsByPath', ...byName, '--testNamePattern', `(^| )(${flows.map(({ name }) => name).join('|')})( |$)`));
  if (left.length > 0) console.log(`Left to npm test, since they take longer: ${left.join(', ')}`);
  return results.every(Boolean) ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
