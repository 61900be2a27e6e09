import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { RequestLogEntry } from './api/http-api';
import { ENGINE_NAMES, type EngineName } from './engine/find-engine';
import { LAST_PORT, type Platform, startPlatform } from './platform';
import { synthesize } from './synth';
import { UserError } from './user-error';

const PROJECT = resolve(__dirname, '..');

const HELP = `Runs the store on this machine, from its synthesized templates and bundles.

  npm start -- [options]

  --port N       port of the HTTP API (default: $PORT, else 3000); DynamoDB has N+1, the other services N+2
  --fresh        begin with empty tables
  --seed         load the sample store
  --layout L     per-domain | single-table
  --engine E     ${ENGINE_NAMES.join(' | ')}
  --region R     the region whose API runs; one that cdk.json has not becomes one more replica
  --state DIR    where data is kept (default .local)
  --assembly DIR run this cloud assembly as it is, without synthesizing
  --help         this text`;

/** What of the config in cdk.json is read here. */
interface Context {
  layout: string;
  regions: string | string[];
  mailFrom?: string | null;
}

interface Settings {
  port: number;
  fresh: boolean;
  seed: boolean;
  engine: EngineName | undefined;
  layout: string;
  region: string;
  homeRegion: string;
  state: string;
  assembly: string | undefined;
  overrides: Record<string, string>;
}

/** @throws UserError naming the option that is wrong */
function readSettings(args: string[]): Settings | 'help' {
  const options = {
    port: { type: 'string' },
    layout: { type: 'string' },
    engine: { type: 'string' },
    region: { type: 'string' },
    state: { type: 'string', default: '.local' },
    assembly: { type: 'string' },
    fresh: { type: 'boolean', default: false },
    seed: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args, options }));
  } catch (error) {
    throw new UserError(`${(error as Error).message.split('.')[0]}. See npm start -- --help`);
  }
  if (values.help) return 'help';
  const port = values.port ?? (process.env.PORT || '3000');
  if (!/^\d+$/.test(port) || Number(port) > LAST_PORT) throw new UserError(`The port is '${port}'; allowed: 0 to ${LAST_PORT}.`);
  const engine = ENGINE_NAMES.find((name) => name === values.engine);
  if (values.engine !== undefined && !engine) {
    throw new UserError(`The engine is '${values.engine}'; allowed: ${ENGINE_NAMES.join(', ')}.`);
  }
  const { context } = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8')) as { context: Context };
  const regions = String(context.regions).split(',').map((name) => name.trim());
  const homeRegion = regions[0] as string;
  const { layout = context.layout, region = homeRegion } = values;
  return {
    port: Number(port),
    fresh: values.fresh,
    seed: values.seed,
    engine,
    layout,
    region,
    homeRegion,
    state: resolve(values.state),
    assembly: values.assembly && assemblyFolder(values.assembly),
    overrides: {
      ...senderFor(context),
      ...(layout !== context.layout && { layout }),
      ...(!regions.includes(region) && { regions: [...regions, region].join() }),
    },
  };
}

/** A sender, where the config has none: so that mail is seen here. */
export const senderFor = ({ mailFrom }: Pick<Context, 'mailFrom'>): Record<string, string> =>
  mailFrom === undefined || mailFrom === null ? { mailFrom: 'store@example.com' } : {};

/** @throws UserError where it holds no assembly */
function assemblyFolder(folder: string): string {
  if (!existsSync(join(folder, 'manifest.json'))) {
    throw new UserError(`There is no cloud assembly in ${folder}. Make one: npx cdk synth --output ${folder}`);
  }
  return resolve(folder);
}

async function main(): Promise<void> {
  // What it and its engine keep is for their owner only.
  process.umask(0o077);
  const started = performance.now();
  const settings = readSettings(process.argv.slice(2));
  if (settings === 'help') return console.log(HELP);
  const { layout, region, homeRegion, state, overrides } = settings;
  // The data of all regions: one engine is every replica.
  const stateFolder = join(state, `${layout}-${homeRegion}`);

  // What cdk.json itself describes goes where `cdk synth` would put it.
  const variant = Object.values(overrides).join('.').replaceAll('@', '-at-');
  const outdir = variant ? join(state, `cdk.out.${variant}`) : join(PROJECT, 'cdk.out');
  const assembly = settings.assembly
    ? Promise.resolve(settings.assembly)
    : synthesize(PROJECT, outdir, overrides, () => console.log('Synthesizing the app ...')).then(() => outdir);
  // Its failure is reported where it is awaited.
  assembly.catch(() => {});

  const platform = await startPlatform({
    assembly,
    stateFolder,
    fresh: settings.fresh,
    port: settings.port,
    engine: settings.engine,
    region,
    onRequest: printRequest,
    onFunctionOutput: functionLog(() => join(platform.stateFolder, 'logs')),
    onTableUpdate: (text) => console.log(text),
    onEngineRestart: (text) => console.error(text),
    onStreamProblem: onceWhileItLasts((text) => console.error(`[streams] ${text}`)),
  });
  stopOnSignals(platform);
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  console.log(`The store is ready: ${platform.url}  (${layout}, ${region}, ${platform.engine}, ${seconds} s)`);
  if (platform.homeRegion !== region) console.log(`  Home region   ${platform.homeRegion}, where what is pinned is written, and streams are read`);
  console.log(`  DynamoDB      ${platform.dynamodb} for the AWS CLI or NoSQL Workbench, with any credentials`);
  console.log(`  Other         ${platform.services} for EventBridge, Lambda, S3, SES, SQS and STS, by the AWS CLI's --endpoint-url`);
  console.log(`  Sent          ${platform.url}/_local/outbox: mail, events, archived objects, what was given up`);
  console.log(`  Not emulated  ${platform.notEmulated.join('; ')}`);
  if (platform.aheadSeconds !== 0) console.log(`  Time          ${platform.aheadSeconds} s ahead of this machine; POST /_local/clock {"reset": true} sets it back`);
  if (platform.warning) console.log(`  Careful       ${platform.warning}`);
  console.log(`  Data, logs    ${platform.stateFolder}; Ctrl-C stops\n`);
  if (settings.seed) {
    // Loaded here, since its generator takes longer to load than the platform to start.
    const { seed } = require('./seed') as typeof import('./seed');
    await seed(platform, (text) => console.log(text));
  }
}

/** One line for each request. */
function printRequest({ method, path, status, ms, flow, failure }: RequestLogEntry): void {
  const shown = path.length > 60 ? `${path.slice(0, 59)}…` : path;
  console.log(
    `${method.padEnd(6)} ${shown.padEnd(44)} ${status} ${`${ms.toFixed(0)} ms`.padStart(7)}  ${flow ?? 'api'}${failure ? `: ${failure}` : ''}`,
  );
}

/** Says a text once, as long as it comes again and again: a full disk fails every try. */
function onceWhileItLasts(say: (text: string) => void): (text: string) => void {
  const last = new Map<string, number>();
  return (text) => {
    const before = last.get(text);
    last.set(text, Date.now());
    if (before === undefined || Date.now() - before > 60_000) say(text);
  };
}

/** Keeps what each function prints in a file of its own, and shows its errors. What cannot be kept, as on a full disk, is said once. */
function functionLog(folderOf: () => string): (flow: string, text: string) => void {
  let problem = '';
  return (flow, text) => {
    const file = join(folderOf(), `${flow}.log`);
    try {
      // Not the state's folder with it: one that is deleted is not made again.
      if (!existsSync(folderOf())) mkdirSync(folderOf());
      appendFileSync(file, text);
      problem = '';
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code !== problem) console.error(`Log lines are lost: ${(error as Error).message}`);
      problem = code;
    }
    for (const line of text.split('\n')) {
      if (line.includes('"level":"ERROR"') || (line !== '' && !line.startsWith('{'))) console.error(`[${flow}] ${line}`);
    }
  };
}

function stopOnSignals(platform: Platform): void {
  let since: number | undefined;
  const stop = (code: number) => {
    // A terminal's Ctrl-C may come twice at once, from npm too. A second one ends it whatever it waits for; its engine ends with it.
    if (since !== undefined && performance.now() - since > 300) process.exit(code);
    if (since !== undefined) return;
    since = performance.now();
    void platform.stop().finally(() => process.exit(code));
  };
  process.on('SIGINT', () => stop(0));
  process.on('SIGTERM', () => stop(0));
  // npm that is killed passes no signal on; a platform that it started would hold its port for ever.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event) setInterval(() => process.ppid !== parent && stop(1), 1_000).unref();
  void platform.failed.then((reason) => {
    console.error(`The engine stopped. ${reason}`);
    stop(1);
  });
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error instanceof UserError ? error.message : error);
    process.exit(1);
  });
}
