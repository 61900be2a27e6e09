import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from './state-file';
import { UserError } from './user-error';

/** Where a platform keeps what survives a restart: one folder for each layout, region and engine. */
export interface State {
  folder: string;
  file(name: string): string;
  /** Notes the address in the lock, so that a second start can name it. */
  publish(url: string): void;
  release(): void;
  /** Releases it after a start that failed, and leaves nothing where there was nothing. */
  discard(): void;
}

const LOCK = 'platform.json';

interface Lock {
  pid: number;
  /** Absent while the platform starts. */
  url?: string;
}

/** A start takes seconds. A lock without an address that is older was left by a platform that was killed meanwhile. */
const START_MS = 60_000;

/**
 * Takes a state folder for this process. A lock that a killed platform left behind is taken over.
 * @param fresh empties it first
 * @throws UserError when another platform runs on it
 */
export async function takeState(folder: string, fresh: boolean): Promise<State> {
  const isNew = !existsSync(folder);
  const file = join(folder, LOCK);
  try {
    mkdirSync(folder, { recursive: true });
    // It has secrets, keys and the data of people; that of an earlier version was readable by all.
    chmodSync(folder, 0o700);
  } catch (error) {
    throw new UserError(`The state folder ${folder} cannot be made: ${(error as Error).message}`);
  }
  while (!tryToLock(file)) await removeIfStale(file);
  for (const name of fresh ? readdirSync(folder) : []) {
    if (name !== LOCK) rmSync(join(folder, name), { recursive: true });
  }
  return {
    folder,
    file: (name) => join(folder, name),
    publish(url) {
      writeWhole(file, JSON.stringify({ pid: process.pid, url }));
    },
    release: () => rmSync(file, { force: true }),
    discard: () => rmSync(isNew ? folder : file, { recursive: true, force: true }),
  };
}

/**
 * Removes the lock of a platform that is gone, one process at a time: two that found the same stale lock would otherwise
 * both remove it, and the second one the lock that the first has just taken.
 * @throws UserError when its platform runs
 */
async function removeIfStale(file: string): Promise<void> {
  const turn = `${file}.turn`;
  try {
    mkdirSync(turn);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotWrite(file, error);
    // Another process looks at it. A turn takes up to the two seconds that a platform has to answer.
    if (ageMs(turn) > 10_000) rmSync(turn, { recursive: true, force: true });
    return pause();
  }
  try {
    const holder = readLock(file);
    if (holder && (await isRunning(holder, file))) {
      const address = holder.url ? `runs already: ${holder.url}` : 'is starting';
      throw new UserError(
        `A platform with this state ${address} (process ${holder.pid}). Stop it, or start this one with --state DIR.`,
      );
    }
    // It is made before it is written, so one that cannot be read may be a moment old.
    if (!holder && ageMs(file) < 1_000) return await pause();
    rmSync(file, { force: true });
  } finally {
    rmSync(turn, { recursive: true, force: true });
  }
}

function tryToLock(file: string): boolean {
  try {
    writeFileSync(file, JSON.stringify({ pid: process.pid }), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cannotWrite(file, error);
  }
}

const cannotWrite = (file: string, error: unknown) =>
  new UserError(`The state cannot be written: ${file}: ${(error as Error).message}. Make room, or choose another folder with --state DIR.`);

/** Milliseconds since a file was written; 0 where it is gone. */
function ageMs(file: string): number {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat ? Date.now() - stat.mtimeMs : 0;
}

const pause = () => new Promise<void>((done) => setTimeout(done, 20));

/** The lock; undefined where there is none any more, or none that can be read. */
function readLock(file: string): Lock | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Lock;
  } catch {
    return undefined;
  }
}

/** Whether the process in a lock is a platform: the number alone may belong to another process by now. */
async function isRunning({ pid, url }: Lock, file: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (!url) return ageMs(file) < START_MS;
  try {
    const health = await fetch(`${url}/_local/health`, { signal: AbortSignal.timeout(2_000) });
    return ((await health.json()) as { pid?: number }).pid === pid;
  } catch {
    return false;
  }
}
