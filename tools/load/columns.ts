/**
 * The fields of a product, and how a CSV cell becomes each one's JSON. A cell that is not what the field holds stays the
 * text it is, so that the store says what is wrong with it.
 */
const text = (cell: string): string => JSON.stringify(cell);

/** Digits are taken over as they are: a double holds 15 to 17 of them. */
const number = (cell: string): string => (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(cell.trim()) ? cell.trim() : text(cell));

/** Spreadsheets write TRUE and FALSE. */
const boolean = (cell: string): string => (/^(true|false)$/i.test(cell.trim()) ? cell.trim().toLowerCase() : text(cell));

const json = (cell: string): string => (parsed(cell) === undefined ? text(cell) : cell);

const timeOrNull = (cell: string): string => (cell === 'null' ? cell : text(cell));

/** `a|b|c`, or a JSON list where an entry holds a bar itself. */
const list = (entry: (cell: string) => string) => (cell: string): string =>
  Array.isArray(parsed(cell)) ? cell : `[${cell.split('|').map((part) => entry(part.trim())).join(',')}]`;

export const COLUMNS: ReadonlyMap<string, (cell: string) => string> = new Map(
  Object.entries({
    productId: text,
    name: text,
    category: text,
    priceMinor: number,
    currency: text,
    stock: number,
    description: text,
    active: boolean,
    tags: list(text),
    sizes: list(number),
    images: list(text),
    imageDigests: list(text),
    thumbnail: text,
    dimensions: json,
    discontinuedAt: timeOrNull,
    restockAt: number,
  }),
);

function parsed(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return undefined;
  }
}
