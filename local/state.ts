import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from './user-error';

/** Where a platform keeps what survives a restart: one folder for each engine and layout. */
export interface State {
  folder: string;
  file(name: string): string;
  release(): void;
  /** Releases it after a start that failed, and leaves nothing where there was nothing. */
  discard(): void;
}

/**
 * Takes a state folder for this process. A lock that a killed platform left behind is taken over.
 * @param fresh empties it first
 * @throws UserError when another platform runs on it
 */
export async function takeState(folder: string, fresh: boolean): Promise<State> {
  const lock = join(folder, 'platform.json');
  const holder = existsSync(lock) ? (JSON.parse(readFileSync(lock, 'utf8')) as { pid: number; url?: string }) : undefined;
  if (holder && (await isPlatform(holder))) {
    throw new UserError(
      `A platform with this state runs already: ${holder.url} (process ${holder.pid}). Stop it, or start this one with --state DIR.`,
    );
  }
  if (fresh) rmSync(folder, { recursive: true, force: true });
  const isNew = !existsSync(folder);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`The state folder ${folder} cannot be made: ${(error as Error).message}`);
  }
  writeFileSync(lock, JSON.stringify({ pid: process.pid }));
  return {
    folder,
    file: (name) => join(folder, name),
    release: () => rmSync(lock, { force: true }),
    discard: () => rmSync(isNew ? folder : lock, { recursive: true, force: true }),
  };
}

/** Notes the address in the lock, so that a second start can name it. */
export function publishUrl(state: State, url: string): void {
  writeFileSync(state.file('platform.json'), JSON.stringify({ pid: process.pid, url }));
}

/** Whether the process in a lock still is a platform: the number alone may belong to another process by now. */
async function isPlatform({ pid, url }: { pid: number; url?: string }): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (!url) return false;
  try {
    const health = (await (await fetch(`${url}/_local/health`, { signal: AbortSignal.timeout(2_000) })).json()) as { pid?: number };
    return health.pid === pid;
  } catch {
    return false;
  }
}
