import { PartiqlError, tokenize } from '../partiql/tokens';
import { errorReply, type Step } from './call';

/**
 * Refuses requests that DynamoDB refuses before it looks at any table. An engine may end at one of them.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 */
export const wellFormed: Step = (call, next) => {
  const refusal = refusalOf(call.input);
  return refusal ? Promise.resolve(errorReply(refusal.type, refusal.message)) : next(call);
};

interface Refusal {
  type: 'ValidationException' | 'SerializationException';
  message: string;
}

const MOST_BYTES = 4_096;
const MOST_OPERATORS = 300;
const MOST_STATEMENT_CHARACTERS = 8_192;
/** DynamoDB refuses redundant parentheses, so deeper ones would need more operators than it takes. */
const MOST_PARENTHESES = MOST_OPERATORS;
/** An item has up to 32 levels, each of which is two of JSON; engines read no more than this. */
const MOST_JSON_LEVELS = 120;

const invalid = (message: string): Refusal => ({ type: 'ValidationException', message });
const unreadable = (message: string): Refusal => ({ type: 'SerializationException', message });

/** Why DynamoDB refuses a request; undefined for one that it reads. */
export function refusalOf(input: Record<string, unknown>): Refusal | undefined {
  if (isTooDeep(input)) {
    return invalid('Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit');
  }
  return refusalOfMembers(input);
}

/** A loop, because recursion into a deep value would overflow the stack. */
function isTooDeep(input: object): boolean {
  let level: object[] = [input];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === MOST_JSON_LEVELS) return true;
    level = level.flatMap((value) => Object.values(value).filter((member) => typeof member === 'object' && member !== null) as object[]);
  }
  return false;
}

const TEXTS = new Set(['TableName', 'IndexName', 'ResourceArn', 'StreamArn', 'ClientRequestToken', 'Statement', 'NextToken']);
const MAPS = new Set(['Key', 'Item', 'RequestItems', 'ExclusiveStartKey', 'ExpressionAttributeNames', 'ExpressionAttributeValues']);
const LISTS = new Set(['Statements', 'TransactStatements', 'TransactItems']);

function refusalOfMembers(input: Record<string, unknown>): Refusal | undefined {
  for (const [name, value] of Object.entries(input)) {
    const refusal = value === null ? undefined : refusalOfMember(name, value);
    if (refusal) return refusal;
  }
  return undefined;
}

function refusalOfMember(name: string, value: unknown): Refusal | undefined {
  if (TEXTS.has(name) || name.endsWith('Expression')) {
    if (typeof value !== 'string') return unreadable(`${wireType(value)} cannot be converted to String`);
    if (name === 'Statement') return refusalOfStatement(value);
    return name.endsWith('Expression') ? refusalOfExpression(name, value) : undefined;
  }
  if (MAPS.has(name)) {
    if (!isStructure(value)) return unreadable(Array.isArray(value) ? 'Unrecognized collection type class java.util.ArrayList' : 'Unexpected field type');
    return name === 'RequestItems' ? firstRefusal(Object.entries(value), ([table, part]) => refusalOfBatch(table, part)) : undefined;
  }
  if (!LISTS.has(name)) return undefined;
  if (!Array.isArray(value)) return unreadable('Unexpected field type');
  return firstRefusal([...value.entries()], ([at, entry]: [number, unknown]) => refusalOfEntry(`${lowerCased(name)}.${at + 1}.member`, name, entry));
}

function refusalOfEntry(path: string, list: string, entry: unknown): Refusal | undefined {
  if (entry === null) return missing(path);
  if (!isStructure(entry)) return unreadable('Unexpected field type');
  if (list !== 'TransactItems') return refusalOfMembers(entry);
  return firstRefusal(Object.entries(entry), ([action, part]) => refusalOfPart(`${path}.${lowerCased(action)}`, part));
}

/** The reads of a table, or its list of writes. */
function refusalOfBatch(table: string, part: unknown): Refusal | undefined {
  const path = `requestItems.${table}.member`;
  if (!Array.isArray(part)) return refusalOfPart(path, part);
  return firstRefusal([...part.entries()], ([at, write]: [number, unknown]) => {
    const of = `${path}.${at + 1}.member`;
    if (write === null) return missing(of);
    if (!isStructure(write)) return unreadable('Unexpected field type');
    return firstRefusal(Object.entries(write), ([kind, request]) => refusalOfPart(`${of}.${lowerCased(kind)}`, request));
  });
}

function refusalOfPart(path: string, part: unknown): Refusal | undefined {
  if (part === null) return missing(path);
  return isStructure(part) ? refusalOfMembers(part) : unreadable('Unexpected field type');
}

const missing = (path: string) =>
  invalid(`1 validation error detected: Value null at '${path}' failed to satisfy constraint: Member must not be null`);

function refusalOfExpression(name: string, text: string): Refusal | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_BYTES) {
    return invalid(`Invalid ${name}: Expression size has exceeded the maximum allowed size; expression size: ${bytes}`);
  }
  const foreign = /[^\x20-\x7e\t\r\n]/u.exec(text);
  if (foreign) {
    const near = text.slice(Math.max(0, foreign.index - 4), foreign.index + 6);
    return invalid(`Invalid ${name}: Syntax error; token: "${foreign[0]}", near: "${near}"`);
  }
  // The = of a SET is none, as the documentation counts.
  const operator = name === 'UpdateExpression' ? /[+-]|\w+\s*\(/g : /<>|<=|>=|[<>=]|\b(?:AND|OR|NOT|IN|BETWEEN)\b|\w+\s*\(/gi;
  const operators = text.match(operator)?.length ?? 0;
  if (operators > MOST_OPERATORS) {
    return invalid(`Invalid ${name}: The expression contains too many operators; operator count: ${operators}; the limit is ${MOST_OPERATORS}`);
  }
  return isNestedTooDeep(text) ? invalid(`Invalid ${name}: The expression has redundant parentheses`) : undefined;
}

function refusalOfStatement(text: string): Refusal | undefined {
  if (text.length > MOST_STATEMENT_CHARACTERS) {
    return invalid(`1 validation error detected: Value at 'statement' failed to satisfy constraint: Member must have length less than or equal to ${MOST_STATEMENT_CHARACTERS}`);
  }
  try {
    if (!isNestedTooDeep(tokenize(text).flatMap(({ kind, text: symbol }) => (kind === 'symbol' ? [symbol] : [])))) return undefined;
    return invalid("Statement wasn't well formed, can't be processed: nested too deeply");
  } catch (error) {
    if (!(error instanceof PartiqlError)) throw error;
    // Outside quotes an engine takes ASCII only; it says itself what else is wrong.
    return /[^\p{ASCII}]/u.test(text) ? invalid(`Statement wasn't well formed, can't be processed: ${error.message}`) : undefined;
  }
}

function isNestedTooDeep(symbols: Iterable<string>): boolean {
  let depth = 0;
  for (const symbol of symbols) {
    if (['(', '[', '{', '<<'].includes(symbol)) depth++;
    if ([')', ']', '}', '>>'].includes(symbol)) depth--;
    if (depth > MOST_PARENTHESES) return true;
  }
  return false;
}

function firstRefusal<Value>(values: readonly Value[], refuse: (value: Value) => Refusal | undefined): Refusal | undefined {
  for (const value of values) {
    const refusal = refuse(value);
    if (refusal) return refusal;
  }
  return undefined;
}

const isStructure = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const lowerCased = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
const wireType = (value: unknown) => (typeof value === 'number' ? 'NUMBER_VALUE' : typeof value === 'boolean' ? `${String(value).toUpperCase()}_VALUE` : 'START_OF_STRUCTURE');
