import { appendFileSync, existsSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { writeWhole } from '../state-file';
import { UserError } from '../user-error';

/**
 * A file of one JSON value per line that is appended to, and survives a kill at any time: a last line that was not
 * written whole is cut off when the file is read.
 */
export class JsonLines<Entry> {
  constructor(private readonly file: string) {}

  /** The entries, oldest first; call it before anything is appended. */
  read(): Entry[] {
    if (!existsSync(this.file)) return [];
    const content = readFileSync(this.file);
    const whole = content.subarray(0, content.lastIndexOf('\n') + 1);
    if (whole.length < content.length) truncateSync(this.file, whole.length);
    return whole
      .toString('utf8')
      .split('\n')
      .slice(0, -1)
      .map((line, index) => {
        try {
          return JSON.parse(line) as Entry;
        } catch (error) {
          const what = `${this.file} cannot be read: line ${index + 1}: ${(error as Error).message}`;
          throw new UserError(`${what}. Delete the file to go on without what was sent and queued, or start with --fresh for empty tables.`);
        }
      });
  }

  append(entry: Entry): void {
    const size = statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
    try {
      appendFileSync(this.file, `${JSON.stringify(entry)}\n`);
    } catch (error) {
      // A full disk takes part of a line, and the next entry would be glued to it.
      if (existsSync(this.file)) truncateSync(this.file, size);
      throw error;
    }
  }

  /** Replaces the content; whoever reads the file meanwhile reads the old or the new one, whole. */
  rewrite(entries: Iterable<Entry>): void {
    writeWhole(this.file, lines(entries));
  }
}

function* lines(entries: Iterable<unknown>): Generator<string> {
  for (const entry of entries) yield `${JSON.stringify(entry)}\n`;
}
