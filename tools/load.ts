import { resolve } from 'node:path';
import { load as loadRows } from './load/load';
import { type Format, FORMATS, openSource } from './load/source';
import { stopOnSignals } from './stop-on-signals';
import { givenToken, isLoopback, localToken, TOKEN_WANTED } from './token';
import { hereUrl, readOptions, storeUrl } from './options';
import { UserError } from './user-error';

const MAX_BATCH = 500;
const DEFAULT_BATCH = 100;

/** The batch route takes 4 MB; a smaller request is answered sooner, and sent again sooner. */
const MAX_REQUEST_BYTES = 1024 * 1024;

const PATIENCE_MS = 120_000;

const HELP = `Loads products from a CSV or JSON Lines file of any size into the store.

  npm run load -- FILE [options]

  --url URL      the store (default: http://127.0.0.1:$PORT, else port 3000)
  --token T      an admin's token (default: $STORE_TOKEN; a store on this machine issues one)
  --format F     ${FORMATS.join(' | ')} (default: by the name: .csv, or .jsonl, .ndjson, .json)
  --batch N      products in a request, 1 to ${MAX_BATCH} (default ${DEFAULT_BATCH})
  --state DIR    where FILE.load.json and FILE.failed.jsonl are kept (default: beside the file)
  --restart      begin at the start, though an earlier load was interrupted
  --help         this text

Loading a file again overwrites its products. A load that was interrupted goes on when it is run again.`;

interface Settings {
  file: string;
  url: string;
  token: string | undefined;
  format: Format | undefined;
  batch: number;
  state: string | undefined;
  restart: boolean;
}

/** @throws UserError naming the option that is wrong */
function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | 'help' {
  const options = {
    url: { type: 'string', default: hereUrl(env) },
    token: { type: 'string' },
    format: { type: 'string' },
    batch: { type: 'string', default: String(DEFAULT_BATCH) },
    state: { type: 'string' },
    restart: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { values, positionals } = readOptions('load', args, options);
  if (values.help) return 'help';
  const [file, ...more] = positionals;
  if (file === undefined) throw new UserError('Which file? npm run load -- FILE. See npm run load -- --help');
  if (more.length > 0) throw new UserError(`One file at a time; given: ${positionals.join(', ')}.`);
  const format = FORMATS.find((name) => name === values.format);
  if (values.format !== undefined && !format) {
    throw new UserError(`The format is '${values.format}'; allowed: ${FORMATS.join(', ')}.`);
  }
  const batch = Number(values.batch);
  if (!/^\d+$/.test(values.batch) || batch < 1 || batch > MAX_BATCH) {
    throw new UserError(`The batch is '${values.batch}'; allowed: 1 to ${MAX_BATCH}.`);
  }
  // npm runs scripts in the project's folder, wherever it was called.
  const here = (path: string) => resolve((env.npm_lifecycle_event === 'load' && env.INIT_CWD) || '.', path);
  return {
    file: here(file),
    url: storeUrl(values.url),
    token: values.token || env.STORE_TOKEN || undefined,
    format,
    batch,
    state: values.state === undefined ? undefined : here(values.state),
    restart: values.restart,
  };
}

async function run(args: string[], env: NodeJS.ProcessEnv, interrupt: () => AbortSignal): Promise<number> {
  const settings = readSettings(args, env);
  if (settings === 'help') {
    console.log(HELP);
    return 0;
  }
  const { file, url, token, format, batch, state, restart } = settings;
  const source = await openSource(file, format);
  if (!token && !isLoopback(url)) throw new UserError(TOKEN_WANTED);
  return loadRows({
    source,
    url,
    tokens: token ? givenToken(token) : localToken(url, { sub: 'loader' }),
    limits: { rows: batch, bytes: MAX_REQUEST_BYTES },
    folder: state,
    restart,
    patienceMs: PATIENCE_MS,
    interrupt: interrupt(),
    print: (line) => console.log(line),
  });
}

/**
 * The command line.
 * @param interrupt what ends the load before its end; called when it begins
 * @returns the exit code
 */
export const load = (args: string[], env: NodeJS.ProcessEnv, interrupt: () => AbortSignal): Promise<number> =>
  run(args, env, interrupt).catch((error: unknown) => {
    // A full disk is not explained by where in the program it was met.
    const isExpected = error instanceof UserError || (error instanceof Error && 'syscall' in error);
    console.error(isExpected ? error.message : error);
    return 1;
  });

if (require.main === module) void load(process.argv.slice(2), process.env, () => stopOnSignals('SIGINT', 'SIGTERM')).then((code) => process.exit(code));
