export interface TextOptions {
  /** Whether it may have more than one line. */
  lines?: boolean;
}

/** Control characters (C0, DEL and C1), and the two separators that end a line as well. */
const NOT_IN_A_LINE = /[\p{Cc}\p{Zl}\p{Zp}]/u;
/** Control characters except the two line ends, LF and CR LF. */
const NOT_IN_LINES = /(?!\n|\r\n)\p{Cc}/u;

/**
 * Embeddings, overrides and isolates show text in another order than the one it is stored in. Directional marks are not among them:
 * Hebrew and Arabic need them, and they move only blanks and signs.
 * https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings
 */
const BIDIRECTIONAL = /[\u202a-\u202e\u2066-\u2069]/;

/** Everything but blanks, controls and ignorable characters. Unicode's data counts the first three as visible; their glyphs are empty. */
const VISIBLE = /[^\u{16fe4}\u{1d159}\u2800\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u;

/**
 * The reason why a text is refused; undefined for text that is stored as it is. Text has at least one visible character. It has
 * no control characters, no bidirectional overrides, and no U+FFFD.
 */
export function textProblem(text: string, { lines = false }: TextOptions = {}): string | undefined {
  if (text === '') return 'must not be empty';
  // DynamoDB would give a lone surrogate back as U+FFFD.
  if (!text.isWellFormed()) return 'must be well-formed Unicode';
  if (text.includes('\ufffd')) return 'must not have U+FFFD in it, which replaces a character that was lost';
  const control = (lines ? NOT_IN_LINES : NOT_IN_A_LINE).exec(text)?.[0];
  if (control !== undefined) {
    return `must ${lines ? 'have no control characters except line ends' : 'be one line without control characters'}: it has ${codePoint(control)}`;
  }
  const bidirectional = BIDIRECTIONAL.exec(text)?.[0];
  if (bidirectional !== undefined) return `must have no bidirectional overrides, embeddings or isolates: it has ${codePoint(bidirectional)}`;
  return VISIBLE.test(text) ? undefined : 'must have a visible character';
}

const codePoint = (character: string) => `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
