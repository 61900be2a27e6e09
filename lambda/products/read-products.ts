import { Problem } from '#shared/errors';
import { backoff } from '#shared/retry';
import { store } from '#shared/store';

const { Product } = store.entities;

/** What an order takes over from a product. */
const FOR_AN_ORDER = ['productId', 'name', 'priceMinor', 'currency', 'active', 'discontinuedAt'] as const;

/**
 * Reads up to 100 products by id, strongly consistent, in one BatchGetItem, and again what it left unprocessed.
 * @param deadline epoch milliseconds
 * @returns the products that exist, by id
 * @throws Problem `throttled` when keys are unprocessed at the deadline
 */
export async function readProducts(productIds: string[], deadline: number, entities = { Product }) {
  const read = async (ids: string[]) => {
    const keys = ids.map((productId) => ({ productId }));
    return entities.Product.get(keys).go({ consistent: true, attributes: [...FOR_AN_ORDER] });
  };
  const found: Awaited<ReturnType<typeof read>>['data'] = [];
  let left = productIds;
  for (let attempt = 0; ; attempt++) {
    const { data, unprocessed } = await read(left);
    found.push(...data);
    left = unprocessed.map(({ productId }) => productId);
    if (left.length === 0) return new Map(found.map((product) => [product.productId, product]));
    if (!(await backoff(attempt, deadline))) throw new Problem('throttled', 'DynamoDB throttled the read of the products.');
  }
}
