import { Problem } from '#shared/errors';
import { productId } from '#shared/input';

/** The product id in a cart's path. @throws Problem `not-found` for what no product has as its id */
export function cartProductId(request: { path(name: string): string }): string {
  const result = productId.safeParse(request.path('productId'));
  if (!result.success) throw new Problem('not-found', 'There is no product of this id.');
  return result.data;
}
