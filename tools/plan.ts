import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { readOptions } from './options';
import { readStacks, type Stack, synthesizeInto } from './plan/assembly';
import { assemblyFindings } from './plan/assembly-findings';
import { counted, type Finding, findingTexts, listed, type Note } from './plan/finding';
import { baselineText, readRelease, type Release, releaseOf, requireBaseline } from './plan/release';
import { compareReleases, isSameDeployment } from './plan/resource-changes';
import { isTable } from './plan/stateful';
import { UserError } from './user-error';

const HELP = `Says whether the next deployment is safe: compares the templates to those of the last release, refuses what AWS
refuses or what loses data, and says what to deploy first. Needs no account. Exits with 1 where it refuses.

  npm run plan -- [options]

  --context K=V     CDK context, as in npx cdk deploy; again for more (short: -c K=V)
  --assembly DIR    a cloud assembly (cdk.out) as it is, instead of the app's
  --baseline FILE   what is deployed: what --release wrote, a template (JSON), or a cloud assembly
                    (default: tools/plan/baseline.json)
  --release         writes the baseline anew: what is compared is deployed now
  --help            this text`;

const STEPS = ' After each step that is deployed: npm run plan -- --release';

const BASELINE = join(__dirname, 'plan/baseline.json');

interface Settings {
  context: string[];
  assembly: string | undefined;
  baseline: string;
  isRelease: boolean;
}

/** @throws UserError naming the option that is wrong */
function readSettings(args: string[]): Settings | 'help' {
  const options = {
    context: { type: 'string', short: 'c', multiple: true },
    assembly: { type: 'string' },
    baseline: { type: 'string' },
    release: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { values, positionals } = readOptions('plan', args, options);
  if (values.help) return 'help';
  if (positionals.length > 0) throw new UserError(`Not known: ${positionals.join(', ')}. See npm run plan -- --help`);
  const context = values.context ?? [];
  const wrong = context.find((entry) => !/^[^=]+=/.test(entry));
  if (wrong !== undefined) throw new UserError(`The context '${wrong}' has no value: -c key=value, as -c stage=prod.`);
  if (values.assembly !== undefined && context.length > 0) {
    throw new UserError('--context is for the synthesis, and --assembly takes what was synthesized: leave one out.');
  }
  for (const [option, value] of Object.entries({ assembly: values.assembly, baseline: values.baseline })) {
    if (value === '') throw new UserError(`--${option} is empty. See npm run plan -- --help`);
  }
  return { context, assembly: values.assembly, baseline: values.baseline ?? BASELINE, isRelease: values.release };
}

/** The stacks of an assembly that is given, or of the app. @throws UserError */
async function readPlanned({ assembly, context }: Settings): Promise<Stack[]> {
  if (assembly !== undefined) return readStacks(assembly);
  const folder = mkdtempSync(join(tmpdir(), 'store-plan-'));
  // A Ctrl-C leaves nothing behind either.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  process.once('SIGINT', () => process.exit(130));
  console.error('Synthesizing the app ...');
  await synthesizeInto(folder, context);
  return readStacks(folder);
}

/** What is wrong with the templates by themselves. The synthesis asked already; an assembly may have been changed since. */
function invalid({ assembly }: Settings): Finding[] {
  if (assembly === undefined) return [];
  console.error('Validating the templates ...');
  // It brings the validator's engine with it, which nothing else needs.
  const { validatorFindings } = require('./plan/validate') as typeof import('./plan/validate');
  return validatorFindings(assembly);
}

async function run(args: string[]): Promise<number> {
  const settings = readSettings(args);
  if (settings === 'help') {
    console.log(HELP);
    return 0;
  }
  // Before the seconds that a synthesis takes.
  if (!settings.isRelease) requireBaseline(settings.baseline);
  const stacks = await readPlanned(settings);
  const planned = releaseOf(stacks);
  const baseline = shown(settings.baseline);
  if (settings.isRelease) {
    writeBaseline(settings.baseline, planned);
    console.log(`${baseline} is now the release of ${stackList(planned)}: ${contents(planned)}.`);
    return 0;
  }

  const released = readRelease(settings.baseline, stacks);
  if (!isSameDeployment(released, planned)) {
    throw new UserError(
      `${baseline} is of ${stackList(released)}, and the app has ${stackList(planned)}: another stage. ` +
        "Give that stage's baseline with --baseline FILE, or the stage with -c stage=NAME. " +
        'There is none before the first deployment; after it, --release with --baseline FILE writes one.',
    );
  }
  const { findings: changed, notes } = compareReleases(released, planned);
  const findings = [...invalid(settings), ...changed, ...assemblyFindings(stacks)];
  console.error(`Compared with ${baseline}: ${stackList(released)}.`);
  console.log(report(planned, findings, notes));
  return findings.length > 0 ? 1 : 0;
}

/** @throws UserError where it cannot be written */
function writeBaseline(path: string, release: Release): void {
  try {
    writeFileSync(path, baselineText(release));
  } catch (error) {
    throw new UserError(`The baseline cannot be written: ${(error as Error).message}`);
  }
}

function report(planned: Release, findings: readonly Finding[], notes: readonly Note[]): string {
  const summary =
    findings.length > 0
      ? `${counted(findings.length, 'change is', 'changes are')} refused. Nothing was deployed.${findings.some(({ order }) => order) ? STEPS : ''}`
      : `${contents(planned)}: nothing that AWS refuses or that loses data.`;
  return [
    ...findingTexts(findings).map((text) => `${text}\n`),
    ...(findings.length > 0 ? [] : [summary]),
    ...notes.map(({ where, what }) => `  ${where}: ${what}`),
    ...(findings.length > 0 ? [...(notes.length > 0 ? [''] : []), summary] : []),
  ].join('\n');
}

function contents({ stacks }: Release): string {
  const resources = Object.values(stacks).flatMap((stack) => Object.values(stack.resources));
  const tables = resources.filter(({ Type }) => isTable(Type));
  return `${counted(tables.length, 'table')}, ${counted(resources.length, 'stateful resource')}`;
}

/** As `store-dev-data and store-dev-api in us-east-1`. */
function stackList({ stacks }: Release): string {
  const all = Object.values(stacks);
  return [...new Set(all.map(({ region }) => region))]
    .map((region) => `${listed(all.filter((stack) => stack.region === region).map(({ stackName }) => stackName))} in ${region}`)
    .join('; ');
}

/** A path as a person would write it from here. */
const shown = (path: string): string => {
  const short = relative(process.cwd(), resolve(path));
  return short.startsWith('..') ? path : short;
};

/** The command line. @returns the exit code */
export const plan = (args: string[]): Promise<number> =>
  run(args).catch((error: unknown) => {
    const { name, message } = error as Error;
    console.error(error instanceof UserError ? message : `The plan ended: ${name}: ${message}`);
    return 1;
  });

if (require.main === module) void plan(process.argv.slice(2)).then((code) => (process.exitCode = code));
