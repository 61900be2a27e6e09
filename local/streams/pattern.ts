import { UserError } from '../user-error';

/**
 * Whose patterns they are: the filters of an event source mapping, which know fewer operators, or the rules of an event
 * bus.
 */
export type Dialect = 'lambda-filter' | 'event-bus';

const OPERATORS = {
  'lambda-filter': ['prefix', 'suffix', 'equals-ignore-case', 'anything-but', 'numeric', 'exists'],
  'event-bus': ['prefix', 'suffix', 'equals-ignore-case', 'anything-but', 'numeric', 'exists', 'wildcard'],
} as const;

/** The operators on text, which an event bus knows inside `anything-but` too. */
const TEXT_OPERATORS = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard'];

const COMPARISONS: Record<string, (value: number, bound: number) => boolean> = {
  '=': (value, bound) => value === bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
};

/** The bounds of what `numeric` takes. */
const LARGEST_NUMBER = 5e9;

type Json = { readonly [key: string]: unknown };
type Leaf = string | number | boolean | null;
type LeafTest = (leaf: Leaf) => boolean;

/**
 * Compiles an event pattern: its fields are AND-ed, the alternatives in the list of a leaf are OR-ed, and a list in the
 * event matches if any of its elements does.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
 *
 * @param pattern an object, or one as JSON text
 * @throws UserError for a malformed pattern, and for an operator that is unknown, which would match nothing in silence
 */
export function compilePattern(pattern: unknown, dialect: Dialect): (event: unknown) => boolean {
  return compileFields(typeof pattern === 'string' ? parse(pattern) : pattern, dialect, '');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(`The event pattern is not JSON: ${text}`);
  }
}

function compileFields(pattern: unknown, dialect: Dialect, path: string): (value: unknown) => boolean {
  if (!isObject(pattern)) return refuse(path, 'must be an object');
  const fields = Object.entries(pattern);
  if (fields.length === 0) return refuse(path, 'must not be empty');
  const tests = fields.map(([name, part]) => {
    const place = path === '' ? name : `${path}.${name}`;
    if (name === '$or') return compileOr(part, dialect, path, place);
    const test = Array.isArray(part) ? compileLeaf(part, dialect, place) : compileField(part, dialect, place);
    return (object: Json) => test(object[name]);
  });
  return (value) => objectsIn(value).some((object) => tests.every((test) => test(object)));
}

function compileField(part: unknown, dialect: Dialect, place: string): (value: unknown) => boolean {
  if (!isObject(part)) return refuse(place, 'must be a list of values, or an object of further fields');
  return compileFields(part, dialect, place);
}

function compileOr(part: unknown, dialect: Dialect, path: string, place: string): (object: Json) => boolean {
  if (!Array.isArray(part) || part.length < 2) return refuse(place, 'must be a list of at least two patterns');
  const alternatives = part.map((alternative: unknown) => compileFields(alternative, dialect, path));
  return (object) => alternatives.some((matches) => matches(object));
}

function compileLeaf(alternatives: readonly unknown[], dialect: Dialect, place: string): (value: unknown) => boolean {
  if (alternatives.length === 0) return refuse(place, 'must not be an empty list');
  const tests = alternatives.map((alternative) => {
    if (isLeaf(alternative)) return someLeaf((leaf) => leaf === alternative);
    const [operator, operand] = operatorOf(alternative, OPERATORS[dialect], place);
    if (operator === 'exists') return exists(operand, place);
    return someLeaf(compileOperator(operator, operand, dialect, place));
  });
  return (value) => {
    const leaves = leavesIn(value);
    return tests.some((test) => test(leaves));
  };
}

const someLeaf = (test: LeafTest) => (leaves: readonly Leaf[]) => leaves.some(test);

/** An object is no leaf, so an attribute of an item, `{ "S": "x" }`, does not exist: only the S in it does. */
function exists(operand: unknown, place: string): (leaves: readonly Leaf[]) => boolean {
  if (typeof operand !== 'boolean') return refuse(place, 'must have true or false for "exists"');
  return (leaves) => leaves.length > 0 === operand;
}

function compileOperator(operator: string, operand: unknown, dialect: Dialect, place: string): LeafTest {
  switch (operator) {
    case 'anything-but':
      return anythingBut(operand, dialect, place);
    case 'numeric':
      return numeric(operand, place);
    default:
      return onText(operator, operand, place);
  }
}

function onText(operator: string, operand: unknown, place: string): LeafTest {
  if (typeof operand !== 'string') return refuse(place, `must have a text for "${operator}"`);
  const test = textTest(operator, operand, place);
  return (leaf) => typeof leaf === 'string' && test(leaf);
}

function textTest(operator: string, operand: string, place: string): (text: string) => boolean {
  switch (operator) {
    case 'prefix':
      return (text) => text.startsWith(operand);
    case 'suffix':
      return (text) => text.endsWith(operand);
    case 'equals-ignore-case':
      return (text) => text.toLowerCase() === operand.toLowerCase();
    default:
      return wildcard(operand, place);
  }
}

/** `*` stands for any characters; a backslash takes its meaning, or that of another backslash, away. */
function wildcard(operand: string, place: string): (text: string) => boolean {
  const parts = operand.match(/\\[*\\]|[^\\]/gs) ?? [];
  if (parts.join('') !== operand) return refuse(place, 'must have a * or another \\ behind each \\ of a "wildcard"');
  if (parts.some((part, index) => part === '*' && parts[index + 1] === '*')) return refuse(place, 'must not have "**" in a "wildcard"');
  const source = parts.map((part) => (part === '*' ? '.*' : part.at(-1)?.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&') ?? ''));
  const expression = new RegExp(`^${source.join('')}$`, 's');
  return (text) => expression.test(text);
}

function anythingBut(operand: unknown, dialect: Dialect, place: string): LeafTest {
  if (isObject(operand) && dialect === 'event-bus') {
    const [operator, texts] = operatorOf(operand, TEXT_OPERATORS, place);
    const tests = nonEmpty(texts, place).map((text) => onText(operator, text, place));
    return (leaf) => !tests.some((test) => test(leaf));
  }
  const values = nonEmpty(operand, place);
  const isOfOneType = ['string', 'number'].some((type) => values.every((value) => typeof value === type));
  if (!isOfOneType) return refuse(place, 'must have texts only, or numbers only, for "anything-but"');
  return (leaf) => !values.includes(leaf);
}

function nonEmpty(operand: unknown, place: string): readonly unknown[] {
  const values: unknown[] = Array.isArray(operand) ? operand : [operand];
  return values.length === 0 ? refuse(place, 'must not have an empty list for "anything-but"') : values;
}

/** Only numbers of JSON match: the number of an item's `{ "N": "5" }` is a text. */
function numeric(operand: unknown, place: string): LeafTest {
  const says = 'must have comparisons such as ["=", 5] or [">", 0, "<=", 5] for "numeric"';
  if (!Array.isArray(operand) || ![2, 4].includes(operand.length)) return refuse(place, says);
  const pairs = [operand.slice(0, 2), operand.slice(2)].filter(({ length }) => length > 0) as [unknown, unknown][];
  const signs = pairs.map(([sign]) => String(sign));
  const isRange = signs.length === 2 && signs[0]?.startsWith('>') && signs[1]?.startsWith('<');
  if (signs.length === 2 && !isRange) return refuse(place, says);
  const tests = pairs.map(([sign, bound]) => {
    const compare = typeof sign === 'string' && Object.hasOwn(COMPARISONS, sign) ? COMPARISONS[sign] : undefined;
    if (!compare || typeof bound !== 'number') return refuse(place, says);
    if (Math.abs(bound) > LARGEST_NUMBER) return refuse(place, `must have numbers from -5e9 to 5e9 for "numeric", not ${bound}`);
    return (value: number) => compare(value, bound);
  });
  return (leaf) => typeof leaf === 'number' && tests.every((test) => test(leaf));
}

function operatorOf(alternative: unknown, known: readonly string[], place: string): [operator: string, operand: unknown] {
  const [entry, ...more] = isObject(alternative) ? Object.entries(alternative) : [];
  if (!entry || more.length > 0) return refuse(place, 'must list values, or objects of one operator each');
  if (!known.includes(entry[0])) return refuse(place, `has the operator "${entry[0]}"; known: ${known.join(', ')}`);
  return entry;
}

function refuse(place: string, what: string): never {
  throw new UserError(`The event pattern ${place === '' ? '' : `at ${place} `}${what}.`);
}

/** What the fields of a pattern are looked for in; without an object they all are absent. */
function objectsIn(value: unknown): readonly Json[] {
  const objects = [value].flat(Infinity).filter(isObject);
  return objects.length > 0 ? objects : [{}];
}

const leavesIn = (value: unknown): readonly Leaf[] => [value].flat(Infinity).filter(isLeaf);

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const isLeaf = (value: unknown): value is Leaf => value === null || ['string', 'number', 'boolean'].includes(typeof value);
