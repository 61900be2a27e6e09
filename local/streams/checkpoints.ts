import { readState, writeWhole } from '../state-file';

/** Up to where each reader of a stream has come, in a file: after a restart it goes on from there. */
export class Checkpoints {
  private readonly positions: Record<string, string>;

  constructor(private readonly file: string) {
    const read = (text: string) => JSON.parse(text) as Record<string, string>;
    this.positions = readState(file, read, 'each stream is read again from its oldest record') ?? {};
  }

  get(reader: string): string | undefined {
    return this.positions[reader];
  }

  set(reader: string, sequenceNumber: string): void {
    this.write({ ...this.positions, [reader]: sequenceNumber });
    this.positions[reader] = sequenceNumber;
  }

  /** Lets a reader begin at the oldest record. */
  forget(reader: string): void {
    const { [reader]: _, ...others } = this.positions;
    this.write(others);
    delete this.positions[reader];
  }

  private write(positions: Record<string, string>): void {
    writeWhole(this.file, JSON.stringify(positions, null, 2));
  }
}
