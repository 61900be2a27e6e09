import { flow, type Invocation } from '#shared/http';
import { store } from '#shared/store';
import { cartView } from './cart-view';

const { CartItem } = store.replica;

/** A user's cart by product id, strongly consistent: its reader may have just put something in. */
export async function getCart(userId: string, { now }: Pick<Invocation, 'now'>, entities = { CartItem }) {
  const { data } = await entities.CartItem.query.primary({ userId }).go({ consistent: true, pages: 'all' });
  return cartView(data, now);
}

export const handler = flow('get-cart', async (request) => ({
  status: 200,
  body: await getCart(request.ownId('userId', { orAdmin: false }), request),
}));
