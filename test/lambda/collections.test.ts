import '../support/flow-environment';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { ulid } from 'ulid';
import { getCart } from '../../lambda/carts/get-cart';
import { getOrderFile } from '../../lambda/orders/get-order-file';
import { identify } from '../../lambda/orders/idempotency';
import { placeOrder } from '../../lambda/orders/place-order';
import { createProduct } from '../../lambda/products/create-product';
import { getProductFile } from '../../lambda/products/get-product-file';
import { createUser } from '../../lambda/users/create-user';
import { getAccount } from '../../lambda/users/get-account';
import { startTables } from '../support/engine-tables';
import { invocation } from '../support/shop';

/** DynamoDB ends a page at 1 MB: these collections have three. */
const ITEMS = 25;
const FILLER = 'x'.repeat(100_000);

describe('an item collection of several pages is read whole', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  let store: ReturnType<typeof tables.store>;
  beforeAll(async () => {
    tables = await startTables();
    store = tables.store();
  });
  afterAll(() => tables.stop());

  const product = (productId: string) =>
    createProduct({ productId, name: 'Tea', category: 'Drinks', priceMinor: 7, currency: 'EUR', stock: 9 }, invocation(), store.entities);

  /** Writes items as the model makes them, each with an attribute of 100 kB that the model does not know. */
  async function fill(make: (index: number) => { params(): unknown }): Promise<void> {
    for (let index = 0; index < ITEMS; index++) {
      const { TableName, Item } = make(index).params() as { TableName: string; Item: object };
      await store.client.send(new PutCommand({ TableName, Item: { ...Item, filler: FILLER } }));
    }
  }

  const queries = async (read: (own: typeof store) => Promise<unknown>) => {
    const own = tables.store();
    await read(own);
    return own.sent;
  };

  test('a product file of several pages is read whole, with the stock before and behind the movements', async () => {
    await product('filed');
    const at = new Date(0).toISOString();
    await fill(() => store.entities.StockMovement.put({ productId: 'filed', movementId: ulid(), delta: 1, reason: 'count', at }));
    const file = await getProductFile('filed', store.entities);
    expect([file.product.productId, file.stock, file.stockMovements.length]).toEqual(['filed', 9, ITEMS]);
    expect(await queries(({ entities }) => getProductFile('filed', entities))).toEqual(['Query', 'Query', 'Query']);
  });

  test('an account of several pages is read whole, and the cart in it', async () => {
    await createUser('ann', { email: 'ann@example.com', name: 'Ann' }, invocation(), store.entities);
    const expiresAt = Math.floor(Date.now() / 1_000) + 1_000;
    const item = { userId: 'ann', quantity: 1, addedAt: new Date(0).toISOString(), expiresAt };
    await fill((index) => store.entities.CartItem.put({ ...item, productId: `p${index}`, putId: ulid() }));
    const account = await getAccount('ann', invocation(), store.replica);
    expect([account.user.userId, account.cart.items.length]).toEqual(['ann', ITEMS]);
    expect((await getCart('ann', invocation(), store.entities)).items).toHaveLength(ITEMS);
  });

  test('an order file of several pages is read whole', async () => {
    await product('ordered');
    const lines = [{ productId: 'ordered', quantity: 1 }];
    const { order } = await placeOrder(identify('ben', 'key', lines), { lines }, invocation(), store.entities);
    const { customerId, orderId } = order;
    const at = new Date(0).toISOString();
    await fill(() => store.entities.OrderEvent.put({ customerId, orderId, at, eventId: ulid(), type: 'Filled' }));
    const file = await getOrderFile(orderId, { sub: 'ben', admin: false }, store.entities);
    expect([file.order.orderId, file.events.length]).toEqual([orderId, ITEMS]);
  });
});
