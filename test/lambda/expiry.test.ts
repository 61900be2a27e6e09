import '../support/flow-environment';
import { getCart } from '../../lambda/carts/get-cart';
import { putCartItem } from '../../lambda/carts/put-cart-item';
import { createSession } from '../../lambda/users/create-session';
import { createUser } from '../../lambda/users/create-user';
import { getAccount } from '../../lambda/users/get-account';
import { getSession } from '../../lambda/users/get-session';
import { startTables } from '../support/engine-tables';
import { SAMPLES } from '../support/samples';
import { outcome } from '../support/shop';

/** No sweeper runs here, so what has expired is there as long as DynamoDB may take to delete it. */
describe('what has expired, and TTL has not deleted yet', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  beforeAll(async () => {
    tables = await startTables();
  });
  afterAll(() => tables.stop());

  const at = (now: number) => ({ now, deadline: Date.now() + 60_000 });
  const now = Date.UTC(2026, 10, 25);
  const put = (user: string, productId: string, time = now) =>
    putCartItem(user, productId, { quantity: 1 }, at(time), tables.store().entities);

  test('what expires is shown to the second before, and not from then on', async () => {
    const { entities, replica } = tables.store();
    await createUser('ann', { email: 'ann@example.com', name: 'Ann' }, at(now), entities);
    const cart = await put('ann', 'tea');
    const session = await createSession('ann', at(now), entities);
    const shown = async (seconds: number) => {
      const time = at(seconds * 1_000);
      const account = await getAccount('ann', time, replica);
      const read = await outcome(getSession(session.sessionId, 'ann', time, entities));
      return [(await getCart('ann', time, entities)).items.length, account.cart.items.length, account.sessions.length, 'sessionId' in (read as object)];
    };
    expect(await shown(session.expiresAt - 1)).toEqual([1, 1, 1, true]);
    expect(await shown(session.expiresAt)).toEqual([1, 1, 0, false]);
    expect(await shown(cart.expiresAt - 1)).toEqual([1, 1, 0, false]);
    expect(await shown(cart.expiresAt)).toEqual([0, 0, 0, false]);
  });

  test('what has expired takes no place in a cart', async () => {
    const later = now + 31 * 86_400_000;
    const { CartItem } = tables.store().entities;
    const { expiresAt } = await put('ben', 'p0');
    await CartItem.put(Array.from({ length: 99 }, (_, index) => ({ ...SAMPLES.CartItem, userId: 'ben', productId: `p${index + 1}`, expiresAt }))).go();
    await expect(put('ben', 'more')).rejects.toMatchObject({ type: 'cart-full' });
    await expect(put('ben', 'more', later)).resolves.toMatchObject({ productId: 'more' });
    expect((await getCart('ben', at(later), tables.store().entities)).items).toHaveLength(1);
  });
});
