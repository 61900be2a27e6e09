import { createHash } from 'node:crypto';
import { COLUMNS } from './columns';
import { type CsvRecord, readRecords } from './csv';
import { type Position, readLines, START } from './lines';
import type { Source } from './source';
import { UserError } from '../user-error';

interface Place {
  /** The line on which it begins, from 1. */
  line: number;
  /** Where the next one may begin. */
  next: Position;
  /** Its text in the file. */
  raw: string;
  /** null where there is none that could be read. */
  productId: string | null;
}

/** A row that holds a product, whatever the store will say of it. */
export interface ProductRow extends Place {
  /** The product as it is sent: of JSON Lines the very text, so that no number loses digits. */
  json: string;
}

/** A row that holds none. */
export interface FaultyRow extends Place {
  fault: string;
}

export type Row = ProductRow | FaultyRow;

/**
 * Opens a file at a position, to read row by row.
 * @throws UserError when a CSV file has no header that names fields of a product
 */
export async function openRows(source: Source, from: Position): Promise<AsyncGenerator<Row>> {
  return source.format === 'csv' ? csvRows(source, await readHeader(source), from) : jsonRows(source, from);
}

async function* jsonRows({ path, size }: Source, from: Position): AsyncGenerator<Row> {
  for await (const { number: line, text, end, fault } of readLines(path, from, size)) {
    const raw = text.trim();
    if (raw === '') continue;
    const place = { line, next: { offset: end, line: line + 1 }, raw, productId: null };
    yield fault ? { ...place, fault } : jsonRow(place);
  }
}

function jsonRow(place: Place): Row {
  const { line, raw } = place;
  let product: unknown;
  try {
    product = JSON.parse(raw);
  } catch (error) {
    return { ...place, fault: `the line is not JSON: ${(error as Error).message}` };
  }
  if (typeof product !== 'object' || product === null || Array.isArray(product)) {
    return { ...place, fault: 'the line is no JSON object' };
  }
  if ('productId' in product) {
    return { ...place, productId: typeof product.productId === 'string' ? product.productId : null, json: raw };
  }
  const productId = stableId(line, raw);
  const rest = raw.slice(1).trimStart();
  return { ...place, productId, json: `{"productId":"${productId}"${rest === '}' ? '' : ','}${rest}` };
}

async function* csvRows({ path, size }: Source, { columns, end }: Header, from: Position): AsyncGenerator<Row> {
  const begin = from.offset > end.offset ? from : end;
  for await (const { first, last, text: raw, cells } of readRecords(readLines(path, begin, size))) {
    const place = { line: first.number, next: { offset: last.end, line: last.number + 1 }, raw, productId: null };
    if ('fault' in cells) yield { ...place, fault: cells.fault };
    // Spreadsheets write an empty row as commas alone.
    else if (cells.every((cell) => cell === '')) continue;
    else yield csvRow(place, columns, cells);
  }
}

function csvRow(place: Place, columns: string[], cells: string[]): Row {
  if (cells.length !== columns.length) {
    return { ...place, fault: `the row has ${cells.length} columns; the header has ${columns.length}` };
  }
  const fields = new Map(columns.map((column, index) => [column, cells[index] ?? '']));
  const productId = fields.get('productId') || stableId(place.line, place.raw);
  fields.set('productId', productId);
  const members = [...fields].flatMap(([name, cell]) => (cell === '' ? [] : [`"${name}":${COLUMNS.get(name)?.(cell)}`]));
  return { ...place, productId, json: `{${members.join(',')}}` };
}

interface Header {
  columns: string[];
  /** Where the rows begin. */
  end: Position;
}

/** @throws UserError naming the columns that are not known */
async function readHeader({ path, name, size }: Source): Promise<Header> {
  const known = `A header names columns of these: ${[...COLUMNS.keys()].join(', ')}.`;
  const first = await readRecords(readLines(path, START, size)).next();
  const header: CsvRecord | undefined = first.done ? undefined : first.value;
  if (!header || header.text.trim() === '') throw new UserError(`${name} does not begin with a header. ${known}`);
  if ('fault' in header.cells) throw new UserError(`The header of ${name} cannot be read: ${header.cells.fault}. ${known}`);
  const columns = header.cells.map((cell) => cell.trim());
  const unknown = columns.filter((column) => !COLUMNS.has(column));
  if (unknown.length > 0) {
    const names = unknown.map((column) => `'${column}'`).join(', ');
    throw new UserError(`The header of ${name} names ${names}, which no product has. ${known}`);
  }
  const twice = columns.find((column, index) => columns.indexOf(column) !== index);
  if (twice !== undefined) throw new UserError(`The header of ${name} names '${twice}' twice.`);
  return { columns, end: { offset: header.last.end, line: header.last.number + 1 } };
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** An id for a row that has none: the same each time the file is loaded, so that no second product is made of it. */
export function stableId(line: number, raw: string): string {
  const hash = BigInt(`0x${createHash('sha256').update(`${line}\n${raw}`).digest('hex')}`);
  return Array.from({ length: 26 }, (_, index) => CROCKFORD[Number((hash >> BigInt(index * 5)) & 31n)]).join('');
}
