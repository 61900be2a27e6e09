import type * as z from 'zod/mini';
import { normaliseEmail } from '#model/email-claim';
import { shardOf } from '#model/shard';
import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { shardCount } from '#shared/shards';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { transact } from '#shared/transact';
import { newUser } from './user-input';
import { userEtag, userView } from './user-view';

const { User, EmailClaim } = store.entities;

/** Writes a profile and the claim of its e-mail in one transaction. @throws Problem `user-exists`, `email-taken` */
export async function createUser(
  userId: string,
  input: z.output<typeof newUser>,
  { now, deadline }: Invocation,
  entities = { User, EmailClaim },
) {
  const at = isoTime(now);
  const user = {
    ...input,
    userId,
    signedUpAt: at,
    signupMonth: at.slice(0, 7),
    shard: shardOf(userId, shardCount()),
    updatedAt: at,
    version: 1,
  };
  const reasons = await transact(
    entities,
    ({ User, EmailClaim }) => [
      User.create(user).commit(),
      EmailClaim.create({ email: normaliseEmail(input.email), userId, claimedAt: at }).commit(),
    ],
    deadline,
  );
  if (reasons) {
    throw reasons[0]?.code === 'None'
      ? new Problem('email-taken', 'Another user has this e-mail.')
      : new Problem('user-exists', 'You have a profile already.');
  }
  return userView(user);
}

export const handler = flow('create-user', async (request) => {
  const { sub } = request.caller();
  const input = request.body(newUser);
  request.requireProvedEmail(input.email);
  const user = await createUser(sub, input, request);
  return { status: 201, body: user, headers: { etag: userEtag(user), location: `/users/${encodeURIComponent(sub)}` } };
});
