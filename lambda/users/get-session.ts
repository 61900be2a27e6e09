import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { store } from '#shared/store';
import { isExpired } from '#shared/time';
import { sessionView } from './session-view';

const { Session } = store.replica;

/**
 * A session of the caller's own, by its primary key and strongly consistent; `bySessionId` could lag behind it.
 * @throws Problem `not-found`: unknown, another's, or expired, though TTL may not have deleted it yet
 */
export async function getSession(sessionId: string, userId: string, { now }: Pick<Invocation, 'now'>, entities = { Session }) {
  const { data } = await entities.Session.get({ userId, sessionId }).go({ consistent: true });
  if (!data || isExpired(data, now)) throw new Problem('not-found', `There is no session ${sessionId}.`);
  return sessionView(data);
}

export const handler = flow('get-session', async (request) => ({
  status: 200,
  body: await getSession(request.path('sessionId'), request.caller().sub, request),
}));
