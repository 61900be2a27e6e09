import { appendFileSync, closeSync, existsSync, openSync, readFileSync, renameSync, truncateSync, writeSync } from 'node:fs';

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
      .map((line) => JSON.parse(line) as Entry);
  }

  append(entry: Entry): void {
    appendFileSync(this.file, `${JSON.stringify(entry)}\n`);
  }

  /** Replaces the content; whoever reads the file meanwhile reads the old or the new one, whole. */
  rewrite(entries: Iterable<Entry>): void {
    const file = openSync(`${this.file}.new`, 'w');
    for (const entry of entries) writeSync(file, `${JSON.stringify(entry)}\n`);
    closeSync(file);
    renameSync(`${this.file}.new`, this.file);
  }
}
