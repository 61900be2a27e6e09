import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { plan } from '../../../tools/plan';
import type { Template } from '../../../tools/plan/assembly';
import { readRelease } from '../../../tools/plan/release';
import type { TableProperties } from '../../../tools/plan/table-changes';
import { validatorFindings } from '../../../tools/plan/validate';
import { commandLine } from '../../support/command-line';
import { testCompletely } from '../../support/complete';
import { assemblyOf, daxAssembly, PROJECT } from '../../support/synthesize-once';

const folder = mkdtempSync(join(tmpdir(), 'plan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An app may be synthesized, in another process. */
jest.setTimeout(120_000);

/** The tool's command line. */
const run = (...args: string[]) => commandLine(() => plan(args));

/** As a person starts it, where the app is synthesized. */
function start(temporary: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', 'tsx/cjs', 'tools/plan.ts', ...args], {
    cwd: PROJECT,
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: temporary },
  });
  return { status, stdout, stderr };
}

/**
 * A copy of the store's assembly, with the stacks that hold data and no others, since the validator takes its time for each;
 * with one template changed: that of the data, unless said.
 */
function changedAssembly(name: string, change: (template: Template) => void = () => {}, { from = assemblyOf('per-domain'), stack = 'Data' } = {}): string {
  const copy = join(folder, name);
  mkdirSync(copy);
  for (const file of readdirSync(from)) {
    if (/^(Data|Access|Cache)\./.test(file)) cpSync(join(from, file), join(copy, file));
  }
  const manifest = JSON.parse(readFileSync(join(from, 'manifest.json'), 'utf8')) as { artifacts: Record<string, object> };
  const artifacts = Object.entries(manifest.artifacts).filter(([id]) => /^(Data|Access|Cache)\b/.test(id));
  writeFileSync(join(copy, 'manifest.json'), JSON.stringify({ ...manifest, artifacts: Object.fromEntries(artifacts) }));
  const path = join(copy, `${stack}.template.json`);
  const template = JSON.parse(readFileSync(path, 'utf8')) as Template;
  change(template);
  writeFileSync(path, JSON.stringify(template));
  return copy;
}

const ordersOf = ({ Resources = {} }: Template) =>
  Object.values(Resources).find(({ Properties }) => Properties?.TableName === 'store-dev-Orders')!.Properties as TableProperties;

const addIndex = (template: Template, name: string) => {
  ordersOf(template).GlobalSecondaryIndexes!.push({
    IndexName: name,
    KeySchema: [{ AttributeName: 'gsi1pk', KeyType: 'HASH' }],
    Projection: { ProjectionType: 'KEYS_ONLY' },
  });
};

let released: string;
let withCache: string;
beforeAll(() => {
  released = changedAssembly('before');
  withCache = changedAssembly('with-cache', undefined, { from: daxAssembly() });
});

test('a cache may come, be made anew as another one, and go: it holds nothing that is lost', async () => {
  const come = await run('--assembly', withCache, '--baseline', released);
  expect([come.code, come.stdout]).toEqual([0, expect.stringMatching(/nothing that AWS refuses or that loses data\.\n {2}store-dev-cache in us-east-1: is a new stack/)]);
  const another = changedAssembly(
    'node-type',
    ({ Resources = {} }) => {
      const cluster = Object.values(Resources).find(({ Type }) => Type === 'AWS::DAX::Cluster');
      Object.assign(cluster!.Properties!, { NodeType: 'dax.r5.large' });
    },
    { from: withCache, stack: 'Cache' },
  );
  const replaced = await run('--assembly', another, '--baseline', withCache);
  expect([replaced.code, replaced.stdout]).toEqual([0, expect.stringContaining('nothing that AWS refuses or that loses data.')]);
  const gone = await run('--assembly', released, '--baseline', withCache);
  expect([gone.code, gone.stdout]).toEqual([0, expect.stringContaining('nothing that AWS refuses or that loses data.')]);
});

test('an assembly with one index more passes', async () => {
  const assembly = changedAssembly('one', (template) => addIndex(template, 'gsi8'));
  const { code, stdout, stderr } = await run('--assembly', assembly, '--baseline', released);
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^Validating the templates \.\.\.\nCompared with .*: store-dev-data and store-dev-access in us-east-1\.\n$/)]);
  expect(stdout).toMatch(/^3 tables, \d+ stateful resources: nothing that AWS refuses or that loses data\.\n/);
  expect(stdout).toMatch(/\n {2}store-dev-data: table store-dev-Orders \(OrdersTable\w+\): index gsi8 is added: its backfill/);
});

test('an assembly with two indexes more is refused, with what to deploy first, and what the validator refuses', async () => {
  const assembly = changedAssembly('two', (template) => {
    addIndex(template, 'gsi8');
    addIndex(template, 'gsi9');
    Object.assign(ordersOf(template), { TabelName: 'x' });
    template.Resources!.Reader = {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        FunctionName: 'f',
        MaximumRetryAttempts: 1,
        DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:us-east-1:111122223333:q' } },
        EventSourceArn: 'arn:aws:dynamodb:us-east-1:111122223333:table/T/stream/*',
        StartingPosition: 'LATEST',
      },
    };
    delete Object.values(template.Resources!).find(({ Type }) => Type === 'AWS::Cognito::UserPool')!.DeletionPolicy;
  });
  const { code, stdout } = await run('--assembly', assembly, '--baseline', released);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^Refused: store-dev-data: table store-dev-Orders .*\n {2}what .*TabelName.*\n {2}why {5}Rule \w+ of the template validator/);
  expect(stdout).toContain('  what    2 global secondary indexes change in one update: gsi8 and gsi9 added\n');
  expect(stdout).toMatch(
    /\n {2}deploy {2}1\. Deploy first with only gsi8 added and nothing removed; wait until it is ACTIVE:\n {10}aws dynamodb describe-table --table-name store-dev-Orders .*\n {10}2\. Then with gsi9 added too/,
  );
  expect(stdout).toMatch(/Refused: store-dev-data: user pool UserPool\w+\n {2}what {4}no DeletionPolicy Retain any more\n/);
  expect(stdout).toMatch(/\nRefused: store-dev-data: AWS::Lambda::EventSourceMapping Reader\n {2}what {4}EventSourceArn: Reader reads arn:.*\/stream\/\*: an event source is one\n/);
  expect(stdout).toMatch(/\n4 changes are refused\. Nothing was deployed\. After each step that is deployed: npm run plan -- --release\n$/);
});

test('another stage than the baseline\'s is another deployment', async () => {
  const assembly = changedAssembly('stage', () => {});
  const manifest = join(assembly, 'manifest.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll('store-dev-', 'store-prod-'));
  const { code, stderr } = await run('--assembly', assembly, '--baseline', released);
  expect([code, stderr.split('\n').at(-2)]).toEqual([
    1,
    expect.stringMatching(/is of store-dev-data and store-dev-access in us-east-1, and the app has store-prod-data and store-prod-access in us-east-1: another stage\. Give that stage's baseline with --baseline FILE/),
  ]);
});

test('--release writes what is compared from then on', async () => {
  const baseline = join(folder, 'released.json');
  const assembly = changedAssembly('release', (template) => addIndex(template, 'gsi8'));
  const { code, stdout } = await run('--assembly', assembly, '--release', '--baseline', baseline);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/released\.json is now the release of store-dev-data and store-dev-access in us-east-1: 3 tables, \d+ stateful resources\.\n$/)]);
  expect(readRelease(baseline, [])).toEqual(readRelease(assembly, []));
});

test('the app is synthesized as npx cdk synth does it; what it says when it fails is what is printed', () => {
  const temporary = join(folder, 'temporary');
  mkdirSync(temporary);
  const { status, stdout, stderr } = start(temporary, '-c', 'layout=nested');
  expect([status, stdout, stderr]).toEqual([
    1,
    '',
    'Synthesizing the app ...\nThe app does not synthesize:\nConfig \'layout\' is "nested"; allowed: per-domain | single-table. Example: -c layout=per-domain\n',
  ]);
  expect(readdirSync(temporary).filter((name) => name.startsWith('store-plan-'))).toEqual([]);
});

// test/readme.test.ts has it without context.
testCompletely('the app as it is, with context, against the committed baseline', () => {
  const { status, stdout } = start(folder, '--context', 'layout=single-table', '-c', 'removal=retain');
  expect(status).toBe(1);
  expect(stdout).toContain('table store-dev-Store (StoreTable');
  expect(stdout).toMatch(/Refused: store-dev-data: table store-dev-Orders .*\n {9}store-dev-data: table store-dev-Products .*\n {9}store-dev-data: table store-dev-Users .*\n {2}what {4}the table is removed\n/);
});

test.each<[string[], string]>([
  [['-c', 'foo'], "The context 'foo' has no value: -c key=value, as -c stage=prod."],
  [['--context', '=x'], "The context '=x' has no value: -c key=value, as -c stage=prod."],
  [['--nope'], "Unknown option '--nope'. See npm run plan -- --help"],
  [['what'], 'Not known: what. See npm run plan -- --help'],
  [['--assembly', '/nowhere'], '/nowhere is no cloud assembly: it has no manifest.json. Make one: npx cdk synth --output /nowhere'],
  [['--assembly', '.', '-c', 'a=b'], '--context is for the synthesis, and --assembly takes what was synthesized: leave one out.'],
  [['--assembly', ''], '--assembly is empty. See npm run plan -- --help'],
  [
    ['--release', '--assembly', assemblyOf('per-domain'), '--baseline', '/no/where.json'],
    "The baseline cannot be written: ENOENT: no such file or directory, open '/no/where.json'",
  ],
  [['--baseline', '/none.json'], 'There is no baseline /none.json. Write one from what is deployed: npm run plan -- --release --baseline /none.json'],
])('the arguments %j are refused in one line', async (args, line) => {
  expect(await run(...args)).toEqual({ code: 1, stdout: '', stderr: `${line}\n` });
});

test('--help lists the options', async () => {
  const { code, stdout } = await run('--help');
  expect([code, stdout]).toEqual([0, expect.stringContaining('--baseline FILE')]);
});

describe('the validator', () => {
  test("passes the store's templates", () => {
    expect(validatorFindings(released)).toEqual([]);
  });

  test('leaves out what the app acknowledged, where it did', () => {
    const app = new App({ outdir: join(folder, 'acknowledged'), builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'S', { env: { region: 'us-east-1' } });
    for (const id of ['One', 'OneMore']) {
      new CfnResource(new Construct(stack, id), 'Queue', { type: 'AWS::SQS::Queue', properties: { Nmae: 'x' } });
    }
    Validations.of(stack.node.findChild('One')).acknowledge({ id: 'CloudFormation-Validate::F3002', reason: 'a test' });
    const findings = validatorFindings(app.synth().directory);
    expect(findings.map(({ where, why }) => `${where} ${why}`)).toEqual([expect.stringMatching(/^S: queue OneMoreQueue\w+ Rule F3002 /)]);
  });

  test("asks the project's own rules too", () => {
    const unrecoverable = changedAssembly('unrecoverable', (template) => {
      const [replica] = ordersOf(template).Replicas as { PointInTimeRecoverySpecification?: object }[];
      delete replica!.PointInTimeRecoverySpecification;
    });
    expect(validatorFindings(unrecoverable)).toEqual([
      expect.objectContaining({
        where: expect.stringMatching(/^store-dev-data: table store-dev-Orders \(OrdersTable\w+\)$/),
        what: expect.stringContaining('store-dev-Orders has no point-in-time recovery in us-east-1'),
        why: expect.stringContaining('Rule STORE-DDB-001 of the template validator, at Properties.Replicas.0.PointInTimeRecoverySpecification'),
      }),
    ]);
  });
});
