import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hashFiles } from '../../local/synth';
import { type Context, CONTEXTS, type Layout, NAGGED, RUNNABLE } from './contexts';
import { offerStores } from './lent-stores';
import type { Request } from './synthesize';

export { LAYOUTS, type Layout } from './contexts';

export const PROJECT = join(__dirname, '../..');

/** The folder of a layout's assembly, which runs. */
export const assemblyOf = (layout: Layout): string => assemblyWith(RUNNABLE[layout]);

/** That of three regions, which runs in each. */
export const globalAssemblyOf = (layout: Layout): string => assemblyWith(RUNNABLE[`global ${layout}`]);

/** That with a cache, which does not run here. */
export const daxAssembly = (): string => assemblyWith(RUNNABLE.dax);

/**
 * Every assembly that a suite looks at or runs is made once and kept, until one of the files that it was made from changes.
 * All suites and all runs of jest share them: an entry never changes, so one that is found can be read.
 */
export const ASSEMBLIES = join(PROJECT, '.local/test');

/** What an assembly depends on beside code of the project. */
const SURROUNDINGS = ['cdk.json', 'package.json', 'package-lock.json', 'tsconfig.json', 'node_modules/.package-lock.json'];

/** How many versions of each assembly stay: that of the sources as they are, and as they were on another branch. */
const VERSIONS = 2;

/** What was found or made in this process or before all suites; a source that changes while they run is seen by the next run. */
const known = new Map<string, string>(Object.entries(JSON.parse(process.env.STORE_ASSEMBLIES ?? '{}') as Record<string, string>));

/** The folder of the assembly with a context, which is made unless it is there. It takes some seconds, in another process. */
export function assemblyWith(context: Context): string {
  const entry = entryOf(context);
  const folder = known.get(entry.name) ?? find(entry) ?? make(entry);
  known.set(entry.name, folder);
  return folder;
}

/** Makes all of some assemblies at once, which is faster than one by one. */
export async function synthesizeAll(contexts: readonly Context[]): Promise<void> {
  const missing: Entry[] = [];
  for (const entry of contexts.map(entryOf)) {
    const found = known.get(entry.name) ?? find(entry);
    if (found === undefined) missing.push(entry);
    else known.set(entry.name, found);
  }
  // Two processes for two cores; those with bundles together, which are the first ones.
  const half = Math.ceil(missing.length / 2);
  await Promise.all(
    [missing.slice(0, half), missing.slice(half)].map(async (entries) => {
      if (entries.length === 0) return;
      const requests = entries.map(draftOf);
      const { stdout } = await promisify(execFile)(process.execPath, command(requests), { cwd: PROJECT });
      for (const [at, entry] of entries.entries()) known.set(entry.name, keep(entry, (requests[at] as Request).folder, stdout));
    }),
  );
}

/** Before all suites: what they will ask for, when all of them run; the others ask as they go. And stores to lend. */
export default async function beforeAllSuites({ testPathPatterns, findRelatedTests }: { testPathPatterns?: { patterns: string[] }; findRelatedTests?: boolean }): Promise<void> {
  await offerStores();
  prune();
  if (testPathPatterns?.patterns.length === 0 && !findRelatedTests) await synthesizeAll(Object.values(CONTEXTS));
  else for (const entry of Object.values(CONTEXTS).map(entryOf)) {
    const found = find(entry);
    if (found !== undefined) known.set(entry.name, found);
  }
  process.env.STORE_ASSEMBLIES = JSON.stringify(Object.fromEntries(known));
}

interface Entry {
  name: string;
  context: Context;
  isRunnable: boolean;
  isNagged: boolean;
}

const { context: DEFAULTS } = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> };

/** A value that is the default makes no difference. */
function textOf(context: Context): string {
  const values = Object.entries(context).filter(([key, value]) => String(DEFAULTS[key]) !== String(value));
  return JSON.stringify(values.map(([key, value]) => [key, String(value)]).sort());
}

function entryOf(context: Context): Entry {
  const text = textOf(context);
  const isAmong = (contexts: readonly Context[]) => contexts.some((other) => textOf(other) === text);
  const [known] = Object.entries(CONTEXTS).find(([, other]) => textOf(other) === text) ?? [];
  return {
    name: known?.replaceAll(' ', '-') ?? createHash('sha256').update(text).digest('hex').slice(0, 16),
    context,
    isRunnable: isAmong(Object.values(RUNNABLE)),
    isNagged: isAmong(NAGGED),
  };
}

const hashOf = ({ context, isRunnable, isNagged }: Entry, sources: readonly string[]) =>
  hashFiles(PROJECT, [...sources, ...SURROUNDINGS], [textOf(context), String(isRunnable), String(isNagged), process.version]).slice(0, 16);

/** The file that has what an assembly was made from. */
const sourcesFile = ({ name }: Entry) => join(ASSEMBLIES, `${name}.sources.json`);

const folderOf = ({ name }: Entry, hash: string) => join(ASSEMBLIES, `${name}-${hash}`);

function find(entry: Entry): string | undefined {
  if (!existsSync(sourcesFile(entry))) return undefined;
  const folder = folderOf(entry, hashOf(entry, JSON.parse(readFileSync(sourcesFile(entry), 'utf8')) as string[]));
  return existsSync(folder) ? folder : undefined;
}

function make(entry: Entry): string {
  const request = draftOf(entry);
  return keep(entry, request.folder, execFileSync(process.execPath, command([request]), { cwd: PROJECT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }));
}

const DRAFT = 'draft.';

function draftOf({ context, isRunnable, isNagged }: Entry): Request {
  mkdirSync(ASSEMBLIES, { recursive: true });
  return { context, folder: join(ASSEMBLIES, `${DRAFT}${randomUUID()}`), isRunnable, isNagged };
}

const command = (requests: readonly Request[]) => ['--require', 'tsx/cjs', join(__dirname, 'synthesize.ts'), PROJECT, JSON.stringify(requests)];

/** Puts what was made in its place. What another process has put there meanwhile was made from the same. */
function keep(entry: Entry, draft: string, loaded: string): string {
  // Bundles are made from all that Lambda runs, of which the synthesis loads a part.
  const sources = [...(JSON.parse(loaded.trimEnd().split('\n').at(-1) as string) as string[]), ...(entry.isRunnable ? ['bin', 'lib', 'lambda'] : [])].sort();
  const folder = folderOf(entry, hashOf(entry, sources));
  replace(sourcesFile(entry), JSON.stringify(sources));
  if (existsSync(folder)) rmSync(draft, { recursive: true });
  else moveUnlessThere(draft, folder);
  return folder;
}

function moveUnlessThere(draft: string, folder: string): void {
  try {
    renameSync(draft, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(draft, { recursive: true });
  }
}

/** Whole, for one that reads it meanwhile. */
function replace(file: string, text: string): void {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
}

/** Removes older versions; and of a day ago what is not in the table of contexts, and drafts of runs that were killed. */
function prune(): void {
  if (!existsSync(ASSEMBLIES)) return;
  const names = Object.values(CONTEXTS).map((context) => entryOf(context).name);
  const dayAgo = Date.now() - 86_400_000;
  const versions = new Map<string, { path: string; at: number }[]>(names.map((name) => [name, []]));
  for (const file of readdirSync(ASSEMBLIES)) {
    const path = join(ASSEMBLIES, file);
    const at = statSync(path).mtimeMs;
    const [, name = ''] = /^(.+)(?:-[0-9a-f]{16}|\.sources\.json)$/.exec(file) ?? [];
    if (!names.includes(name)) {
      if (at < dayAgo) rmSync(path, { recursive: true, force: true });
    } else if (!file.endsWith('.json')) versions.get(name)?.push({ path, at });
  }
  for (const each of versions.values()) {
    for (const { path } of each.sort((a, b) => b.at - a.at).slice(VERSIONS)) rmSync(path, { recursive: true, force: true });
  }
}
