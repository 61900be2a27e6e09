import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { UserError } from './user-error';

/**
 * Writes a file whole, for its owner only. A process that is killed meanwhile, or finds no room, leaves the old content or the new one.
 * @throws as `fs` does, as with ENOSPC
 */
export function writeWhole(file: string, content: string | Buffer | Iterable<string>): void {
  const next = `${file}.new`;
  const descriptor = openSync(next, 'w', 0o600);
  try {
    for (const part of typeof content === 'string' || Buffer.isBuffer(content) ? [content] : content) writeFileSync(descriptor, part);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(next, file);
}

/**
 * Reads a file of the state.
 * @param read makes the content of its text
 * @param lost what a store without the file lacks, for a person
 * @returns undefined where there is none
 * @throws UserError for one that cannot be read, saying what to do
 */
export function readState<Content>(file: string, read: (text: string) => Content, lost: string): Content | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return read(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}. Without it, ${lost}. Delete the file to go on so, or start with --fresh for empty tables.`);
  }
}
