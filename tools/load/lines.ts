import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';

/** A place between two rows of a file. */
export interface Position {
  /** Bytes before it. */
  offset: number;
  /** The number of the line that begins there, from 1. */
  line: number;
}

export const START: Position = { offset: 0, line: 1 };

/** A line as it stands in the file. */
export interface Line {
  number: number;
  /** With its end of line. */
  text: string;
  /** Bytes of the file up to its end. */
  end: number;
  /** Why `text` is not what the file holds. */
  fault?: string;
}

/** The longest row. A product has 8 KB at most; without a bound, a file without line ends would be held as a whole. */
export const MAX_ROW_BYTES = 64 * 1024;

/** What is kept of a line that is longer, for its report. */
const EXCERPT_BYTES = 200;

/** Reads a file line by line from a position, up to its size. A byte order mark is left out. */
export async function* readLines(path: string, from: Position, size: number): AsyncGenerator<Line> {
  if (from.offset >= size) return;
  let { offset: end, line: number } = from;
  let parts: Buffer[] = [];
  let length = 0;
  const take = (): Line => {
    end += length;
    const line = { number: number++, end, ...decode(Buffer.concat(parts), length) };
    [parts, length] = [[], 0];
    return line.number === 1 ? { ...line, text: line.text.replace(/^\uFEFF/, '') } : line;
  };
  for await (const chunk of createReadStream(path, { start: from.offset, end: size - 1, highWaterMark: 256 * 1024 })) {
    const bytes = chunk as Buffer;
    for (let begin = 0; begin < bytes.length; ) {
      const lineFeed = bytes.indexOf(0x0a, begin);
      const stop = lineFeed === -1 ? bytes.length : lineFeed + 1;
      length += stop - begin;
      if (length <= MAX_ROW_BYTES || parts.length === 0) parts.push(bytes.subarray(begin, stop));
      if (lineFeed !== -1) yield take();
      begin = stop;
    }
  }
  if (length > 0) yield take();
}

function decode(bytes: Buffer, length: number): Pick<Line, 'text' | 'fault'> {
  if (length > MAX_ROW_BYTES) {
    const fault = `the line is ${length} bytes; the limit is ${MAX_ROW_BYTES}`;
    return { text: `${bytes.toString('utf8', 0, EXCERPT_BYTES)}…`, fault };
  }
  const text = bytes.toString('utf8');
  return isUtf8(bytes) ? { text } : { text, fault: 'the line is not UTF-8' };
}
