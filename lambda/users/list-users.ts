import * as z from 'zod/mini';
import { normaliseEmail } from '#model/email-claim';
import { type CursorScope, openCursor, sealCursor } from '#shared/cursor';
import { flow, type Invocation } from '#shared/http';
import { page } from '#shared/input';
import { mergeShards, shardCount } from '#shared/shards';
import { store } from '#shared/store';
import { email } from './user-input';
import { userView } from './user-view';

const { User, EmailClaim } = store.entities;

const query = z
  .strictObject({
    email: z.optional(email),
    signupMonth: z.optional(z.string().check(z.regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'must be a month, as 2026-11'))),
    ...page,
  })
  .check(
    z.refine(({ email, signupMonth }) => (email === undefined) !== (signupMonth === undefined), {
      error: 'give either email or signupMonth',
      path: ['email'],
    }),
  );

/** The user with an e-mail, in a list of none or one: read by its claim, so strongly consistent and without an index. */
export async function usersByEmail(email: string, entities = { User, EmailClaim }) {
  const claim = await entities.EmailClaim.get({ email: normaliseEmail(email) }).go({ consistent: true });
  const user = claim.data && (await entities.User.get({ userId: claim.data.userId }).go({ consistent: true })).data;
  return { items: user ? [userView(user)] : [], cursor: null };
}

/** One page of a month's sign-ups over all shards of `bySignupMonth`, newest first. */
export async function usersBySignupMonth(
  { signupMonth, limit, cursor }: { signupMonth: string; limit: number; cursor?: string | undefined },
  caller: string,
  { now }: Pick<Invocation, 'now'>,
  entities = { User },
) {
  const scope: CursorScope = ['list-users', caller, signupMonth];
  const position = openCursor(cursor, scope, now);
  const last = position === undefined ? undefined : (JSON.parse(position) as { signedUpAt: string; userId: string });
  const { items, more } = await mergeShards({
    shards: shardCount(),
    limit,
    read: async (shard) => {
      const page = await entities.User.query
        .bySignupMonth({ signupMonth, shard })
        .between({ signedUpAt: signupMonth }, last ?? { signedUpAt: `${signupMonth}~` })
        // The upper bound is inclusive, so a page after the first begins with the item that the last one ended with.
        .go({ order: 'desc', limit: limit + 1 });
      return {
        items: page.data.filter(({ userId }) => userId !== last?.userId),
        more: page.cursor !== null,
      };
    },
    compare: (a, b) =>
      Buffer.compare(Buffer.from(b.signedUpAt + b.userId), Buffer.from(a.signedUpAt + a.userId)),
  });
  const end = items.at(-1);
  return {
    items: items.map(userView),
    cursor: more && end ? sealCursor(JSON.stringify({ signedUpAt: end.signedUpAt, userId: end.userId }), scope, now) : null,
  };
}

export const handler = flow(
  'list-users',
  async (request) => {
    request.requireAdmin();
    const { email, signupMonth = '', limit, cursor } = request.query();
    const { sub } = request.caller();
    // A list of one page makes no cursor, so any that comes is another's.
    if (email) openCursor(cursor, ['list-users', sub, 'email', email], request.now);
    const body = email
      ? await usersByEmail(email)
      : await usersBySignupMonth({ signupMonth, limit, cursor }, sub, request);
    return { status: 200, body };
  },
  query,
);
