import { JsonLines } from './json-lines';

/** What leaves the store: mail, events, what a stream handler gave up on, archived objects, records put on a stream. */
export const OUTBOX_KINDS = ['email', 'event', 'dead-letter', 'archive', 'stream'] as const;

export interface OutboxItem {
  kind: (typeof OUTBOX_KINDS)[number];
  /** ISO time. */
  at: string;
  /** What the kind has besides. */
  [field: string]: unknown;
}

/** As many are in memory; a start drops older ones from the file too. */
const MOST = 100_000;

/** All that left the store on this machine, so that a person or a test can see it. */
export class Outbox {
  private readonly lines: JsonLines<OutboxItem>;
  private readonly items: OutboxItem[];

  /** @param now epoch milliseconds */
  constructor(
    file: string,
    private readonly now: () => number,
    private readonly most = MOST,
  ) {
    this.lines = new JsonLines(file);
    const kept = this.lines.read();
    this.items = kept.slice(-most);
    if (this.items.length < kept.length) this.lines.rewrite(this.items);
  }

  add(item: Omit<OutboxItem, 'at'> & { kind: OutboxItem['kind']; at?: string }): void {
    const entry: OutboxItem = { ...item, at: item.at ?? new Date(this.now()).toISOString() };
    this.lines.append(entry);
    this.items.push(entry);
    if (this.items.length > 1.1 * this.most) this.items.splice(0, this.items.length - this.most);
  }

  /** Newest first. */
  list(kind?: string): OutboxItem[] {
    return this.items.filter((item) => kind === undefined || item.kind === kind).reverse();
  }
}
