import { flow, type Invocation } from '#shared/http';
import { untilAnswered } from '#shared/retry';
import { store } from '#shared/store';
import { cartProductId } from './cart-product-id';

const { CartItem } = store.replica;

/** Takes a product out of a cart; one that is not in it is out already. */
export async function deleteCartItem(
  userId: string,
  productId: string,
  { deadline }: Pick<Invocation, 'deadline'>,
  entities = { CartItem },
): Promise<void> {
  await untilAnswered(deadline, () => entities.CartItem.delete({ userId, productId }).go());
}

export const handler = flow('delete-cart-item', async (request) => {
  await deleteCartItem(request.ownId('userId', { orAdmin: false }), cartProductId(request), request);
  return { status: 204 };
});
