import '../support/flow-environment';
import { ulid } from 'ulid';
import { getCart } from '../../lambda/carts/get-cart';
import { putCartItem } from '../../lambda/carts/put-cart-item';
import { startTables } from '../support/engine-tables';
import { SAMPLES } from '../support/samples';
import { outcome } from '../support/shop';

describe('a full cart', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  beforeAll(async () => {
    tables = await startTables();
  });
  afterAll(() => tables.stop());

  test('a full cart keeps what was in it, whatever comes at once', async () => {
    const { entities } = tables.store();
    const time = { now: Date.now(), deadline: Date.now() + 60_000 };
    const put = (productId: string, quantity: number) => putCartItem('cat', productId, { quantity }, time, entities);
    await entities.CartItem.put(Array.from({ length: 100 }, (_, index) => ({ ...SAMPLES.CartItem, userId: 'cat', productId: `p${index}`, putId: ulid(time.now - 120_000), expiresAt: Math.floor(time.now / 1_000) + 60 }))).go();
    const requests = Array.from({ length: 20 }, (_, index) => (index % 2 ? outcome(put(`new${index}`, 1)) : put(`p${index}`, 2)));
    await Promise.all(requests);
    const { items } = await getCart('cat', time, entities);
    expect(items).toHaveLength(100);
    expect(items.filter(({ quantity }) => quantity === 2)).toHaveLength(10);
  });

  test('a product that another request has put, and not counted yet, is refused to both', async () => {
    const { entities } = tables.store();
    const time = { now: Date.now(), deadline: Date.now() + 60_000 };
    const item = { ...SAMPLES.CartItem, userId: 'dan', putId: ulid(time.now - 120_000), expiresAt: Math.floor(time.now / 1_000) + 60 };
    await entities.CartItem.put(Array.from({ length: 100 }, (_, index) => ({ ...item, productId: `p${index}` }))).go();
    await entities.CartItem.put({ ...item, productId: 'new', putId: ulid(time.now) }).go();
    await expect(putCartItem('dan', 'new', { quantity: 2 }, time, entities)).rejects.toMatchObject({ type: 'cart-full' });
    expect((await getCart('dan', time, entities)).items.map(({ productId }) => productId)).not.toContain('new');
  });
});
