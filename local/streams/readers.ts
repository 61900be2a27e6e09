import { setTimeout as sleep } from 'node:timers/promises';
import type { Checkpoints } from './checkpoints';

const RESTART_MS = 1_000;

/**
 * Reads until the signal aborts: a reader that failed (its checkpoint could not be written, say) begins again, where its
 * checkpoint is.
 * @param wait before it begins again; tests make it instant
 */
export async function keepReading(
  read: () => Promise<void>,
  signal: AbortSignal,
  onProblem: (text: string) => void,
  wait: (ms: number) => Promise<void> = (ms) => sleep(ms, undefined, { signal }).catch(() => {}),
): Promise<void> {
  while (!signal.aborted) {
    try {
      await read();
    } catch (error) {
      if (signal.aborted) return;
      onProblem(`A reader of a stream begins again: ${String(error)}`);
      await wait(RESTART_MS);
    }
  }
}

/** Who reads the stream of each table: what one of them has not read is kept for it. */
export class Readers {
  private readonly ofTable = new Map<string, string[]>();

  constructor(private readonly checkpoints: Pick<Checkpoints, 'get'>) {}

  add(table: string, reader: string): void {
    this.ofTable.set(table, [...(this.ofTable.get(table) ?? []), reader]);
  }

  /** The tables whose streams all readers have begun to read, each with the sequence number of the one that is last. */
  behind(): Map<string, string> {
    const found = new Map<string, string>();
    for (const [table, readers] of this.ofTable) {
      const positions = readers.map((reader) => this.checkpoints.get(reader)).filter((position) => position !== undefined);
      // Sequence numbers are of one length here, so text order is theirs.
      const [last] = positions.sort();
      if (last !== undefined && positions.length === readers.length) found.set(table, last);
    }
    return found;
  }
}
