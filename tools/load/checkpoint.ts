import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as z from 'zod/mini';

const count = z.int().check(z.minimum(0));

const checkpoint = z.strictObject({
  /** What was loaded, and to where: a position means nothing for another file or another store. */
  fingerprint: z.string(),
  url: z.string(),
  /** Every row before it is settled. */
  position: z.strictObject({ offset: count, line: count }),
  written: count,
  failed: count,
  /** Bytes of the file of failed rows; those that follow belong to rows that are loaded again. */
  failedBytes: count,
  firstFailures: z.array(z.strictObject({ line: count, reason: z.string() })),
});

/** How far a load has come. */
export type Checkpoint = z.output<typeof checkpoint>;

/** The checkpoint in a file; undefined where there is none that can be read. */
export function readCheckpoint(file: string): Checkpoint | undefined {
  try {
    return checkpoint.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Whoever is killed meanwhile leaves the old checkpoint or the new one, whole. */
export function writeCheckpoint(file: string, content: Checkpoint): void {
  writeFileSync(`${file}.new`, JSON.stringify(content));
  renameSync(`${file}.new`, file);
}

export function removeCheckpoint(file: string): void {
  rmSync(`${file}.new`, { force: true });
  rmSync(file, { force: true });
}
