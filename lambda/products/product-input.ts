import * as z from 'zod/mini';
import { itemSize } from '#model/item-size';
import { invalidInput } from '#shared/errors';
import { currency, integer, jsonObject, keyText, MAX_STOCK, priceMinor, productId, refusedFor, text, time } from '#shared/input';
import { numberProblem } from '#shared/numbers';

/** DynamoDB takes 400 KB; a list of such products, and every write of one, would cost accordingly. */
const MAX_PRODUCT_BYTES = 8 * 1024;

/** @param item as it is to be written, with its keys @throws Problem `invalid-input` when it is over 8 KB */
export function requireProductSize(item: Record<string, unknown>): void {
  const bytes = itemSize(item);
  if (bytes > MAX_PRODUCT_BYTES) {
    throw invalidInput([{ path: '', message: `the product is ${bytes} bytes; the limit is ${MAX_PRODUCT_BYTES}` }]);
  }
}

/** Standard base64, as DynamoDB's own JSON writes binaries. */
const base64 = (maxBytes: number) =>
  z.string('must be base64').check(
    z.minLength(4, 'must not be empty'),
    z.maxLength(Math.ceil(maxBytes / 3) * 4, `must have at most ${maxBytes} bytes`),
    z.refine((value) => Buffer.from(value, 'base64').toString('base64') === value, 'must be base64'),
  );

const number = z
  .custom<number>((value) => typeof value === 'number', 'must be a number')
  .check(refusedFor(numberProblem));

const set = <Item extends z.ZodMiniType<string | number>>(item: Item, max: number) =>
  z.pipe(
    z.array(item, 'must be a list').check(z.maxLength(max, `must have at most ${max} entries`)),
    z.transform((items: z.output<Item>[]) => [...new Set(items)]),
  );

/** What products are listed by, so a key of an index. */
export const category = keyText(100);

/** The attributes that a product may lack, with what they hold. */
const optional = {
  description: text(4_000, { lines: true }),
  tags: set(text(64), 50),
  sizes: set(number, 50),
  dimensions: jsonObject(4_096),
  images: z.array(text(1_000), 'must be a list').check(z.maxLength(20, 'must have at most 20 entries')),
  thumbnail: base64(4_096),
  imageDigests: set(base64(64), 20),
  restockAt: integer(0, MAX_STOCK),
};

const SETS = new Set(['tags', 'sizes', 'imageDigests']);

const required = { name: text(200), category, priceMinor, currency };

/** A new product; `stock` is 0 and `active` true unless given. */
export const newProduct = z.extend(z.partial(z.strictObject(optional)), {
  ...required,
  productId: z.optional(productId),
  active: z.optional(z.boolean('must be true or false')),
  stock: z.optional(integer(0, MAX_STOCK)),
  discontinuedAt: z.optional(z.nullable(time)),
});

/** A change of a product. `null` removes an attribute that a product may lack; `discontinuedAt` holds null as a value. */
export const productChange = z
  .partial(
    z.strictObject({
      ...required,
      ...nullable(optional),
      active: z.boolean('must be true or false'),
      discontinuedAt: z.nullable(time),
    }),
  )
  .check(z.refine((change) => Object.keys(change).length > 0, 'changes nothing'));

/**
 * What a change sets and what it removes. DynamoDB has no empty set, so an empty list of a set removes it, as null
 * removes whatever a product may lack; in `discontinuedAt` null is a value.
 */
export function setAndRemove<Change extends object>(change: Change) {
  const entries = Object.entries(change).filter(([, value]) => value !== undefined);
  const removes = ([name, value]: [string, unknown]) =>
    name !== 'discontinuedAt' && (value === null || (SETS.has(name) && (value as unknown[]).length === 0));
  return {
    set: Object.fromEntries(entries.filter((entry) => !removes(entry))) as { [Name in keyof Change]?: NonNullable<Change[Name]> },
    remove: entries.filter(removes).map(([name]) => name) as never[],
  };
}

function nullable<Shape extends Record<string, z.ZodMiniType>>(shape: Shape) {
  const entries = Object.entries(shape).map(([name, schema]) => [name, z.nullable(schema)]);
  return Object.fromEntries(entries) as { [Name in keyof Shape]: z.ZodMiniNullable<Shape[Name]> };
}
