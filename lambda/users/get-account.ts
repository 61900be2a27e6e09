import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { store } from '#shared/store';
import { isExpired } from '#shared/time';
import { cartView } from '../carts/cart-view';
import { sessionView } from './session-view';
import { userView } from './user-view';

/**
 * A user with statistics, cart and sessions: one query over the item collection `account`, all its pages, strongly
 * consistent within the region: the profile, which is written in the home region, may lag in another.
 * @throws Problem `not-found` without a profile
 */
export async function getAccount(
  userId: string,
  { now }: Pick<Invocation, 'now'>,
  { account }: Pick<typeof store.replica, 'account'> = store.replica,
) {
  const { data } = await account({ userId }).go({ consistent: true, pages: 'all' });
  const [user] = data.User;
  if (!user) throw new Problem('not-found', `There is no user ${userId}.`);
  const { orders = 0, spent = {}, lastOrderAt = null } = data.CustomerStats[0] ?? {};
  return {
    user: userView(user),
    stats: { orders, spent, lastOrderAt },
    cart: cartView(data.CartItem, now),
    sessions: data.Session.filter((session) => !isExpired(session, now)).map(sessionView),
  };
}

export const handler = flow('get-account', async (request) => ({
  status: 200,
  body: await getAccount(request.ownId('userId', { orAdmin: true }), request),
}));
