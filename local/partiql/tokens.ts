/** A statement that is not PartiQL as DynamoDB takes it. */
export class PartiqlError extends Error {}

/** `text` is a name or a string without its quotes, and anything else as it is written. */
export interface Token {
  kind: 'string' | 'name' | 'literal' | 'number' | 'word' | 'parameter' | 'symbol';
  text: string;
  /** Where it is written: from `start` up to `end`. */
  start: number;
  end: number;
}

const QUOTES: Partial<Record<Token['kind'], RegExp>> = { string: /''/g, name: /""/g };

/** A `literal` is Ion in backticks. */
const TOKEN = new RegExp(
  [
    String.raw`\s+|--[^\n]*`,
    String.raw`(?<string>'(?:[^']|'')*')`,
    String.raw`(?<name>"(?:[^"]|"")*")`,
    String.raw`(?<literal>${'`'}[^${'`'}]*${'`'})`,
    String.raw`(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)`,
    String.raw`(?<word>[A-Za-z_$][\w$]*)`,
    String.raw`(?<parameter>\?)`,
    String.raw`(?<symbol><<|>>|<=|>=|<>|!=|\|\||[-+*/%=<>()[\]{},.:;])`,
  ].join('|'),
  'y',
);

/**
 * The tokens of a PartiQL statement, so that whoever looks for a word does not find it in a quoted text.
 * @throws PartiqlError at the first character that begins none
 */
export function tokenize(statement: string): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  while (end < statement.length) {
    TOKEN.lastIndex = end;
    const match = TOKEN.exec(statement);
    if (!match) throw new PartiqlError(`Unexpected ${statement[end]} at ${end}`);
    const start = end;
    end = TOKEN.lastIndex;
    const [kind, written] = (Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? []) as [
      Token['kind'] | undefined,
      string,
    ];
    if (!kind) continue;
    const doubled = QUOTES[kind];
    tokens.push({ kind, text: doubled ? written.slice(1, -1).replace(doubled, written.charAt(0)) : written, start, end });
  }
  return tokens;
}

/** Whether a token is one of these words, which PartiQL takes in any case. */
export const isWord = (token: Token | undefined, ...words: string[]): boolean =>
  token?.kind === 'word' && words.includes(token.text.toUpperCase());
