import { normaliseEmail } from '#model/email-claim';
import { Problem } from '#shared/errors';
import { flow, type Invocation } from '#shared/http';
import { backoff, untilAnswered } from '#shared/retry';
import { store } from '#shared/store';
import { transact } from '#shared/transact';
import { getUser } from './get-user';

const { User, EmailClaim } = store.entities;

/**
 * Deletes a profile and frees its e-mail in one transaction; the Users stream removes cart, sessions and statistics.
 * @throws Problem `not-found`
 */
export async function deleteUser(
  userId: string,
  { deadline }: Pick<Invocation, 'deadline'>,
  entities = { User, EmailClaim },
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const { email } = await untilAnswered(deadline, () => getUser(userId, entities));
    const reasons = await transact(
      entities,
      ({ User, EmailClaim }) => [
        User.remove({ userId })
          .where((attr, { eq }) => eq(attr.email, email))
          .commit(),
        EmailClaim.remove({ email: normaliseEmail(email) })
          .where((attr, { eq }) => eq(attr.userId, userId))
          .commit(),
      ],
      deadline,
    );
    if (!reasons) return;
    // The e-mail changed between the read and the transaction, or the profile is gone: read again.
    if (!(await backoff(attempt, deadline))) throw new Problem('throttled', 'The profile is being changed. Try again.');
  }
}

export const handler = flow('delete-user', async (request) => {
  await deleteUser(request.ownId('userId', { orAdmin: true }), request);
  return { status: 204 };
});
