import * as z from 'zod/mini';
import { flow, type Invocation, MAX_BATCH_BODY_BYTES } from '#shared/http';
import { text } from '#shared/input';
import { readByProductId } from '#shared/read-by-product-id';
import { store } from '#shared/store';
import { productView } from './product-view';

const { Product } = store.cached;

const MAX_IDS = 500;

/** Lambda answers 6 MB, of which the ids that are missing or unread, and what wraps the body as text, take some. */
const MAX_ANSWER_BYTES = 5 * 1024 * 1024;

/** What is kept of the time for the answer. */
const ANSWER_MS = 1_000;

const input = z.strictObject({
  productIds: z
    .array(text(128), 'must be a list')
    .check(z.minLength(1, `must have 1 to ${MAX_IDS} ids`), z.maxLength(MAX_IDS, `must have 1 to ${MAX_IDS} ids`)),
});

/**
 * Products by their ids, each once and in the order asked for, without stock.
 * @returns also the ids that are `missing`, and those that are `unread`: no room in the answer, or not read in time
 */
export async function batchGetProducts(
  { productIds }: z.output<typeof input>,
  { deadline }: Pick<Invocation, 'deadline'>,
  entities = { Product },
) {
  const ids = [...new Set(productIds)];
  const { found, unread } = await readByProductId(
    ids,
    (keys, abortSignal) => entities.Product.get(keys).go({ abortSignal }),
    deadline - ANSWER_MS,
  );
  let room = MAX_ANSWER_BYTES;
  const products = ids.flatMap((id) => {
    const item = found.get(id);
    if (!item) return [];
    const product = productView(item);
    // The body is text inside the JSON that Lambda answers, so it is escaped once more.
    room -= Buffer.byteLength(JSON.stringify(JSON.stringify(product)));
    if (room >= 0) return [product];
    unread.set(id, 'unprocessed');
    return [];
  });
  return {
    products,
    missing: ids.filter((id) => !found.has(id) && !unread.has(id)),
    unread: ids.filter((id) => unread.has(id)),
  };
}

export const handler = flow('batch-get-products', async (request) => ({
  status: 200,
  body: await batchGetProducts(request.body(input, MAX_BATCH_BODY_BYTES), request),
}));
