import { ulid } from 'ulid';
import { flow, type Invocation } from '#shared/http';
import { untilAnswered } from '#shared/retry';
import { store } from '#shared/store';
import { isExpired, isoTime, ttlSeconds } from '#shared/time';
import { sessionView } from './session-view';

const { Session } = store.replica;

const DAY_SECONDS = 24 * 60 * 60;

const MAX_SESSIONS = 20;

/** Begins a session of a day. Of more than 20 of one user, the oldest end. */
export async function createSession(userId: string, { now, deadline }: Invocation, entities = { Session }) {
  const session = { userId, sessionId: ulid(now), createdAt: isoTime(now), expiresAt: ttlSeconds(now, DAY_SECONDS) };
  await untilAnswered(deadline, () => entities.Session.put(session).go());

  // The id is a ULID, so the sort key has the order in which they began.
  const { data: sessions } = await untilAnswered(deadline, () =>
    entities.Session.query.primary({ userId }).go({ consistent: true, pages: 'all' }),
  );
  const live = sessions.filter((entry) => !isExpired(entry, now));
  for (const { sessionId } of live.slice(0, -MAX_SESSIONS)) {
    await untilAnswered(deadline, () => entities.Session.delete({ userId, sessionId }).go());
  }
  return sessionView(session);
}

export const handler = flow('create-session', async (request) => {
  const userId = request.ownId('userId', { orAdmin: false });
  request.noBody();
  const session = await createSession(userId, request);
  return { status: 201, body: session, headers: { location: `/sessions/${session.sessionId}` } };
});
