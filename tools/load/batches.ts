import type { Ledger } from './ledger';
import type { ProductRow, Row } from './rows';

/** What a request holds at most. */
export interface BatchLimits {
  rows: number;
  bytes: number;
}

/** How many rows may wait for an earlier one of their product. */
const MAX_HELD = 1_000;

/** How many rows are read ahead of the first one that is not settled. */
const MAX_OPEN = 5_000;

/** How often a row is sent again that the store did not come to. */
const MAX_REPEATS = 5;

/**
 * Forms the requests. No product is under way twice: a row waits while an earlier one of its product is, so the last row
 * of a product is the one that stays. What waits is bounded, and so is what is read ahead.
 */
export class Batches {
  private readonly held: ProductRow[] = [];
  private readonly busy = new Set<string>();
  private readonly repeats = new Map<ProductRow, number>();
  private ended = false;
  private stopped = false;
  private turn: Promise<unknown> = Promise.resolve();
  private changes = 0;
  private wake: () => void = () => {};

  constructor(
    private readonly rows: AsyncIterator<Row>,
    private readonly ledger: Ledger,
    private readonly limits: BatchLimits,
  ) {}

  /** The next request's rows; undefined when there are no more, and after a stop. To be settled each. */
  next(): Promise<ProductRow[] | undefined> {
    const batch = this.turn.then(() => this.form());
    this.turn = batch.catch(() => {});
    return batch;
  }

  /** @param failures why rows were not written; those that were are not in it */
  settle(batch: ProductRow[], failures: Map<ProductRow, string>): void {
    const again: ProductRow[] = [];
    for (const row of batch) {
      if (row.productId !== null) this.busy.delete(row.productId);
      const failure = failures.get(row) ?? null;
      const repeats = this.repeats.get(row) ?? 0;
      if (failure !== null && isPassing(failure) && repeats < MAX_REPEATS) {
        this.repeats.set(row, repeats + 1);
        again.push(row);
      } else {
        this.repeats.delete(row);
        this.ledger.settle(row, failure);
      }
    }
    // In front of every later row of the same product.
    this.held.unshift(...again);
    this.ledger.save();
    this.changed();
  }

  /** Nothing is begun any more. */
  stop(): void {
    this.stopped = true;
    this.changed();
  }

  /** Whether every row of the file is settled. */
  get areDone(): boolean {
    return this.ended && this.ledger.open === 0;
  }

  private changed(): void {
    this.changes++;
    this.wake();
  }

  private async form(): Promise<ProductRow[] | undefined> {
    while (!this.stopped) {
      const { changes } = this;
      const batch = new Batch(this.limits);
      this.takeHeld(batch);
      await this.takeRead(batch);
      if (batch.rows.length > 0) return batch.rows;
      if (this.ended && this.held.length === 0) return undefined;
      // All that there is waits for rows under way, which may have been settled during the read.
      if (this.changes === changes) await new Promise<void>((wake) => (this.wake = wake));
    }
    return undefined;
  }

  private takeHeld(batch: Batch): void {
    for (const row of this.held.splice(0)) if (!this.take(row, batch)) this.held.push(row);
  }

  private async takeRead(batch: Batch): Promise<void> {
    while (!batch.full && !this.stopped && this.held.length < MAX_HELD && this.mayReadOn()) {
      const { value: row, done } = await this.rows.next();
      if (done) {
        this.ended = true;
        break;
      }
      this.ledger.add(row);
      if ('fault' in row) this.ledger.settle(row, row.fault);
      else if (!this.take(row, batch)) this.held.push(row);
    }
    this.ledger.save();
  }

  private mayReadOn(): boolean {
    if (this.ledger.open >= MAX_OPEN) this.ledger.save();
    return this.ledger.open < MAX_OPEN;
  }

  /** @returns false when the row has to wait: for another one of its product, or for the next request */
  private take(row: ProductRow, batch: Batch): boolean {
    const { productId } = row;
    if (productId === null) return batch.add(row);
    const waits = this.busy.has(productId) || this.held.some((earlier) => earlier.productId === productId);
    if (waits || !batch.add(row)) return false;
    this.busy.add(productId);
    return true;
  }
}

class Batch {
  readonly rows: ProductRow[] = [];
  /** Once a row did not fit, no other one does: it might be a later one of the same product. */
  full = false;
  private bytes = 0;

  constructor(private readonly limits: BatchLimits) {}

  add(row: ProductRow): boolean {
    const bytes = Buffer.byteLength(row.json) + 1;
    this.full ||= this.rows.length > 0 && this.bytes + bytes > this.limits.bytes;
    if (this.full) return false;
    this.rows.push(row);
    this.bytes += bytes;
    this.full = this.rows.length >= this.limits.rows;
    return true;
  }
}

/** The store tells so that a product was not written for no fault of its own. */
export const isPassing = (failure: string): boolean => failure.startsWith('unprocessed: ');
