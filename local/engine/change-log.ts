import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { UserError } from '../user-error';

/** One change of an item, as the engine recorded it. */
export interface Change {
  /** Grows with every change of any table, and is never used again. */
  id: number;
  eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  /** DynamoDB JSON. */
  keys: Item;
  newImage?: Item;
  oldImage?: Item;
  /** Epoch seconds. */
  createdAt: number;
  /** Whether the sweeper deleted it, as TTL does. */
  isExpiry: boolean;
}

/** A stream of a table. One that has ended is kept for a day. */
export interface Stream {
  arn: string;
  table: string;
  view: string;
  /** As JSON. */
  keySchema: string;
  /** Epoch seconds. */
  createdAt: number;
  /** Its changes are those of the table behind this id, up to `until`. */
  after: number;
  until: number | null;
}

/** An item as DynamoDB's JSON has it. */
export type Item = Record<string, unknown>;

/**
 * dynoxide asks for the highest sequence number of all records it keeps before each write, without an index, so every
 * record makes every later write slower. A trigger moves each record, in the transaction of its write, into a table with
 * an index: the engine's own stays empty, and a write costs the same however old the database is.
 *
 * `expiry` holds the deletes of the sweeper, which the engine takes for anybody's: those of a key between two changes.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS change_log (
    id INTEGER PRIMARY KEY,
    table_name TEXT NOT NULL,
    event_name TEXT NOT NULL,
    keys_json TEXT NOT NULL,
    new_image TEXT,
    old_image TEXT,
    created_at INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS change_log_by_table ON change_log (table_name, id);
  CREATE INDEX IF NOT EXISTS change_log_by_time ON change_log (table_name, created_at);
  CREATE TRIGGER IF NOT EXISTS change_log_of_stream_records AFTER INSERT ON _stream_records BEGIN
    INSERT INTO change_log VALUES
      (NEW.id, NEW.table_name, NEW.event_name, NEW.keys_json, NEW.new_image, NEW.old_image, NEW.created_at);
    DELETE FROM _stream_records WHERE id = NEW.id;
  END;
  CREATE TABLE IF NOT EXISTS expiry (table_name TEXT NOT NULL, item_key TEXT NOT NULL, after_id INTEGER NOT NULL, until_id INTEGER);
  CREATE INDEX IF NOT EXISTS expiry_by_key ON expiry (table_name, item_key);
  CREATE TABLE IF NOT EXISTS stream (
    arn TEXT PRIMARY KEY,
    table_name TEXT NOT NULL,
    view TEXT NOT NULL,
    key_schema TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    after_id INTEGER NOT NULL,
    until_id INTEGER,
    ended_at INTEGER
  );
  CREATE TABLE IF NOT EXISTS trimmed (table_name TEXT PRIMARY KEY, id INTEGER NOT NULL);
  UPDATE expiry SET until_id = (SELECT coalesce(max(id), 0) FROM change_log) WHERE until_id IS NULL`;

interface Row {
  id: number;
  event_name: Change['eventName'];
  keys_json: string;
  new_image: string | null;
  old_image: string | null;
  created_at: number;
}

/** How many records one transaction deletes: the engine's writes wait for it. */
const TRIMMED_AT_ONCE = 500;

/** The changes that dynoxide recorded for its streams, in its own database file. */
export class ChangeLog {
  private readonly database: DatabaseSyncInstance;
  private readonly statements = new Map<string, StatementSyncInstance>();

  /**
   * @param file dynoxide's database, which a running engine may be writing to
   * @throws UserError where it is none that this knows
   */
  constructor(file: string) {
    this.database = new DatabaseSync(file, { timeout: 5_000 });
    try {
      this.database.exec(SCHEMA);
    } catch (error) {
      this.database.close();
      if (!/no such (table|column)/.test(String(error))) throw error;
      throw new UserError(`This engine keeps its streams otherwise than dynoxide 1.2.1, so they cannot be read: ${(error as Error).message}`);
    }
  }

  /** The streams, by their ARNs. */
  streams(): Stream[] {
    return this.all<Stream>(
      `SELECT arn, table_name AS "table", view, key_schema AS keySchema, created_at AS createdAt, after_id AS after, until_id AS until
        FROM stream ORDER BY arn`,
    );
  }

  /** Adds a stream, unless it is there. */
  addStream({ arn, table, view, keySchema, createdAt, after }: Omit<Stream, 'until'>): void {
    this.run('INSERT OR IGNORE INTO stream VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)', arn, table, view, keySchema, createdAt, after);
  }

  /** Ends the stream of a table, if it has one. @param now epoch seconds */
  endStream(table: string, now: number): void {
    this.run('UPDATE stream SET until_id = ?, ended_at = ? WHERE table_name = ? AND until_id IS NULL', this.lastId(), now, table);
  }

  /** Forgets the streams that ended before, in epoch seconds. */
  forgetStreams(endedBefore: number): void {
    this.run('DELETE FROM stream WHERE ended_at < ?', endedBefore);
  }

  /** The id of the last change of any table. */
  lastId(): number {
    return this.all<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM change_log')[0]?.id ?? 0;
  }

  /** The changes of a stream behind an id, oldest first. */
  read({ table, after, until }: Pick<Stream, 'table' | 'after' | 'until'>, behind: number, limit: number): Change[] {
    const rows = this.all<Row>(
      `SELECT id, event_name, keys_json, new_image, old_image, created_at FROM change_log
        WHERE table_name = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?`,
      table,
      Math.max(after, behind),
      until ?? Number.MAX_SAFE_INTEGER,
      limit,
    );
    return rows.map(({ id, event_name: eventName, keys_json, new_image, old_image, created_at: createdAt }) => {
      const keys = JSON.parse(keys_json) as Item;
      return {
        id,
        eventName,
        keys,
        ...(new_image !== null && { newImage: JSON.parse(new_image) as Item }),
        ...(old_image !== null && { oldImage: JSON.parse(old_image) as Item }),
        createdAt,
        isExpiry: eventName === 'REMOVE' && this.isExpiry(table, keys, id),
      };
    });
  }

  /** The ids of the first and the last change that is kept of a stream; undefined where there is none. */
  range({ table, after, until }: Pick<Stream, 'table' | 'after' | 'until'>): { first: number; last: number } | undefined {
    const [row] = this.all<{ first: number | null; last: number | null }>(
      'SELECT min(id) AS first, max(id) AS last FROM change_log WHERE table_name = ? AND id > ? AND id <= ?',
      table,
      after,
      until ?? Number.MAX_SAFE_INTEGER,
    );
    return row && row.first !== null && row.last !== null ? { first: row.first, last: row.last } : undefined;
  }

  /** Says that what `remove` deletes has expired. It is noted before, so that nobody reads the change without it. */
  async expire(table: string, keys: Item, remove: () => Promise<void>): Promise<void> {
    const key = keyText(keys);
    const note = 'INSERT INTO expiry VALUES (?, ?, (SELECT coalesce(max(id), 0) FROM change_log), NULL)';
    const { lastInsertRowid } = this.prepared(note).run(table, key);
    try {
      await remove();
    } catch (error) {
      this.run('DELETE FROM expiry WHERE rowid = ?', Number(lastInsertRowid));
      throw error;
    }
    this.run('UPDATE expiry SET until_id = (SELECT coalesce(max(id), 0) FROM change_log) WHERE rowid = ?', Number(lastInsertRowid));
  }

  /** The last change of a table that was trimmed; 0 where none was. */
  trimmedTo(table: string): number {
    const [row] = this.all<{ id: number }>('SELECT id FROM trimmed WHERE table_name = ?', table);
    return row?.id ?? 0;
  }

  /** Deletes the changes of a table up to an id, a few at a time. */
  async trim(table: string, upTo: number): Promise<void> {
    this.run('INSERT INTO trimmed VALUES (?, ?) ON CONFLICT DO UPDATE SET id = max(id, excluded.id)', table, upTo);
    for (;;) {
      const changes = this.run(
        'DELETE FROM change_log WHERE id IN (SELECT id FROM change_log WHERE table_name = ? AND id <= ? ORDER BY id LIMIT ?)',
        table,
        upTo,
        TRIMMED_AT_ONCE,
      );
      if (changes < TRIMMED_AT_ONCE) break;
      await new Promise((done) => setImmediate(done));
    }
    this.run('DELETE FROM expiry WHERE table_name = ? AND until_id <= ?', table, upTo);
  }

  /** The last change of a table that is older than a time, or behind more than so many newer ones; 0 where none is. */
  lastOld(table: string, olderThan: number, newer: number): number {
    const [byTime] = this.all<{ id: number }>(
      'SELECT id FROM change_log WHERE table_name = ? AND created_at < ? ORDER BY created_at DESC, id DESC LIMIT 1',
      table,
      olderThan,
    );
    const [byCount] = this.all<{ id: number }>(
      'SELECT id FROM change_log WHERE table_name = ? ORDER BY id DESC LIMIT 1 OFFSET ?',
      table,
      newer,
    );
    return Math.max(byTime?.id ?? 0, byCount?.id ?? 0);
  }

  close(): void {
    this.database.close();
  }

  private isExpiry(table: string, keys: Item, id: number): boolean {
    const found = this.all(
      'SELECT 1 FROM expiry WHERE table_name = ? AND item_key = ? AND after_id < ? AND coalesce(until_id, ?) >= ?',
      table,
      keyText(keys),
      id,
      id,
      id,
    );
    return found.length > 0;
  }

  private all<Shape>(sql: string, ...values: (string | number)[]): Shape[] {
    return this.prepared(sql).all(...values) as Shape[];
  }

  private run(sql: string, ...values: (string | number)[]): number {
    return Number(this.prepared(sql).run(...values).changes);
  }

  private prepared(sql: string): StatementSyncInstance {
    const known = this.statements.get(sql) ?? this.database.prepare(sql);
    this.statements.set(sql, known);
    return known;
  }
}

/** A key as text, to compare: engines write its attributes in any order. */
export const keyText = (keys: Item): string => JSON.stringify(Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1)));
