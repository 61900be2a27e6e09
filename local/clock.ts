import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * The time that functions, the sweeper and idempotency windows see: the machine's, moved forward by
 * `POST /_local/clock`. It is kept in a file, since data written in the future would be wrong after a restart.
 */
export class Clock {
  private readonly steps: Step[];

  constructor(private readonly file: string) {
    const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { offsetMs: number; steps?: Step[] }) : undefined;
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

  advance(seconds: number): void {
    this.steps.push({ since: Date.now(), offsetMs: this.offset + seconds * 1_000 });
    writeFileSync(this.file, JSON.stringify({ offsetMs: this.offset, steps: this.steps }));
  }
}

/** Since when, on the machine, it is how far ahead: milliseconds, both. */
interface Step {
  since: number;
  offsetMs: number;
}
