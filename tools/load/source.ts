import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { UserError } from '../user-error';

export const FORMATS = ['csv', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

const BY_EXTENSION: Record<string, Format> = { '.csv': 'csv', '.jsonl': 'jsonl', '.ndjson': 'jsonl', '.json': 'jsonl' };

/** A file of products. */
export interface Source {
  path: string;
  /** Its name without the folder, for messages. */
  name: string;
  format: Format;
  /** Bytes that are loaded; what is appended meanwhile is not. */
  size: number;
  /** Differs when the content does: a position in another content means nothing. */
  fingerprint: string;
}

/** How much of the file's begin and end is hashed. All of it would take long before the first row. */
const HASHED_BYTES = 64 * 1024;

/** @throws UserError where there is no such file, or nothing tells its format */
export async function openSource(path: string, format: Format | undefined): Promise<Source> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(code === 'ENOENT' ? `There is no file ${path}.` : `${path} cannot be read (${code}).`);
  }
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) throw new UserError(`${path} is a directory; give a file of products.`);
    // A pipe cannot be read again from where a load stopped.
    if (!stat.isFile()) throw new UserError(`${path} is no regular file; write its content to one first.`);
    const known = format ?? BY_EXTENSION[extname(path).toLowerCase()];
    if (!known) {
      throw new UserError(`The name ${basename(path)} does not tell its format; say it: --format ${FORMATS.join(' or --format ')}`);
    }
    const [first, last] = [await read(file, 0), await read(file, Math.max(0, stat.size - HASHED_BYTES))];
    refuseForeign(path, known, first);
    const hash = createHash('sha256').update(first).update(last).digest('hex');
    return {
      path,
      name: basename(path),
      format: known,
      size: stat.size,
      fingerprint: [known, stat.size, stat.mtimeMs, hash].join(' '),
    };
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HASHED_BYTES), 0, HASHED_BYTES, position);
  return buffer.subarray(0, bytesRead);
}

/** Refuses what would otherwise fail row by row, for one reason. */
function refuseForeign(path: string, format: Format, begin: Buffer): void {
  const mark = begin.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') throw new UserError(`${path} is UTF-16; save it as UTF-8.`);
  if (format === 'jsonl' && /^\uFEFF?\s*\[/.test(begin.toString('utf8'))) {
    throw new UserError(`${path} is one JSON list; JSON Lines have one product per line: jq -c '.[]' ${basename(path)} > products.jsonl`);
  }
}
