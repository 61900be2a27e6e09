import { hereUrl, readOptions, storeUrl } from './options';
import { smoke as runSmoke } from './smoke/smoke';
import { stopOnSignals } from './stop-on-signals';
import { UserError } from './user-error';

/** A stream or an index that is further behind is not well. */
const PATIENCE_MS = 60_000;

const CLEAN_UP_MS = 20_000;

const HELP = `Runs the README's tour against a store that is deployed, or that runs on this machine.

  npm run smoke -- [options]

  --url URL      the store, as the stack's ApiUrl (default: http://127.0.0.1:$PORT, else port 3000)
  --token T      an admin's ID token (default: $STORE_TOKEN; a store on this machine issues one)
  --keep         leave what it made
  --help         this text

What it makes has names of its own for each run, so the store may be in use. A profile has the e-mail of the token. It deletes that at the end, also after a
failed step and at Ctrl-C; what the store keeps of any change (movements, histories, events, the archive) stays.
It exits with 0 when every step passed, with 1 when one failed or something is left, with 130 after Ctrl-C.`;

interface Settings {
  url: string;
  token: string | undefined;
  keep: boolean;
}

/** @throws UserError naming the option that is wrong */
function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | 'help' {
  const options = {
    url: { type: 'string', default: hereUrl(env) },
    token: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { values, positionals } = readOptions('smoke', args, options);
  if (values.help) return 'help';
  // It may be a token whose option was left out, so it is not shown.
  if (positionals.length > 0) throw new UserError('There are options only. See npm run smoke -- --help');
  return { url: storeUrl(values.url), token: (values.token || env.STORE_TOKEN)?.trim() || undefined, keep: values.keep };
}

async function run(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const settings = readSettings(args, env);
  if (settings === 'help') {
    console.log(HELP);
    return 0;
  }
  // Who reads the output may be gone; what was made is deleted all the same.
  process.stdout.on('error', () => undefined);
  return runSmoke({
    ...settings,
    patienceMs: PATIENCE_MS,
    cleanUpMs: CLEAN_UP_MS,
    interrupt: stopOnSignals('SIGINT', 'SIGTERM', 'SIGHUP'),
    print: (line) => console.log(line),
  });
}

/** The command line. @returns the exit code */
export const smoke = (args: string[], env: NodeJS.ProcessEnv): Promise<number> =>
  run(args, env).catch((error: unknown) => {
    console.error(error instanceof UserError ? error.message : error);
    return 1;
  });

if (require.main === module) void smoke(process.argv.slice(2), process.env).then((code) => process.exit(code));
