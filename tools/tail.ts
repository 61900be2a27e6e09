import { resolve } from 'node:path';
import { placeOf, readOptions } from './options';
import { stopOnSignals } from './stop-on-signals';
import { checkpointFile } from './tail/checkpoint';
import { DOMAINS } from './tail/entities';
import { readRecord } from './tail/entry';
import { follow, type Start, STARTS } from './tail/follow';
import { takeLock } from './tail/lock';
import { toStdout } from './tail/output';
import { asJson, asText } from './tail/render';
import { findTarget, type Wanted } from './tail/target';
import { UserError } from './user-error';

const HELP = `Follows the stream of a table and prints what changes, attribute by attribute.

  npm run tail -- ${DOMAINS.join(' | ')} [options]
  npm run tail -- --table NAME [options]

  --from F       ${STARTS.join(' | ')} (default checkpoint: goes on where the last tail ended,
                 and begins at trim-horizon, the oldest record, where there was none)
  --json         one JSON object per line, values in DynamoDB JSON
  --url URL      the store (default: http://127.0.0.1:$PORT, else port 3000)
  --stage S      the stage in the tables' names (default dev)
  --aws          tables in AWS, with the SDK's credentials and region
  --region R     with --aws: another region
  --state DIR    where checkpoints are kept (default .local/tail)
  --help         this text

Ctrl-C ends it; records are on stdout, everything else is on stderr.`;

interface Settings {
  wanted: Wanted;
  from: Start;
  isJson: boolean;
  state: string;
}

/** @throws UserError naming the option that is wrong */
function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | 'help' {
  const options = {
    table: { type: 'string' },
    from: { type: 'string', default: 'checkpoint' },
    json: { type: 'boolean', default: false },
    url: { type: 'string' },
    stage: { type: 'string', default: 'dev' },
    aws: { type: 'boolean', default: false },
    region: { type: 'string' },
    state: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { values, positionals } = readOptions('tail', args, options);
  if (values.help) return 'help';
  const from = STARTS.find((name) => name === values.from);
  if (!from) throw new UserError(`--from is '${values.from}'; allowed: ${STARTS.join(', ')}.`);
  // npm runs scripts in the project's folder, wherever it was called.
  const here = (path: string) => resolve((env.npm_lifecycle_event === 'tail' && env.INIT_CWD) || '.', path);
  return {
    wanted: {
      place: placeOf(values, env),
      stage: values.stage,
      what: readWhat(positionals, values.table),
    },
    from,
    isJson: values.json,
    state: values.state === undefined ? resolve(__dirname, '..', '.local', 'tail') : here(values.state),
  };
}

/** @throws UserError */
function readWhat(positionals: string[], table: string | undefined): Wanted['what'] {
  const [name, ...more] = positionals;
  if (more.length > 0 || (name !== undefined && table !== undefined)) throw new UserError('One table at a time.');
  if (table !== undefined) {
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    if (!/^[\w.-]{3,255}$/.test(table)) throw new UserError(`The table is '${table}'; allowed: 3 to 255 of letters, digits and _ . -`);
    return { table };
  }
  const domain = DOMAINS.find((known) => known === name);
  if (!domain) {
    const given = name === undefined ? 'Which table?' : `'${name}' is no table of the store;`;
    throw new UserError(`${given} npm run tail -- ${DOMAINS.join(' | ')}, or --table NAME. See npm run tail -- --help`);
  }
  return { domain };
}

async function run(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const settings = readSettings(args, env);
  if (settings === 'help') {
    console.log(HELP);
    return 0;
  }
  const { wanted, from, isJson, state } = settings;
  const stop = stopOnSignals('SIGINT', 'SIGTERM', 'SIGHUP');
  const write = toStdout();
  const { table, streamArn, domain, client, address, now, refresh } = await findTarget(wanted);
  // Of a table of all domains, each domain is followed for itself.
  const file = checkpointFile(state, domain ? `${table}-${domain}` : table, streamArn, address);
  const release = await takeLock(file);
  const hasColours = process.stdout.isTTY && process.stdout.hasColors();
  try {
    await follow({
      client,
      streamArn,
      table,
      from,
      file,
      stop,
      now,
      status: (line) => console.error(line),
      async print(record, shardId) {
        const entry = readRecord(record, table, shardId);
        if (domain !== undefined && entry.owner?.domain !== domain) return;
        await write(isJson ? asJson(entry) : asText(entry, hasColours));
      },
      beforeRetry: refresh,
    });
    return 0;
  } finally {
    release();
    client.destroy();
  }
}

// The notice would stand between what is told here.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** The command line. @returns the exit code */
export const tail = (args: string[], env: NodeJS.ProcessEnv): Promise<number> =>
  run(args, env).catch((error: unknown) => {
    console.error(error instanceof UserError ? error.message : error);
    return 1;
  });

if (require.main === module) void tail(process.argv.slice(2), process.env).then((code) => (process.exitCode = code));
