import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from './user-error';

/** What the templates and bundles are made from. */
const SOURCES = ['bin', 'lib', 'lambda', 'cdk.json', 'package.json', 'package-lock.json', 'tsconfig.json'];

const FINGERPRINT = '.fingerprint';

/** CDK context that differs from cdk.json, as `-c key=value` would give it. */
export type ContextOverrides = Readonly<Record<string, string>>;

/**
 * Synthesizes the CDK app into a folder, unless that folder holds what the same sources and context made before.
 * The template validator is left out: `npx cdk synth` and `npm test` run it, and it takes longer than the rest.
 *
 * @param onStart called when there is something to do
 * @throws UserError with the app's own message, when the app fails
 */
export async function synthesize(
  project: string,
  outdir: string,
  overrides: ContextOverrides,
  onStart: () => void = () => {},
): Promise<void> {
  const { app, context } = JSON.parse(await readFile(join(project, 'cdk.json'), 'utf8')) as {
    app: string;
    context: Record<string, unknown>;
  };
  const fullContext = JSON.stringify({ ...context, ...overrides });
  const sources = hashFiles(project, SOURCES, [fullContext, process.version]);
  const fingerprint = (folder: string) => `${sources} ${hashFiles(folder, ['.'], [])}`;
  const recorded = await readFile(join(outdir, FINGERPRINT), 'utf8').catch(() => '');
  if (recorded !== '' && recorded === fingerprint(outdir)) return;

  onStart();
  // Made beside its place, so that nobody who starts meanwhile finds half an assembly.
  const draft = `${outdir}.${randomUUID()}`;
  try {
    await run(app, project, { ...process.env, CDK_OUTDIR: draft, CDK_CONTEXT_JSON: fullContext, CDK_VALIDATION: 'false' });
    await writeFile(join(draft, FINGERPRINT), fingerprint(draft));
    await rm(outdir, { recursive: true, force: true });
    await rename(draft, outdir).catch((error: NodeJS.ErrnoException) => {
      // Another start made the same assembly at the same time, and was first.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/**
 * Hashes the names and contents of files and folders; of an assembly the templates and manifests, whose names hold asset hashes.
 * A path that is not there counts as missing.
 *
 * @param root what the paths are relative to
 * @param more texts that count too
 */
export function hashFiles(root: string, paths: readonly string[], more: readonly string[]): string {
  const hash = createHash('sha256');
  for (const entry of more) hash.update(entry).update('\0');
  const add = (path: string): void => {
    for (const child of childrenOf(join(root, path))) {
      if (child === undefined) return void hash.update(path).update('\0').update(readFileSync(join(root, path))).update('\0');
      if (child.startsWith('asset.')) hash.update(child);
      else if (child !== FINGERPRINT && child !== 'tree.json') add(join(path, child));
    }
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}

/** The names in a folder, in order; `[undefined]` for a file, none for what is not there. */
function childrenOf(path: string): (string | undefined)[] {
  try {
    return readdirSync(path).sort((a, b) => a.localeCompare(b));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? [undefined] : [];
  }
}

async function run(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, { cwd, env, shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const code = await new Promise<number | null>((done, fail) => child.on('close', done).on('error', fail));
  if (code !== 0) throw new UserError(`The CDK app does not synthesize:\n${output.trim()}`);
}
