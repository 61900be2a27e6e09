import { appendFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { type Checkpoint, removeCheckpoint, writeCheckpoint } from './checkpoint';
import type { Row } from './rows';

/** How many failures the summary names. */
const FIRST_FAILURES = 5;

/**
 * Keeps account of the rows. They are settled in any order and counted in the order of the file, so that there is one
 * position before which all is done: a load that is killed goes on from there, and no row is counted or reported twice.
 */
export class Ledger {
  /** The rows from the first one under way, with why each was not written; null when it was, undefined while under way. */
  private readonly rows = new Map<Row, string | null | undefined>();

  private begun = false;

  constructor(
    private readonly files: { checkpoint: string; failures: string },
    private state: Checkpoint,
  ) {}

  get now(): Readonly<Checkpoint> {
    return this.state;
  }

  /** Rows that are not counted yet. */
  get open(): number {
    return this.rows.size;
  }

  /** Takes up a row, in the order of the file. */
  add(row: Row): void {
    this.rows.set(row, undefined);
  }

  settle(row: Row, failure: string | null): void {
    this.rows.set(row, failure);
  }

  /** Counts what is settled by now, reports what failed of it, and moves the checkpoint. */
  save(): void {
    const next = { ...this.state, firstFailures: [...this.state.firstFailures] };
    const reports: string[] = [];
    for (const [row, failure] of this.rows) {
      if (failure === undefined) break;
      this.rows.delete(row);
      next.position = row.next;
      if (failure === null) {
        next.written++;
        continue;
      }
      next.failed++;
      const { line, productId, raw } = row;
      if (next.firstFailures.length < FIRST_FAILURES) next.firstFailures.push({ line, reason: failure });
      reports.push(`${JSON.stringify({ line, productId, reason: failure, row: raw })}\n`);
    }
    if (next.position === this.state.position) return;
    this.begin();
    // Before the checkpoint: reports that it does not count are cut off when the load goes on.
    if (reports.length > 0) {
      appendFileSync(this.files.failures, reports.join(''));
      next.failedBytes = statSync(this.files.failures).size;
    }
    this.state = next;
    writeCheckpoint(this.files.checkpoint, next);
  }

  /** All rows are settled: nothing is left to go on with. */
  close(): void {
    this.begin();
    removeCheckpoint(this.files.checkpoint);
  }

  /** Drops reports that do not count, of an earlier load or of rows that are loaded again; not before this load gets on. */
  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    const { failures } = this.files;
    const size = statSync(failures, { throwIfNoEntry: false })?.size ?? 0;
    if (this.state.failedBytes === 0) rmSync(failures, { force: true });
    else if (size > this.state.failedBytes) truncateSync(failures, this.state.failedBytes);
  }
}
