import { readState, writeWhole } from './state-file';

/**
 * The time that functions, the sweeper and idempotency windows see: the machine's, moved forward by
 * `POST /_local/clock`. It is kept in a file, since data written in the future would be wrong after a restart.
 */
export class Clock {
  private readonly steps: Step[];

  constructor(private readonly file: string) {
    const kept = readState(file, (text) => JSON.parse(text) as { offsetMs: number; steps?: Step[] }, "the store's time is this machine's");
    this.steps = kept?.steps ?? [{ since: 0, offsetMs: kept?.offsetMs ?? 0 }];
  }

  /** How far ahead of the machine's time it is, in milliseconds. */
  get offset(): number {
    return this.steps.at(-1)?.offsetMs ?? 0;
  }

  /** Epoch milliseconds. */
  now(): number {
    return Date.now() + this.offset;
  }

  /** What it showed in a second of the machine's time: epoch seconds, both. */
  at(machineSeconds: number): number {
    const until = machineSeconds * 1_000 + 999;
    const step = this.steps.findLast(({ since }) => since <= until);
    return machineSeconds + Math.floor((step?.offsetMs ?? 0) / 1_000);
  }

  /** The second of the machine's time that it showed so: the inverse of `at`. */
  machineTime(seconds: number): number {
    const step = this.steps.findLast(({ since, offsetMs }) => since + offsetMs <= seconds * 1_000 + 999);
    return seconds - Math.floor((step?.offsetMs ?? 0) / 1_000);
  }

  /** @throws RangeError past the year 9999, which times in keys and in JSON do not have */
  advance(seconds: number): void {
    if (this.now() + seconds * 1_000 > LAST_MS) throw new RangeError(`The store's time is ${new Date(this.now()).toISOString()}; it ends with the year 9999.`);
    this.set(this.offset + seconds * 1_000);
  }

  /** Sets it back to the machine's time. */
  reset(): void {
    this.set(0);
  }

  private set(offsetMs: number): void {
    const step = { since: Date.now(), offsetMs };
    writeWhole(this.file, JSON.stringify({ offsetMs, steps: [...this.steps, step] }));
    this.steps.push(step);
  }
}

const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Since when, on the machine, it is how far ahead: milliseconds, both. */
interface Step {
  since: number;
  offsetMs: number;
}
