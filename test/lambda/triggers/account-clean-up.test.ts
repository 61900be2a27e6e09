import '../../support/flow-environment';
import { cleanUpAccount } from '../../../lambda/triggers/account-clean-up';
import { rows } from '../../support/complete';
import { Crash, type FaultScript, type Happening, startTables } from '../../support/engine-tables';
import { SAMPLES } from '../../support/samples';
import { invocation } from '../../support/shop';

type Tables = Awaited<ReturnType<typeof startTables>>;
type Entities = ReturnType<Tables['store']>['entities'];

/** The user is removed at 10:00:00.500; the stream says 10:00:00. */
const REMOVED_AT = '2026-11-25T10:00:00.000Z';
const [OLD, SAME_SECOND, LATER] = ['2026-11-25T09:59:59.999Z', '2026-11-25T10:00:00.600Z', '2026-11-25T10:00:01.000Z'];

let users = 0;
const newUser = () => `user${++users}`;

const putItem = ({ CartItem }: Entities, userId: string, productId: string, addedAt = OLD, putId = 'p') =>
  CartItem.put({ userId, productId, quantity: 1, addedAt, putId, expiresAt: 2_000_000_000 }).go();
const putSession = ({ Session }: Entities, userId: string, sessionId: string, createdAt = OLD) =>
  Session.put({ userId, sessionId, createdAt, expiresAt: 2_000_000_000 }).go();
const putStats = ({ CustomerStats }: Entities, userId: string, lastOrderAt: string | undefined = OLD) =>
  CustomerStats.put({ userId, orders: 1, spent: { EUR: 5 }, lastOrderAt }).go();
const putUser = ({ User }: Entities, userId: string, signedUpAt: string) => User.put({ ...SAMPLES.User, userId, signedUpAt }).go();

/** An account as it was made at a time: two products, two sessions, and the statistics. */
async function account(entities: Entities, userId: string, at = OLD): Promise<void> {
  await Promise.all([
    putItem(entities, userId, `tea ${at}`, at),
    putItem(entities, userId, `cup ${at}`, at),
    putSession(entities, userId, `s1 ${at}`, at),
    putSession(entities, userId, `s2 ${at}`, at),
    putStats(entities, userId, at),
  ]);
}

/** What is left of an account: products, sessions, and whether there are statistics. */
async function left({ CartItem, Session, CustomerStats }: Entities, userId: string) {
  const [items, sessions, stats] = await Promise.all([
    CartItem.query.primary({ userId }).go({ consistent: true, pages: 'all' }),
    Session.query.primary({ userId }).go({ consistent: true, pages: 'all' }),
    CustomerStats.get({ userId }).go({ consistent: true }),
  ]);
  return [items.data.map(({ productId }) => productId), sessions.data.map(({ sessionId }) => sessionId), stats.data !== null];
}
const NOTHING = [[], [], false];
const whole = (at: string) => [[`cup ${at}`, `tea ${at}`], [`s1 ${at}`, `s2 ${at}`], true];

const cleanUp = (userId: string, entities: Entities) => cleanUpAccount(userId, REMOVED_AT, invocation(), entities);

describe('who is gone', () => {
  let tables: Tables;
  let plain: Entities;
  beforeAll(async () => {
    tables = await startTables();
    plain = tables.store().entities;
  });
  afterAll(() => tables.stop());

  test('leaves none of 100 products, 20 sessions and the statistics, and other users keep theirs', async () => {
    const [userId, other] = [newUser(), newUser()];
    const long = 'p'.repeat(12_000);
    await account(plain, other);
    await putStats(plain, userId);
    await Promise.all([
      // More than the 1 MB of a page.
      ...Array.from({ length: 100 }, (_, index) => putItem(plain, userId, `product${index}`, OLD, long)),
      ...Array.from({ length: 20 }, (_, index) => putSession(plain, userId, `session${index}`)),
    ]);
    const store = tables.store();
    await cleanUp(userId, store.entities);
    expect(await left(plain, userId)).toEqual(NOTHING);
    expect(await left(plain, other)).toEqual(whole(OLD));
    expect(store.sent.filter((operation) => operation === 'Query').length).toBeGreaterThan(2);
    expect(store.sent.filter((operation) => operation === 'DeleteItem')).toHaveLength(121);
  });

  test('an account that had nothing is cleaned up', async () => {
    await expect(cleanUp(newUser(), plain)).resolves.toBeUndefined();
  });

  test('an account leaves no statistics that know of no order', async () => {
    const userId = newUser();
    await plain.CustomerStats.put({ userId, orders: -1, spent: { EUR: -5 } }).go();
    await cleanUp(userId, plain);
    expect(await left(plain, userId)).toEqual(NOTHING);
  });

  describe('and came back', () => {
    test.each([
      ['later, with a profile', LATER, LATER],
      ['within the same second, with a profile', SAME_SECOND, SAME_SECOND],
      ['later, without a profile', LATER, undefined],
    ])('%s, keeps what is new', async (_, at, signedUpAt) => {
      const userId = newUser();
      await account(plain, userId);
      await putStats(plain, userId, at);
      await Promise.all([putItem(plain, userId, 'new', at), putSession(plain, userId, 'new', at)]);
      if (signedUpAt) await putUser(plain, userId, signedUpAt);
      for (const _delivery of [1, 2]) {
        await cleanUp(userId, plain);
        expect(await left(plain, userId)).toEqual([['new'], ['new'], true]);
      }
      expect((await plain.User.get({ userId }).go({ consistent: true })).data?.signedUpAt).toBe(signedUpAt);
    });

    test('within the same second, loses what was made in it before the profile', async () => {
      const userId = newUser();
      const before = '2026-11-25T10:00:00.400Z';
      await account(plain, userId, before);
      await Promise.all([putUser(plain, userId, SAME_SECOND), putItem(plain, userId, 'new', SAME_SECOND)]);
      await cleanUp(userId, plain);
      expect(await left(plain, userId)).toEqual([['new'], [], false]);
    });

    test('without a profile, loses what was made in the same second', async () => {
      const userId = newUser();
      await account(plain, userId, SAME_SECOND);
      await cleanUp(userId, plain);
      expect(await left(plain, userId)).toEqual(NOTHING);
    });

    test('within the same second, without a profile, keeps what was made after the clean-up began', async () => {
      const userId = newUser();
      await account(plain, userId, '2026-11-25T10:00:00.549Z');
      await Promise.all([putItem(plain, userId, 'new', SAME_SECOND), putSession(plain, userId, 'new', SAME_SECOND)]);
      const now = Date.parse('2026-11-25T10:00:00.550Z');
      await cleanUpAccount(userId, REMOVED_AT, { ...invocation(), now }, plain);
      expect(await left(plain, userId)).toEqual([['new'], ['new'], false]);
    });

    test('with a profile much later, loses what was made in the second of the removal and keeps what came behind it', async () => {
      const userId = newUser();
      await account(plain, userId, SAME_SECOND);
      await Promise.all([putUser(plain, userId, '2026-11-25T11:00:00.000Z'), putItem(plain, userId, 'new', LATER)]);
      await cleanUp(userId, plain);
      expect(await left(plain, userId)).toEqual([['new'], [], false]);
    });
  });

  test('what is put again between the read and the delete stays', async () => {
    const userId = newUser();
    await account(plain, userId);
    const store = tables.store(async (operation, nth) => {
      if (operation === 'DeleteItem' && nth === 1) {
        await Promise.all([putItem(plain, userId, `tea ${OLD}`, LATER), putItem(plain, userId, `cup ${OLD}`, LATER)]);
      }
      if (operation === 'DeleteItem' && nth === 3) {
        await Promise.all([putSession(plain, userId, `s1 ${OLD}`, LATER), putSession(plain, userId, `s2 ${OLD}`, LATER)]);
        await putStats(plain, userId, LATER);
      }
      return 'pass' as const;
    });
    await cleanUp(userId, store.entities);
    expect(store.sent.filter((operation) => operation === 'DeleteItem')).toHaveLength(5);
    expect(await left(plain, userId)).toEqual(whole(OLD));
  });

  describe('leaves nothing, and what is new stays,', () => {
    /** The first call is the profile's; then a page of products, one of sessions, and the deletes: 8 in all. */
    const CALLS = 8;
    const prepare = async (userId: string) => {
      await account(plain, userId);
      await Promise.all([putUser(plain, userId, LATER), putItem(plain, userId, 'new', LATER)]);
    };
    const KEPT = [['new'], [], false];
    const onCall = (call: number, happening: Happening): FaultScript => {
      let calls = 0;
      return () => (++calls === call ? happening : 'pass');
    };

    /** Runs a check for each of the calls, each with a user of its own. */
    const atEachCall = (check: (call: number, userId: string) => Promise<void>) =>
      Promise.all(
        Array.from({ length: CALLS }, async (_, index) => {
          const userId = newUser();
          await prepare(userId);
          await check(index + 1, userId);
        }),
      );

    test.each(rows<Happening & object>([{ kind: 'throttle' }, { kind: 'internal-error' }, { kind: 'timeout-after-commit' }], ({ kind }) => kind !== 'internal-error'))(
      'when any call meets %j',
      async (happening) => {
        await atEachCall(async (call, userId) => {
          const store = tables.store(onCall(call, happening), { maxAttempts: 1 });
          await cleanUp(userId, store.entities);
          expect(store.sent.length).toBeGreaterThan(CALLS);
          expect(await left(plain, userId)).toEqual(KEPT);
        });
      },
    );

    test.each(rows(['crash-before', 'crash-after'] as const, (kind) => kind === 'crash-after'))('when the record comes again after any call (%s)', async (kind) => {
      await atEachCall(async (call, userId) => {
        await expect(cleanUp(userId, tables.store(onCall(call, { kind })).entities)).rejects.toThrow(Crash);
        await cleanUp(userId, plain);
        await cleanUp(userId, plain);
        expect(await left(plain, userId)).toEqual(KEPT);
      });
    });

    test('an account leaves nothing when two deliveries run at once', async () => {
      const userId = newUser();
      await prepare(userId);
      await Promise.all([cleanUp(userId, tables.store().entities), cleanUp(userId, tables.store().entities)]);
      expect(await left(plain, userId)).toEqual(KEPT);
    });
  });

  test('a clean-up fails when the deadline comes first', async () => {
    const userId = newUser();
    await account(plain, userId);
    const store = tables.store((operation) => (operation === 'DeleteItem' ? { kind: 'throttle' } : 'pass'), { maxAttempts: 1 });
    const short = { now: Date.now(), deadline: Date.now() + 150 };
    await expect(cleanUpAccount(userId, REMOVED_AT, short, store.entities)).rejects.toThrow('throttling');
    expect(await left(plain, userId)).toEqual(whole(OLD));
  });
});
