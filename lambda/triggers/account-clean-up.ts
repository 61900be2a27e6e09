import type { Invocation } from '#shared/http';
import { untilAnswered, writeOnCondition } from '#shared/retry';
import { store } from '#shared/store';
import { isoTime } from '#shared/time';
import { effect } from './effect';

const { User, CartItem, Session, CustomerStats } = store.entities;
type Entities = Pick<typeof store.entities, 'User' | 'CartItem' | 'Session' | 'CustomerStats'>;

/** How many deletes are under way at a time. */
const CONCURRENT = 10;

/**
 * Deletes the cart, the sessions and the statistics of a user who is gone, page by page, as far as they were made before
 * the removal: who signed up again meanwhile keeps what is new.
 *
 * A stream tells the time of a change to the second only, so what is old is found in three steps: all that was made before
 * that second ended; of this, with a new profile, what was made before it; and never what was made after this clean-up
 * looked for one, since the removal was before.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
 *
 * @param removedAt ISO time of the removal, rounded down to the second
 */
export async function cleanUpAccount(
  userId: string,
  removedAt: string,
  { now, deadline }: Invocation,
  entities: Entities = { User, CartItem, Session, CustomerStats },
): Promise<void> {
  const { data: user } = await untilAnswered(deadline, () => entities.User.get({ userId }).go({ consistent: true }));
  const bounds = [isoTime(Date.parse(removedAt) + 1_000), user?.signedUpAt ?? isoTime(now)];
  const before = bounds.sort()[0] as string;

  await eachPage(
    (cursor) => untilAnswered(deadline, () => entities.CartItem.query.primary({ userId }).go({ consistent: true, cursor })),
    ({ productId }) =>
      writeOnCondition(deadline, () =>
        entities.CartItem.delete({ userId, productId })
          .where((attr, { lt }) => lt(attr.addedAt, before))
          .go(),
      ),
  );
  await eachPage(
    (cursor) => untilAnswered(deadline, () => entities.Session.query.primary({ userId }).go({ consistent: true, cursor })),
    ({ sessionId }) =>
      writeOnCondition(deadline, () =>
        entities.Session.delete({ userId, sessionId })
          .where((attr, { lt }) => lt(attr.createdAt, before))
          .go(),
      ),
  );
  await writeOnCondition(deadline, () =>
    entities.CustomerStats.delete({ userId })
      .where((attr, { lt, notExists }) => `(${notExists(attr.lastOrderAt)} OR ${lt(attr.lastOrderAt, before)})`)
      .go(),
  );
}

/** Deletes what is found, a page at a time. A delete on condition that does not hold leaves the item. */
async function eachPage<Item>(
  read: (cursor: string | null) => Promise<{ data: Item[]; cursor: string | null }>,
  remove: (item: Item) => Promise<unknown>,
): Promise<void> {
  let cursor: string | null = null;
  do {
    const page: { data: Item[]; cursor: string | null } = await read(cursor);
    const queue = [...page.data];
    await Promise.all(
      Array.from({ length: CONCURRENT }, async () => {
        for (let item = queue.shift(); item !== undefined; item = queue.shift()) await remove(item);
      }),
    );
    ({ cursor } = page);
  } while (cursor !== null);
}

/** Cleans up behind a user who is gone. */
export const accountCleanUp = effect(
  { name: 'account-clean-up', entity: 'User', on: ['REMOVE'], view: 'OLD_IMAGE' },
  ({ at, oldImage: { userId } }, invocation) => cleanUpAccount(userId, at, invocation),
);
