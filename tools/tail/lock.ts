import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../user-error';

/** Whoever looks at a stale lock needs milliseconds for it: a turn that is older was left by a process that is gone. */
const TURN_MS = 5_000;

/**
 * Takes a checkpoint for this process. The lock of a process that is gone is taken over.
 * @returns gives it back
 * @throws UserError when another process has it
 */
export async function takeLock(file: string): Promise<() => void> {
  const lock = `${file}.lock`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    while (!tryToLock(lock)) await removeIfStale(lock);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`The checkpoint cannot be locked: ${(error as Error).message}`);
  }
  return () => rmSync(lock, { force: true });
}

/** A link appears with its content: no reader finds a lock that says nothing. */
function tryToLock(lock: string): boolean {
  const own = `${lock}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/** One process at a time: of two that found the same stale lock, the second would remove the first one's new lock. */
async function removeIfStale(lock: string): Promise<void> {
  const turn = `${lock}.turn`;
  try {
    mkdirSync(turn);
  } catch {
    const stat = statSync(turn, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > TURN_MS) rmSync(turn, { recursive: true, force: true });
    await sleep(10);
    return;
  }
  try {
    const pid = holder(lock);
    if (pid !== undefined && isRunning(pid)) {
      throw new UserError(
        `Another tail (process ${pid}) follows this stream with the same checkpoint. ` +
          `Stop it, or give this one --state DIR. If that process is no tail, remove ${lock}`,
      );
    }
    rmSync(lock, { force: true });
  } finally {
    rmdirSync(turn);
  }
}

function holder(lock: string): number | undefined {
  try {
    return Number(readFileSync(lock, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A process that was killed keeps its number until its parent asks for it, which in a container may be never. */
function isZombie(pid: number): boolean {
  try {
    // The state stands behind the name, which may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.startsWith('Z') ?? false;
  } catch {
    // Only Linux tells.
    return false;
  }
}
