import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { isWord, PartiqlError, type Token, tokenize } from './tokens';

/** What this platform must know of a PartiQL statement: what it does, where, and which keys it names. */
export interface Statement {
  kind: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';
  /** Its name or ARN. */
  table: string;
  index?: string;
  /** The attributes that an INSERT gives as plain values. */
  item: Readonly<Record<string, AttributeValue>>;
  where?: Condition;
}

/** `equals` and `in` compare an attribute of the item itself with plain values; `other` is any test besides. */
type Condition =
  | { kind: 'and' | 'or'; parts: Condition[] }
  | { kind: 'equals'; attribute: string; value: AttributeValue }
  | { kind: 'in'; attribute: string }
  | { kind: 'other' };

const OTHER: Condition = { kind: 'other' };

/**
 * Reads a statement.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.statements.html
 *
 * @param parameters what each `?` stands for, in their order
 * @throws PartiqlError
 */
export function readStatement(text: string, parameters: readonly AttributeValue[] = []): Statement {
  return new Reader(tokenize(text), parameters).statement();
}

/**
 * Whether a SELECT reads the whole table or index: it does unless each of its alternatives says, by `=` or `IN`, what
 * the partition key is.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.select.html
 */
export function isFullTableScan({ kind, where }: Statement, partitionKey: readonly string[]): boolean {
  return kind === 'SELECT' && !(where && partitionKey.every((attribute) => pins(where, attribute)));
}

function pins(condition: Condition, attribute: string): boolean {
  switch (condition.kind) {
    case 'and':
      return condition.parts.some((part) => pins(part, attribute));
    case 'or':
      return condition.parts.every((part) => pins(part, attribute));
    case 'equals':
    case 'in':
      return condition.attribute === attribute;
    case 'other':
      return false;
  }
}

/** All that a statement says an attribute may equal; undefined where it does not say so, or by `IN`. */
export function valuesOf({ item, where }: Statement, attribute: string): AttributeValue[] | undefined {
  return item[attribute] ? [item[attribute]] : where && equalTo(where, attribute);
}

function equalTo(condition: Condition, attribute: string): AttributeValue[] | undefined {
  switch (condition.kind) {
    case 'and': {
      const known = condition.parts.flatMap((part) => equalTo(part, attribute) ?? []);
      return known.length > 0 ? known : undefined;
    }
    case 'or': {
      const known = condition.parts.map((part) => equalTo(part, attribute));
      return known.every((values) => values !== undefined) ? known.flat() : undefined;
    }
    case 'equals':
      return condition.attribute === attribute ? [condition.value] : undefined;
    default:
      return undefined;
  }
}

/** The primary key of the item that a statement writes; undefined where it does not say all of it. */
export function keyOf({ item, where }: Statement, names: readonly string[]): Record<string, AttributeValue> | undefined {
  const values = { ...item, ...Object.fromEntries(equalities(where)) };
  const key = names.flatMap((name) => (values[name] ? [[name, values[name]] as const] : []));
  return key.length === names.length ? Object.fromEntries(key) : undefined;
}

function equalities(condition: Condition | undefined): [string, AttributeValue][] {
  if (condition?.kind === 'and') return condition.parts.flatMap(equalities);
  return condition?.kind === 'equals' ? [[condition.attribute, condition.value]] : [];
}

const OPENING = new Set(['(', '[', '{', '<<']);
const CLOSING = new Set([')', ']', '}', '>>']);
const COMPARISONS = new Set(['=', '<>', '!=', '<', '<=', '>', '>=']);
const AFTER_WHERE = ['ORDER', 'LIMIT', 'RETURNING'];
const AFTER_OPERAND = ['AND', 'OR', 'NOT', 'IN', 'BETWEEN', 'IS', ...AFTER_WHERE];

/** Reads the tokens from left to right. */
class Reader {
  private at = 0;
  private parametersBefore = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly parameters: readonly AttributeValue[],
  ) {}

  statement(): Statement {
    // EXISTS(SELECT ...) is a condition of a transaction.
    if (this.takesWord('EXISTS')) this.expectSymbol('(');
    if (this.takesWord('SELECT')) {
      this.skipTo('FROM');
      return { kind: 'SELECT', ...this.target(), ...this.whereClause() };
    }
    if (this.takesWord('INSERT')) {
      this.expectWord('INTO');
      const target = this.target();
      this.expectWord('VALUE');
      return { kind: 'INSERT', ...target, item: this.item() };
    }
    if (this.takesWord('UPDATE')) {
      const target = this.target();
      if (!isWord(this.next(), 'SET', 'REMOVE')) throw this.unexpected();
      this.skipTo('WHERE');
      this.at--;
      return { kind: 'UPDATE', ...target, ...this.whereClause() };
    }
    if (this.takesWord('DELETE')) {
      this.expectWord('FROM');
      return { kind: 'DELETE', ...this.target(), ...this.whereClause() };
    }
    throw this.unexpected();
  }

  /** `table` or `"table"."index"`. */
  private target(): Pick<Statement, 'table' | 'index' | 'item'> {
    const table = this.name();
    if (!this.takesSymbol('.')) return { table, item: {} };
    return { table, index: this.name(), item: {} };
  }

  private whereClause(): Pick<Statement, 'where'> {
    const where = this.takesWord('WHERE') ? this.alternatives() : undefined;
    const next = this.next();
    if (next && !isWord(next, ...AFTER_WHERE) && ![')', ';'].includes(next.text)) throw this.unexpected();
    return where ? { where } : {};
  }

  private item(): Record<string, AttributeValue> {
    const item: Record<string, AttributeValue> = {};
    this.expectSymbol('{');
    while (!this.takesSymbol('}')) {
      const name = this.next()?.kind === 'string' ? this.take().text : this.name();
      this.expectSymbol(':');
      const { value } = this.operand();
      if (value) item[name] = value;
      this.takesSymbol(',');
    }
    return item;
  }

  private alternatives(): Condition {
    const parts = [this.conjunction()];
    while (this.takesWord('OR')) parts.push(this.conjunction());
    return parts.length === 1 ? (parts[0] as Condition) : { kind: 'or', parts };
  }

  private conjunction(): Condition {
    const parts = [this.test()];
    while (this.takesWord('AND')) parts.push(this.test());
    return parts.length === 1 ? (parts[0] as Condition) : { kind: 'and', parts };
  }

  private test(): Condition {
    if (this.takesWord('NOT')) {
      this.test();
      return OTHER;
    }
    return this.inParentheses() ?? this.comparison();
  }

  /** A condition in parentheses; undefined, with nothing read, where these are around an operand. */
  private inParentheses(): Condition | undefined {
    const { at, parametersBefore } = this;
    if (!this.takesSymbol('(')) return undefined;
    try {
      const condition = this.alternatives();
      this.expectSymbol(')');
      const next = this.next();
      if (!next || next.text === ')' || next.text === ';' || isWord(next, 'AND', 'OR', ...AFTER_WHERE)) return condition;
    } catch (error) {
      if (!(error instanceof PartiqlError)) throw error;
    }
    Object.assign(this, { at, parametersBefore });
    return undefined;
  }

  private comparison(): Condition {
    const left = this.operand();
    const next = this.next();
    if (next?.kind === 'symbol' && COMPARISONS.has(next.text)) {
      this.at++;
      const right = this.operand();
      const attribute = left.attribute ?? right.attribute;
      const value = left.value ?? right.value;
      return next.text === '=' && attribute !== undefined && value ? { kind: 'equals', attribute, value } : OTHER;
    }
    if (this.takesWord('IN')) {
      this.operand();
      return left.attribute === undefined ? OTHER : { kind: 'in', attribute: left.attribute };
    }
    if (this.takesWord('NOT')) {
      this.expectWord('IN');
      this.operand();
    } else if (this.takesWord('BETWEEN')) {
      this.operand();
      this.expectWord('AND');
      this.operand();
    } else if (this.takesWord('IS')) {
      this.takesWord('NOT');
      this.name();
    }
    return OTHER;
  }

  /** One side of a test: an attribute of the item, a plain value, or an expression, of which only the end is known. */
  private operand(): { attribute?: string; value?: AttributeValue } {
    const first = this.at;
    const isParameter = this.next()?.kind === 'parameter';
    const value = this.parameters[this.parametersBefore];
    for (let depth = 0; ; ) {
      const token = this.next();
      if (!token) {
        if (depth > 0) throw this.unexpected();
        break;
      }
      if (token.kind === 'symbol') {
        if (depth === 0 && (CLOSING.has(token.text) || COMPARISONS.has(token.text) || token.text === ',' || token.text === ';')) break;
        if (OPENING.has(token.text)) depth++;
        if (CLOSING.has(token.text)) depth--;
      } else if (depth === 0 && isWord(token, ...AFTER_OPERAND)) break;
      this.take();
    }
    const tokens = this.tokens.slice(first, this.at);
    if (tokens.length === 0) throw this.unexpected();
    return isParameter && tokens.length === 1 && value ? { value } : plain(tokens);
  }

  private name(): string {
    const token = this.next();
    if (token?.kind !== 'name' && token?.kind !== 'word') throw this.unexpected();
    return this.take().text;
  }

  /** Skips to the word, and past it. */
  private skipTo(word: string): void {
    while (!this.takesWord(word)) this.take();
  }

  private next(): Token | undefined {
    return this.tokens[this.at];
  }

  private take(): Token {
    const token = this.tokens[this.at++];
    if (!token) throw this.unexpected();
    if (token.kind === 'parameter' && !this.parameters[this.parametersBefore++]) {
      throw new PartiqlError('The statement has more ? than there are Parameters');
    }
    return token;
  }

  private takesWord(word: string): boolean {
    const found = isWord(this.next(), word);
    if (found) this.at++;
    return found;
  }

  private takesSymbol(symbol: string): boolean {
    const token = this.next();
    const found = token?.kind === 'symbol' && token.text === symbol;
    if (found) this.at++;
    return found;
  }

  private expectWord(word: string): void {
    if (!this.takesWord(word)) throw this.unexpected();
  }

  private expectSymbol(symbol: string): void {
    if (!this.takesSymbol(symbol)) throw this.unexpected();
  }

  private unexpected(): PartiqlError {
    const token = this.next();
    return new PartiqlError(token ? `Unexpected ${token.text} at ${token.start}` : 'The statement ends too early');
  }
}

function plain(tokens: readonly Token[]): { attribute?: string; value?: AttributeValue } {
  const [token, second] = tokens;
  if (token?.text === '-' && second?.kind === 'number' && tokens.length === 2) return { value: { N: `-${second.text}` } };
  if (!token || tokens.length > 1) return {};
  if (token.kind === 'string') return { value: { S: token.text } };
  if (token.kind === 'number') return { value: { N: token.text } };
  if (isWord(token, 'TRUE', 'FALSE')) return { value: { BOOL: isWord(token, 'TRUE') } };
  if (isWord(token, 'NULL')) return { value: { NULL: true } };
  return token.kind === 'name' || token.kind === 'word' ? { attribute: token.text } : {};
}
