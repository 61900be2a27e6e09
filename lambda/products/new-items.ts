import { ulid } from 'ulid';
import type * as z from 'zod/mini';
import { Problem } from '#shared/errors';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { type newProduct, requireProductSize, setAndRemove } from './product-input';

const { Product } = store.entities;

/**
 * The two items that a new product is: Product, and Stock with its copy of what an order must see unchanged.
 * @throws Problem `invalid-input` when the product is over 8 KB
 */
export function newItems(input: z.output<typeof newProduct>, now: number, entities = { Product }) {
  const { stock = 0, productId = ulid(now), active = true, ...attributes } = input;
  const at = isoTime(now);
  const { name, category, priceMinor, currency, restockAt } = attributes;
  const { set } = setAndRemove(attributes);
  const product = { ...set, name, category, priceMinor, currency, productId, active, createdAt: at, updatedAt: at, version: 1 };
  requireProductSize(entities.Product.create(product).params<{ Item: Record<string, unknown> }>().Item);
  const isLow = restockAt !== undefined && stock <= restockAt;
  return {
    product,
    stock: {
      productId,
      stock,
      priceMinor,
      currency,
      ...(restockAt !== undefined && { restockAt }),
      ...(isLow && { lowFlag: 'low' as const, restockSince: at }),
    },
  };
}

export const productExists = (productId: string) => new Problem('product-exists', `There is a product ${productId}.`);
