import { CsvError, type CsvErrorCode, parse } from 'csv-parse/sync';
import { type Line, MAX_ROW_BYTES } from './lines';

/** One record of a CSV file. */
export interface CsvRecord {
  first: Line;
  last: Line;
  /** As it stands in the file, without its end of line. */
  text: string;
  /** The cells, or why there are none. */
  cells: string[] | { fault: string };
}

/**
 * Joins lines to records: a quoted cell may hold line ends, so a record ends where its quotes are paired.
 *
 * A quote too many or too few would so take in the lines that follow, up to the next one. When what was joined is no
 * record, only its first line is given up, and the next one is tried by itself.
 */
export async function* readRecords(lines: AsyncIterator<Line>): AsyncGenerator<CsvRecord> {
  const ahead: Line[] = [];
  const lineAt = async (index: number): Promise<Line | undefined> => {
    if (index === ahead.length) {
      const next = await lines.next();
      if (!next.done) ahead.push(next.value);
    }
    return ahead[index];
  };
  for (let first = await lineAt(0); first; first = await lineAt(0)) {
    let [text, last, count] = [first.text, first, 1];
    while (quotes(text) % 2 === 1) {
      const next = await lineAt(count);
      if (!next || next.fault || next.end - first.end > MAX_ROW_BYTES) break;
      [text, last, count] = [text + next.text, next, count + 1];
    }
    const cells = first.fault ? { fault: first.fault } : parseRecord(text);
    if ('fault' in cells) [text, last, count] = [first.text, first, 1];
    ahead.splice(0, count);
    yield { first, last, text: text.replace(/\r?\n$/, ''), cells };
  }
}

const quotes = (text: string): number => text.split('"').length - 1;

const FAULTS: Partial<Record<CsvErrorCode, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is not closed',
  CSV_INVALID_CLOSING_QUOTE: 'a quote within a quoted cell is not doubled',
  INVALID_OPENING_QUOTE: 'a quote stands within a cell that is not quoted',
};

function parseRecord(text: string): CsvRecord['cells'] {
  try {
    return parse(text, { relax_column_count: true, record_delimiter: ['\r\n', '\n'], max_record_size: 0 })[0] ?? [];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { fault: FAULTS[error.code] ?? error.message };
  }
}
