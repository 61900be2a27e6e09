import * as z from 'zod/mini';
import { itemSize } from '#model/item-size';
import { numberProblem } from './numbers';
import { type TextOptions, textProblem } from './text';

/** A check by a function that returns the reason why a value is refused. */
export const refusedFor = <Value>(problem: (value: Value) => string | undefined) =>
  z.superRefine<Value>((value, context) => {
    const message = problem(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

/** Text of 1 to `max` UTF-16 code units in which `textProblem` finds nothing. It is stored as it is. */
export const text = (max: number, options?: TextOptions) =>
  z.string('must be text').check(
    refusedFor((value) => textProblem(value, options)),
    z.maxLength(max, `must have at most ${max} characters`),
  );

/**
 * Text that is a key, in an item as in a query: trimmed and normalised to NFC, so that neither blanks around it nor the
 * encoding of its accents make another key of it.
 */
export const keyText = (max: number) =>
  z.string('must be text').check(
    refusedFor(textProblem),
    z.trim(),
    z.normalize('NFC'),
    z.maxLength(max, `must have at most ${max} characters`),
  );

/** A whole number from `min` to `max`. */
export const integer = (min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.int(message).check(z.minimum(min, message), z.maximum(max, message));
};

/** Words that are routes below /products, and the two names that every URL parser resolves away. */
const ROUTE_WORDS = new Set(['batch', 'batch-get', 'low-stock', '.', '..']);

export const productId = z
  .string('must be text')
  .check(
    z.regex(/^[A-Za-z0-9._~-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ ~ -'),
    z.refine((id) => !ROUTE_WORDS.has(id), 'is a word of the routes'),
  );

export const MAX_STOCK = 1_000_000_000;

/** Money in minor units. */
export const priceMinor = integer(0, 1_000_000_000);
export const quantity = integer(1, 10_000);
export const currency = z.string('must be text').check(z.regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code, as EUR'));

/**
 * A JSON object that is stored as it is: 31 levels, text as in every field, numbers that a double holds exactly and DynamoDB takes.
 * @param maxBytes of its item size
 */
export const jsonObject = (maxBytes: number, options?: TextOptions) =>
  z.custom<Record<string, unknown>>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'must be an object').check(
    z.superRefine((value, context) => {
      // `itemSize` goes to the bottom, so the levels are counted first.
      const problem = problemIn(value, options) ?? (itemSize(value) > maxBytes ? { message: `must have at most ${maxBytes} bytes` } : undefined);
      if (problem) context.addIssue({ code: 'custom', ...problem });
    }),
  );

/** DynamoDB nests 32 levels. The attribute is the first. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
const MAX_LEVELS = 31;

/** The first member of a JSON value, at any depth, that cannot be stored as it is, with the reason. */
function problemIn(value: unknown, options: TextOptions | undefined, path: string[] = []): { path: string[]; message: string } | undefined {
  const refused = (message: string | undefined) => (message === undefined ? undefined : { path, message });
  if (typeof value === 'number') return refused(numberProblem(value));
  // Inside a map, DynamoDB and this store keep an empty text.
  if (typeof value === 'string') return refused(value === '' ? undefined : textProblem(value, options));
  if (typeof value !== 'object' || value === null) return undefined;
  if (path.length === MAX_LEVELS) return refused(`must have at most ${MAX_LEVELS} levels`);
  for (const [name, member] of Object.entries(value)) {
    const within = [...path, name];
    const message = nameProblem(name);
    const problem = message === undefined ? problemIn(member, options, within) : { path: within, message: `has a name that ${message}` };
    if (problem) return problem;
  }
  return undefined;
}

/**
 * DynamoDB has no empty names. `__proto__` would not survive being copied from object to object, and the document client
 * tells a value's type by its `constructor`.
 */
const nameProblem = (name: string): string | undefined =>
  name === '__proto__' || name === 'constructor' ? 'is reserved' : textProblem(name);

/** A whole number from `min` to `max`, as a query parameter is written. */
export const integerText = (min: number, max: number) =>
  z.pipe(
    z.string().check(z.regex(/^\d{1,16}$/, `must be a whole number from ${min} to ${max}`)),
    z.pipe(z.transform(Number), integer(min, max)),
  );

/** `limit` and `cursor` of every list. */
export const page = {
  limit: z._default(integerText(1, 100), 25),
  cursor: z.optional(z.string()),
};

/** The first time there is in a sort key, and the last. */
const FIRST_TIME = '0000-01-01T00:00:00.000Z';
export const LAST_TIME = '9999-12-31T23:59:59.999Z';

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;
const TIME_FORM = 'must be YYYY-MM-DD or a time with zone, as 2026-11-23T08:30:00Z';

/** One bound of a range of times, both inclusive: a date as `to` means its last millisecond. ISO-8601 UTC comes out. */
const timeBound = (end: 'from' | 'to') =>
  z.pipe(
    z.string(TIME_FORM).check(z.refine((value) => asTime(value, end) !== undefined, TIME_FORM)),
    z.transform((value: string) => asTime(value, end) as string),
  );

/** A date, or a time with its zone, as it was typed. */
export const time = z.string(TIME_FORM).check(z.refine((value) => asTime(value, 'from') !== undefined, TIME_FORM));

/** `from` and `to` of a list; absent bounds are the first and the last time there is. */
export const timeRange = {
  from: z._default(timeBound('from'), FIRST_TIME),
  to: z._default(timeBound('to'), LAST_TIME),
};

/** Refuses a range that is upside down. */
export const upright = () =>
  z.refine<{ from: string; to: string }>(({ from, to }) => from <= to, {
    error: 'is after to',
    path: ['from'],
  });

function asTime(value: string, end: 'from' | 'to'): string | undefined {
  const isDate = DATE.test(value);
  if (!isDate && !DATE_TIME.test(value)) return undefined;
  const day = value.slice(0, 10);
  const midnight = new Date(`${day}T00:00:00.000Z`);
  // JavaScript reads 2026-02-30 as 2 March.
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== day) return undefined;
  if (isDate) return `${day}T${end === 'from' ? '00:00:00.000' : '23:59:59.999'}Z`;
  const time = new Date(value);
  if (Number.isNaN(time.getTime()) || time.getUTCFullYear() < 0 || time.getUTCFullYear() > 9999) return undefined;
  return time.toISOString();
}
