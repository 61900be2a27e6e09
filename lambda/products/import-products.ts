import * as z from 'zod/mini';
import { BATCH_WRITE_ITEMS, inBatches, type LeftReason } from '#shared/batch';
import { awsError, Problem } from '#shared/errors';
import { flow, inputErrors, type Invocation, MAX_BATCH_BODY_BYTES } from '#shared/http';
import { store } from '#shared/store';
import { newItems } from './new-items';
import { newProduct, setAndRemove } from './product-input';

const { Product } = store.writeThrough;
const { Stock } = store.entities;

const MAX_PRODUCTS = 500;

/** What is kept of the time for the answer, which names up to 500 products. */
const ANSWER_MS = 1_000;

const input = z.strictObject({
  products: z
    .array(z.unknown(), 'must be a list')
    .check(
      z.minLength(1, `must have 1 to ${MAX_PRODUCTS} products`),
      z.maxLength(MAX_PRODUCTS, `must have 1 to ${MAX_PRODUCTS} products`),
      z.refine((products) => {
        const ids = products.flatMap((product) => idOf(product) ?? []);
        return new Set(ids).size === ids.length;
      }, 'name a product twice'),
    ),
});

/** One product that was not imported. `reason` begins with `unprocessed: ` where sending it again may help. */
interface Failure {
  index: number;
  productId: string | null;
  reason: string;
}

/**
 * Writes up to 500 products in batches, over what is there: an import begins a product anew. Its stock is written only
 * when it is given; else it stays as it is, or is 0.
 *
 * Stock follows when its product is written. A batch is no transaction: an import that ends between the two, or meets
 * another, leaves two prices or a product without Stock. Who finds it mends it: docs/decisions/0008 says how.
 */
export async function importProducts(
  products: unknown[],
  invocation: Invocation,
  entities = { Product, Stock },
): Promise<{ written: number; failed: Failure[] }> {
  const deadline = invocation.deadline - ANSWER_MS;
  const failed: Failure[] = [];
  const entries = products.flatMap((given, index) => {
    try {
      return [readEntry(given, index, invocation.now, entities)];
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failed.push({ index, productId: idOf(given) ?? null, reason: error.detail });
      return [];
    }
  });
  type Entry = (typeof entries)[number];
  const fail = (left: Map<Entry, LeftReason>, what: string) => {
    for (const [{ index, product }, reason] of left) {
      failed.push({ index, productId: product.productId, reason: `unprocessed: ${WHY[reason]} ${what}; import it again` });
    }
  };
  const without = (all: Entry[], left: Map<Entry, LeftReason>) => all.filter((entry) => !left.has(entry));
  const leftOf = (chunk: Entry[], unprocessed: { productId: string }[]) =>
    chunk.filter(({ product }) => unprocessed.some(({ productId }) => productId === product.productId));

  const left = await inBatches(
    entries,
    BATCH_WRITE_ITEMS,
    async (chunk, abortSignal) => {
      const items = chunk.map(({ product }) => product);
      return leftOf(chunk, (await entities.Product.put(items).go({ abortSignal })).unprocessed);
    },
    deadline,
  );
  fail(left, 'the product');
  const written = without(entries, left);

  const [replaced, kept] = [written.filter(({ hasStock }) => hasStock), written.filter(({ hasStock }) => !hasStock)];
  const [leftReplaced, leftKept] = await Promise.all([
    inBatches(
      replaced,
      BATCH_WRITE_ITEMS,
      async (chunk, abortSignal) => {
        const items = chunk.map(({ stock }) => stock);
        return leftOf(chunk, (await entities.Stock.put(items).go({ abortSignal })).unprocessed);
      },
      deadline,
    ),
    // A batch only puts and deletes; to leave the number as it is takes an update.
    inBatches(
      kept,
      1,
      async ([entry], abortSignal) => (entry && (await keepStock(entry.stock, entities, abortSignal)) ? [] : [entry as Entry]),
      deadline,
    ),
  ]);
  fail(leftReplaced, 'its stock');
  fail(leftKept, 'its stock');
  return {
    written: written.length - leftReplaced.size - leftKept.size,
    failed: failed.sort((a, b) => a.index - b.index),
  };
}

const WHY: Record<LeftReason, string> = {
  unprocessed: 'DynamoDB did not take',
  'unknown-outcome': 'there was no answer for',
};

/** @throws Problem `invalid-input` */
function readEntry(given: unknown, index: number, now: number, entities: { Product: typeof Product }) {
  const result = newProduct.safeParse(given);
  if (!result.success) {
    const reason = inputErrors(result.error).map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
    throw new Problem('invalid-input', reason);
  }
  return { index, hasStock: result.data.stock !== undefined, ...newItems(result.data, now, entities) };
}

type StockItem = ReturnType<typeof newItems>['stock'];

/**
 * Writes what Stock copies of its product, and the whole Stock where there is none.
 * @returns false when another request changed that meanwhile
 */
async function keepStock(stock: StockItem, entities: { Stock: typeof Stock }, abortSignal: AbortSignal): Promise<boolean> {
  const { productId, priceMinor, currency, restockAt } = stock;
  const { set, remove } = setAndRemove({ priceMinor, currency, restockAt: restockAt ?? null });
  const copies = entities.Stock.patch({ productId }).set(set).remove(remove);
  return (await isDone(() => copies.go({ abortSignal }))) || isDone(() => entities.Stock.create(stock).go({ abortSignal }));
}

async function isDone(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (awsError(error)?.name === 'ConditionalCheckFailedException') return false;
    throw error;
  }
}

const idOf = (product: unknown): string | undefined => {
  const id = (product as { productId?: unknown } | null | undefined)?.productId;
  return typeof id === 'string' ? id : undefined;
};

export const handler = flow('import-products', async (request) => {
  request.requireAdmin();
  const { products } = request.body(input, MAX_BATCH_BODY_BYTES);
  return { status: 200, body: await importProducts(products, request) };
});
