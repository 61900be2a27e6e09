import type { EntityItem } from 'electrodb';
import { invalidInput, Problem } from '#shared/errors';
import { readByProductId, requireRead } from '#shared/read-by-product-id';
import { store } from '#shared/store';

const { Product } = store.entities;

/** What an order takes over from a product, or is refused for. */
const FOR_AN_ORDER = ['productId', 'name', 'priceMinor', 'currency', 'active', 'discontinuedAt', 'version', 'createdAt'] as const;

/** What was read of a product. */
export type PricedProduct = Pick<EntityItem<typeof Product>, (typeof FOR_AN_ORDER)[number]>;

interface Line {
  productId: string;
  quantity: number;
}

/**
 * The lines with name and price of their products, the currency that these share, and the products as they were read.
 * @throws Problem `unknown-product`, `not-orderable`, `invalid-input` (more than one currency), `throttled`, `unavailable`
 */
export async function priceLines(lines: Line[], { now, deadline }: { now: number; deadline: number }, entities = { Product }) {
  const products = await readProducts(
    lines.map(({ productId }) => productId),
    deadline,
    entities,
  );
  const priced = lines.flatMap((line) => {
    const product = products.get(line.productId);
    return product ? [{ ...line, product }] : [];
  });
  if (priced.length < lines.length) {
    const productIds = lines.map(({ productId }) => productId).filter((id) => !products.has(id));
    throw new Problem('unknown-product', `There is no product ${productIds.join(', ')}.`, { productIds });
  }
  const refused = priced.filter(({ product }) => !product.active || isDiscontinued(product.discontinuedAt, now));
  if (refused.length > 0) {
    const productIds = refused.map(({ productId }) => productId);
    throw new Problem('not-orderable', `Not for sale: ${productIds.join(', ')}.`, { productIds });
  }
  const [currency = '', ...others] = new Set(priced.map(({ product }) => product.currency));
  if (others.length > 0) {
    const message = `the products are priced in ${[currency, ...others].join(' and ')}; an order has one currency`;
    throw invalidInput([{ path: 'lines', message }]);
  }
  return {
    currency,
    products,
    lines: priced.map(({ productId, quantity, product: { name, priceMinor } }) => ({ productId, name, priceMinor, quantity })),
  };
}

/** The products by id, strongly consistent, in one BatchGetItem, and in more where it leaves some unprocessed. */
async function readProducts(
  productIds: string[],
  deadline: number,
  entities: { Product: typeof Product },
): Promise<Map<string, PricedProduct>> {
  const { found, unread } = await readByProductId(
    productIds,
    (keys, abortSignal) => entities.Product.get(keys).go({ consistent: true, attributes: [...FOR_AN_ORDER], abortSignal }),
    deadline,
  );
  requireRead(unread);
  return found;
}

const isDiscontinued = (discontinuedAt: string | null | undefined, now: number) =>
  typeof discontinuedAt === 'string' && Date.parse(discontinuedAt) <= now;
