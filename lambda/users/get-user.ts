import { Problem } from '#shared/errors';
import { flow } from '#shared/http';
import { store } from '#shared/store';
import { userEtag, userView } from './user-view';

const { User } = store.entities;

/** Reads a profile, strongly consistent: its reader may have just written it. @throws Problem `not-found` */
export async function getUser(userId: string, entities = { User }) {
  const { data } = await entities.User.get({ userId }).go({ consistent: true });
  if (!data) throw new Problem('not-found', `There is no user ${userId}.`);
  return userView(data);
}

export const handler = flow('get-user', async (request) => {
  const user = await getUser(request.ownId('userId', { orAdmin: true }));
  return { status: 200, body: user, headers: { etag: userEtag(user) } };
});
