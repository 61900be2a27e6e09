import type * as z from 'zod/mini';
import { normaliseEmail } from '#model/email-claim';
import { Problem } from '#shared/errors';
import { changedSinceRead, ifMatchOf, requireMatch } from '#shared/etag';
import { flow, type Invocation } from '#shared/http';
import { readBack, untilAnswered, writeOnCondition } from '#shared/retry';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { transact } from '#shared/transact';
import { getUser } from './get-user';
import { userChange } from './user-input';
import { userEtag } from './user-view';

const { User, EmailClaim } = store.entities;

/**
 * Changes a profile if it still is what the caller read. A new e-mail is claimed, and the old one freed, in the same
 * transaction; one that differs in case only is no new claim.
 * @param ifMatch the header If-Match
 * @throws Problem `not-found`, `precondition-failed` before `email-taken`
 */
export async function updateUser(
  userId: string,
  { email, name, phone, preferences }: z.output<typeof userChange>,
  ifMatch: string,
  { now, deadline }: Invocation,
  entities = { User, EmailClaim },
) {
  const current = await untilAnswered(deadline, () => getUser(userId, entities));
  requireMatch(ifMatch, userEtag(current));
  const at = isoTime(now);
  const set = {
    ...(email !== undefined && { email }),
    ...(name !== undefined && { name }),
    ...(phone && { phone }),
    ...(preferences && { preferences }),
    updatedAt: at,
  };
  const remove = [...(phone === null ? ['phone' as const] : []), ...(preferences === null ? ['preferences' as const] : [])];
  const [oldEmail, newEmail] = [normaliseEmail(current.email), normaliseEmail(email ?? current.email)];

  if (newEmail === oldEmail) {
    const written = await writeOnCondition(deadline, () =>
      entities.User.patch({ userId })
        .set(set)
        .remove(remove)
        .add({ version: 1 })
        .where((attr, { eq }) => `${eq(attr.version, current.version)} AND ${eq(attr.signedUpAt, current.signedUpAt)}`)
        .go(),
    );
    if (!written.done) {
      const found = written.mayBeOwn ? await untilAnswered(deadline, () => getUser(userId, entities)) : current;
      if (found.version !== current.version + 1 || found.updatedAt !== at) throw changedSinceRead();
    }
  } else {
    const reasons = await transact(
      entities,
      ({ User, EmailClaim }) => [
        User.patch({ userId })
          .set(set)
          .remove(remove)
          .add({ version: 1 })
          .where((attr, { eq }) => `${eq(attr.version, current.version)} AND ${eq(attr.signedUpAt, current.signedUpAt)}`)
          .commit(),
        EmailClaim.remove({ email: oldEmail })
          .where((attr, { eq }) => eq(attr.userId, userId))
          .commit(),
        EmailClaim.create({ email: newEmail, userId, claimedAt: at }).commit(),
      ],
      deadline,
    );
    if (reasons && reasons[0]?.code === 'None' && reasons[1]?.code === 'None') {
      throw new Problem('email-taken', 'Another user has this e-mail.');
    }
    if (reasons) throw changedSinceRead();
  }
  return readBack(deadline, () => getUser(userId, entities));
}

export const handler = flow('update-user', async (request) => {
  const userId = request.ownId('userId', { orAdmin: false });
  const change = request.body(userChange);
  if (change.email !== undefined) request.requireProvedEmail(change.email);
  const user = await updateUser(userId, change, ifMatchOf(request), request);
  return { status: 200, body: user, headers: { etag: userEtag(user) } };
});
