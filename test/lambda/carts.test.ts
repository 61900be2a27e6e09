import '../support/flow-environment';
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
    await entities.CartItem.put(Array.from({ length: 100 }, (_, index) => ({ ...SAMPLES.CartItem, userId: 'cat', productId: `p${index}`, expiresAt: Math.floor(time.now / 1_000) + 60 }))).go();
    const requests = Array.from({ length: 20 }, (_, index) => (index % 2 ? outcome(put(`new${index}`, 1)) : put(`p${index}`, 2)));
    await Promise.all(requests);
    const { items } = await getCart('cat', time, entities);
    expect(items).toHaveLength(100);
    expect(items.filter(({ quantity }) => quantity === 2)).toHaveLength(10);
  });
});
