import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { writeWhole } from '../state-file';

/** What is known of an object besides its content. */
interface ObjectHeaders {
  /** Response headers: content type, user metadata. */
  headers: Record<string, string>;
  /** Epoch milliseconds. */
  lastModified: number;
}

export interface StoredObject extends ObjectHeaders {
  content: Buffer;
}

/** The objects of the buckets, each a file with its headers in another beside it. */
export class Objects {
  constructor(
    private readonly folder: string,
    readonly buckets: readonly string[],
  ) {}

  put(bucket: string, key: string, { content, ...headers }: StoredObject): void {
    const file = this.file(bucket, key);
    mkdirSync(dirname(file), { recursive: true });
    writeWhole(`${file}.headers`, JSON.stringify(headers));
    writeWhole(file, content);
  }

  get(bucket: string, key: string): StoredObject | undefined {
    const file = this.file(bucket, key);
    if (!existsSync(file)) return undefined;
    const headers = JSON.parse(readFileSync(`${file}.headers`, 'utf8')) as ObjectHeaders;
    return { ...headers, content: readFileSync(file) };
  }

  /** Deletes an object, if there is one. */
  delete(bucket: string, key: string): void {
    const file = this.file(bucket, key);
    rmSync(file, { force: true });
    rmSync(`${file}.headers`, { force: true });
  }

  /** The keys of a bucket that begin so, in the order of their bytes. */
  keys(bucket: string, prefix: string): string[] {
    const folder = join(this.folder, bucket);
    if (!existsSync(folder)) return [];
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.includes('.'));
    const keys = files.map(({ parentPath, name }) => keyOf(relative(folder, join(parentPath, name)).split(sep)));
    return keys.filter((key) => key.startsWith(prefix)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  /** What a list says of an object. @returns undefined for one that is gone */
  describe(bucket: string, key: string): { bytes: number; lastModified: number; etag: string } | undefined {
    const found = this.get(bucket, key);
    return found && { bytes: found.content.length, lastModified: found.lastModified, etag: etagOf(found.content) };
  }

  private file(bucket: string, key: string): string {
    return join(this.folder, bucket, ...pathOf(key));
  }
}

/** As the S3 API shows it. */
export const etagOf = (content: Buffer): string => `"${createHash('md5').update(content).digest('hex')}"`;

/** File systems take names of up to 255 bytes, and one is followed by `.headers.new` at times. */
const LONGEST_NAME = 200;

/**
 * Names for a key, which may hold anything: `..`, a slash at its beginning, two that differ in case only. All but lower
 * case letters, digits, `-` and `_` is written as `%` and hex digits; folders of a long key end with `+`, so that none is
 * also a file.
 */
function pathOf(key: string): string[] {
  const encoded = [...Buffer.from(key)].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[a-z0-9_-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
  });
  const names: string[] = [];
  for (let rest = encoded.join(''); rest !== ''; rest = rest.slice(LONGEST_NAME)) names.push(rest.slice(0, LONGEST_NAME));
  return names.map((name, at) => (at < names.length - 1 ? `${name}+` : name));
}

/** The key of which these are the names. */
const keyOf = (names: readonly string[]): string =>
  Buffer.from(
    names
      .map((name) => name.replace(/\+$/, ''))
      .join('')
      .replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  ).toString('utf8');
