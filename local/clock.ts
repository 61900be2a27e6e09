import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * The time that functions, the sweeper and idempotency windows see: the machine's, moved forward by
 * `POST /_local/clock`. It is kept in a file, since data written in the future would be wrong after a restart.
 */
export class Clock {
  private offsetMs: number;

  constructor(private readonly file: string) {
    this.offsetMs = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { offsetMs: number }).offsetMs : 0;
  }

  /** How far ahead of the machine's time it is, in milliseconds. */
  get offset(): number {
    return this.offsetMs;
  }

  /** Epoch milliseconds. */
  now(): number {
    return Date.now() + this.offsetMs;
  }

  advance(seconds: number): void {
    this.offsetMs += seconds * 1_000;
    writeFileSync(this.file, JSON.stringify({ offsetMs: this.offsetMs }));
  }
}
