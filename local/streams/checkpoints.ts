import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Up to where each reader of a stream has come, in a file: after a restart it goes on from there. */
export class Checkpoints {
  private readonly positions: Record<string, string>;

  constructor(private readonly file: string) {
    this.positions = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {};
  }

  get(reader: string): string | undefined {
    return this.positions[reader];
  }

  set(reader: string, sequenceNumber: string): void {
    // Whoever is killed meanwhile leaves the old one or the new one, whole.
    writeFileSync(`${this.file}.new`, JSON.stringify({ ...this.positions, [reader]: sequenceNumber }, null, 2));
    renameSync(`${this.file}.new`, this.file);
    this.positions[reader] = sequenceNumber;
  }
}
