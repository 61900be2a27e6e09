import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { UserError } from '../user-error';

const position = z.strictObject({
  /** The sequence number of the last record that was printed; without one the shard is read from TRIM_HORIZON. */
  after: z.optional(z.string()),
  /** Epoch milliseconds: the shard was taken up at LATEST, so what is older is not printed. Until there is an `after`. */
  since: z.optional(z.number()),
  /** Read to its end. */
  finished: z.optional(z.literal(true)),
});

/** How far one shard is printed. */
export type Position = z.output<typeof position>;

const checkpoint = z.strictObject({
  /** For whoever looks into the file. */
  table: z.string(),
  streamArn: z.string(),
  shards: z.record(z.string(), position),
});

export type Checkpoint = z.output<typeof checkpoint>;

/**
 * @param name of what is followed
 * @param address of the store: the streams of two machines have one ARN
 */
export function checkpointFile(folder: string, name: string, streamArn: string, address: string): string {
  const hash = createHash('sha256').update(`${streamArn} ${address}`).digest('hex').slice(0, 12);
  return join(folder, `${name}-${hash}.json`);
}

/**
 * The checkpoint in a file; undefined where there is none.
 * @throws UserError where it cannot be read: to begin anew without a word could lose records, or print a day of them
 */
export function readCheckpoint(file: string): Checkpoint | undefined {
  try {
    return checkpoint.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UserError(`The checkpoint ${file} cannot be read. Begin anew with --from trim-horizon or --from latest.`);
  }
}

/** Whoever is killed meanwhile leaves the old checkpoint or the new one, whole. @throws UserError */
export function writeCheckpoint(file: string, content: Checkpoint): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(content));
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw new UserError(`The checkpoint cannot be written: ${(error as Error).message}`);
  }
}
