import * as z from 'zod/mini';
import { BY_CATEGORY } from '#model/product';
import { openCursor, sealCursor } from '#shared/cursor';
import { flow, type Invocation } from '#shared/http';
import { page } from '#shared/input';
import { store } from '#shared/store';
import { category } from './product-input';
import { productView } from './product-view';

const { Product } = store.cached;

const query = z.strictObject({ category, ...page });

/** One page of a category by price, from `byCategory`: the attributes that the index holds, without stock. */
export async function listProducts(
  { category, limit, cursor }: z.output<typeof query>,
  { now }: Pick<Invocation, 'now'>,
  entities = { Product },
) {
  const scope = ['list-products', '', category] as const;
  const page = await entities.Product.query.byCategory({ category }).go({
    limit,
    cursor: openCursor(cursor, scope, now) ?? null,
    attributes: [...BY_CATEGORY],
  });
  return { items: page.data.map((item) => productView(item)), cursor: sealCursor(page.cursor, scope, now) };
}

export const handler = flow(
  'list-products',
  async (request) => ({
    status: 200,
    body: await listProducts(request.query(), request),
  }),
  query,
);
