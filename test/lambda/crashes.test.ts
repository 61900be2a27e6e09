import '../support/flow-environment';
import { deleteCartItem } from '../../lambda/carts/delete-cart-item';
import { getCart } from '../../lambda/carts/get-cart';
import { putCartItem } from '../../lambda/carts/put-cart-item';
import { adjustStock } from '../../lambda/inventory/adjust-stock';
import { transferStock } from '../../lambda/inventory/transfer-stock';
import { cancelOrder } from '../../lambda/orders/cancel-order';
import { deleteOrder } from '../../lambda/orders/delete-order';
import { identify } from '../../lambda/orders/idempotency';
import { placeOrder } from '../../lambda/orders/place-order';
import { updateOrderStatus } from '../../lambda/orders/update-order-status';
import { insertProduct } from '../../lambda/partiql/insert-product';
import { removeProduct } from '../../lambda/partiql/remove-product';
import { setPrice } from '../../lambda/partiql/set-price';
import { createProduct } from '../../lambda/products/create-product';
import { deleteProduct } from '../../lambda/products/delete-product';
import { importProducts } from '../../lambda/products/import-products';
import { updateProduct } from '../../lambda/products/update-product';
import { createSession } from '../../lambda/users/create-session';
import { createUser } from '../../lambda/users/create-user';
import { deleteUser } from '../../lambda/users/delete-user';
import { updateUser } from '../../lambda/users/update-user';
import { type Flow, FLOWS } from '../../lib/flows';
import { rows } from '../support/complete';
import { Crash, startTables } from '../support/engine-tables';
import { invocation, outcome } from '../support/shop';

type Tables = Awaited<ReturnType<typeof startTables>>;
type Store = ReturnType<Tables['store']>;

/** What a case works on: ids that no other case has. */
interface Ids {
  user: string;
  product: string;
  other: string;
  key: string;
  /** Set where an order was placed before. */
  orderId: string;
}

/** One flow that writes: what it needs, the request as a client would send it again, and what must hold then. */
interface Case {
  prepare?(ids: Ids, store: Store): Promise<unknown>;
  request(ids: Ids, store: Store): Promise<unknown>;
  holds(ids: Ids, store: Store): Promise<void>;
}

const tea = (productId: string, more: object = {}) => ({
  productId,
  name: 'Tea',
  category: 'Drinks',
  priceMinor: 7,
  currency: 'EUR',
  stock: 10,
  ...more,
});

const make = (productId: string, { entities }: Store) => createProduct(tea(productId), invocation(), entities);
const read = async ({ product }: Ids, { entities }: Store) => {
  const [item, stock, movements] = await Promise.all([
    entities.Product.get({ productId: product }).go({ consistent: true }),
    entities.Stock.get({ productId: product }).go({ consistent: true }),
    entities.StockMovement.query.primary({ productId: product }).go({ consistent: true }),
  ]);
  return { product: item.data, stock: stock.data, moved: movements.data.reduce((sum, { delta }) => sum + delta, 0) };
};
const lines = ({ product }: Ids) => [{ productId: product, quantity: 3 }];
const place = (ids: Ids, { entities }: Store) =>
  placeOrder(identify(ids.user, ids.key, lines(ids)), { lines: lines(ids) }, invocation(), entities);
const ordersOf = async ({ user }: Ids, { entities }: Store) =>
  (await entities.Order.query.primary({ customerId: user }).go({ consistent: true })).data;
const owner = ({ user }: Ids) => ({ sub: user, admin: false });
const shopWithOrder = async (ids: Ids, store: Store) => {
  await make(ids.product, store);
  ids.orderId = (await place(ids, store)).order.orderId;
};
const email = ({ user }: Ids) => `${user}@example.com`;
const newEmail = ({ user }: Ids) => `new-${user}@example.com`;
const register = (ids: Ids, { entities }: Store) => createUser(ids.user, { email: email(ids), name: 'N' }, invocation(), entities);
const account = async (ids: Ids, { entities }: Store) => {
  const { data: user } = await entities.User.get({ userId: ids.user }).go({ consistent: true });
  const claims = await Promise.all(
    [email(ids), newEmail(ids)].map((address) => entities.EmailClaim.get({ email: address }).go({ consistent: true })),
  );
  return [user?.email, ...claims.map(({ data }) => data?.userId)];
};

/** A product that is whole, at its price and with this stock, and can be ordered. */
async function isOrderable(ids: Ids, store: Store, stock: number, priceMinor = 7): Promise<void> {
  const found = await read(ids, store);
  expect([found.product?.priceMinor, found.stock?.priceMinor, found.stock?.stock]).toEqual([priceMinor, priceMinor, stock]);
  await expect(place({ ...ids, user: `${ids.user}-after` }, store)).resolves.toMatchObject({ isNew: true });
}

async function isGone(ids: Ids, store: Store): Promise<void> {
  const { product, stock } = await read(ids, store);
  expect([product, stock]).toEqual([null, null]);
  await make(ids.product, store);
}

const CASES: Record<string, Case[]> = {
  'create-user': [
    {
      request: register,
      holds: async (ids, store) => expect(await account(ids, store)).toEqual([email(ids), ids.user, undefined]),
    },
  ],
  'update-user': [
    {
      prepare: register,
      request: (ids, { entities }) => updateUser(ids.user, { email: newEmail(ids) }, '*', invocation(), entities),
      holds: async (ids, store) => expect(await account(ids, store)).toEqual([newEmail(ids), undefined, ids.user]),
    },
    {
      prepare: register,
      request: (ids, { entities }) => updateUser(ids.user, { name: 'Other' }, '*', invocation(), entities),
      holds: async (ids, store) => expect(await account(ids, store)).toEqual([email(ids), ids.user, undefined]),
    },
  ],
  'delete-user': [
    {
      prepare: register,
      request: (ids, { entities }) => deleteUser(ids.user, invocation(), entities),
      holds: async (ids, store) => {
        expect(await account(ids, store)).toEqual([undefined, undefined, undefined]);
        await register(ids, store);
      },
    },
  ],
  'create-session': [
    {
      request: (ids, { entities }) => createSession(ids.user, invocation(), entities),
      holds: async (ids, { entities }) => {
        const { data } = await entities.Session.query.primary({ userId: ids.user }).go({ consistent: true });
        expect(data.length).toBeGreaterThan(0);
        expect(data.length).toBeLessThanOrEqual(2);
      },
    },
  ],
  'put-cart-item': [
    {
      request: (ids, { entities }) => putCartItem(ids.user, 'tea', { quantity: 2 }, invocation(), entities),
      holds: async (ids, { entities }) =>
        expect((await getCart(ids.user, invocation(), entities)).items).toMatchObject([{ productId: 'tea', quantity: 2 }]),
    },
  ],
  'delete-cart-item': [
    {
      prepare: (ids, { entities }) => putCartItem(ids.user, 'tea', { quantity: 2 }, invocation(), entities),
      request: (ids, { entities }) => deleteCartItem(ids.user, 'tea', invocation(), entities),
      holds: async (ids, { entities }) => expect((await getCart(ids.user, invocation(), entities)).items).toEqual([]),
    },
  ],
  'create-product': [{ request: (ids, store) => make(ids.product, store), holds: (ids, store) => isOrderable(ids, store, 10) }],
  'update-product': [
    {
      prepare: (ids, store) => make(ids.product, store),
      request: (ids, { entities }) => updateProduct(ids.product, { priceMinor: 9, name: 'Chai' }, '*', invocation(), entities),
      holds: (ids, store) => isOrderable(ids, store, 10, 9),
    },
    {
      prepare: (ids, store) => make(ids.product, store),
      request: (ids, { entities }) => updateProduct(ids.product, { name: 'Chai' }, '*', invocation(), entities),
      holds: async (ids, store) => {
        expect((await read(ids, store)).product?.name).toBe('Chai');
        await isOrderable(ids, store, 10);
      },
    },
  ],
  'delete-product': [
    {
      prepare: (ids, store) => make(ids.product, store),
      request: (ids, { entities }) => deleteProduct(ids.product, invocation(), entities),
      holds: isGone,
    },
  ],
  'import-products': [
    {
      request: (ids, { entities }) => importProducts([tea(ids.product)], invocation(), entities),
      holds: (ids, store) => isOrderable(ids, store, 10),
    },
    {
      prepare: (ids, store) => make(ids.product, store),
      request: (ids, { entities }) => importProducts([tea(ids.product, { stock: undefined, priceMinor: 9 })], invocation(), entities),
      holds: (ids, store) => isOrderable(ids, store, 10, 9),
    },
    {
      request: (ids, { entities }) => importProducts([tea(ids.product, { stock: undefined })], invocation(), entities),
      holds: async (ids, store) => expect((await read(ids, store)).stock).toMatchObject({ stock: 0, priceMinor: 7 }),
    },
  ],
  'adjust-stock': [
    {
      prepare: (ids, store) => make(ids.product, store),
      request: (ids, { entities }) => adjustStock({ productId: ids.product, delta: -2, reason: 'count' }, invocation(), entities),
      holds: async (ids, store) => {
        const { stock, moved } = await read(ids, store);
        expect([2, 4]).toContain(-moved);
        await isOrderable(ids, store, stock!.stock);
        expect(stock!.stock).toBe(10 + moved);
      },
    },
  ],
  'transfer-stock': [
    {
      prepare: (ids, store) => Promise.all([make(ids.product, store), make(ids.other, store)]),
      request: (ids, { entities }) =>
        transferStock({ fromProductId: ids.product, toProductId: ids.other, quantity: 2 }, invocation(), entities),
      holds: async (ids, store) => {
        const [from, to] = [await read(ids, store), await read({ ...ids, product: ids.other }, store)];
        expect([2, 4]).toContain(to.moved);
        expect([from.moved, from.stock!.stock, to.stock!.stock]).toEqual([-to.moved, 10 - to.moved, 10 + to.moved]);
      },
    },
  ],
  'place-order': [
    {
      prepare: (ids, store) => make(ids.product, store),
      request: place,
      holds: async (ids, store) => {
        expect(await ordersOf(ids, store)).toHaveLength(1);
        await expect(place(ids, store)).resolves.toMatchObject({ isNew: false });
        await isOrderable(ids, store, 7);
      },
    },
  ],
  'update-order-status': [
    {
      prepare: shopWithOrder,
      request: (ids, { entities }) => updateOrderStatus(ids.orderId, 'Processing', owner(ids), invocation(), entities),
      holds: async (ids, store) => expect(await ordersOf(ids, store)).toMatchObject([{ status: 'Processing', version: 2 }]),
    },
  ],
  'cancel-order': [
    {
      prepare: shopWithOrder,
      request: (ids, { entities }) => cancelOrder(ids.orderId, owner(ids), invocation(), entities),
      holds: async (ids, store) => {
        expect(await ordersOf(ids, store)).toMatchObject([{ status: 'Cancelled', version: 2 }]);
        await isOrderable(ids, store, 10);
      },
    },
  ],
  'delete-order': [
    {
      prepare: shopWithOrder,
      request: (ids, { entities }) => deleteOrder(ids.orderId, owner(ids), invocation(), entities),
      holds: async (ids, store) => {
        expect(await ordersOf(ids, store)).toEqual([]);
        await isOrderable(ids, store, 7);
      },
    },
  ],
  'insert-product': [
    {
      request: (ids, { entities, client }) => insertProduct(tea(ids.product), invocation(), entities, client),
      holds: (ids, store) => isOrderable(ids, store, 10),
    },
  ],
  'set-price': [
    {
      prepare: (ids, store) => make(ids.product, store),
      request: (ids, { entities, client }) => setPrice(ids.product, { priceMinor: 9 }, invocation(), entities, client),
      holds: (ids, store) => isOrderable(ids, store, 10, 9),
    },
  ],
  'remove-product': [
    {
      prepare: (ids, store) => make(ids.product, store),
      request: (ids, { entities, client }) => removeProduct(ids.product, invocation(), entities, client),
      holds: isGone,
    },
  ],
};

/** Before a call it is as after the one before it, where they do not run at once: that takes the complete run. */
const DEATHS = rows(['crash-before', 'crash-after'] as const, (kind) => kind === 'crash-after');

const WRITES = /^(PutItem|UpdateItem|DeleteItem|BatchWriteItem|PartiQL(Insert|Update|Delete))$/;

describe('a function that is throttled in any one of its calls; that dies before or after it, and is asked again', () => {
  let tables: Tables;
  let made = 0;
  beforeAll(async () => {
    tables = await startTables();
  });
  afterAll(() => tables.stop());

  const ids = (): Ids => {
    const run = ++made;
    return { user: `user${run}`, product: `product${run}`, other: `other${run}`, key: `key${run}`, orderId: '' };
  };

  test('every flow that writes has a case', () => {
    const writing = (FLOWS as readonly Flow[]).filter(({ access, replica = {} }) =>
      [access, replica].flatMap((part) => Object.values(part).flat()).some((action) => WRITES.test(action)),
    );
    expect(Object.keys(CASES).sort()).toEqual(writing.map(({ name }) => name).sort());
  });

  const cases = Object.entries(CASES).flatMap(([flow, list]) => list.map((one, index) => [flow, index, one] as const));
  test.each(cases)('%s (%d)', async (_, __, { prepare, request, holds }) => {
    const plain = tables.store();
    const whole = ids();
    await prepare?.(whole, plain);
    const counted = tables.store();
    await request(whole, counted);
    await holds(whole, plain);
    expect(counted.sent.length).toBeGreaterThan(0);

    // Refused past the SDK's own tries, it tries again itself, until its deadline.
    for (let call = 1; call <= counted.sent.length; call++) {
      const own = ids();
      await prepare?.(own, plain);
      let calls = 0;
      const throttled = tables.store(() => (++calls === call ? { kind: 'throttle' } : 'pass'), { maxAttempts: 1 });
      await request(own, throttled);
      await holds(own, plain);
    }

    for (let call = 1; call <= counted.sent.length; call++) {
      for (const kind of DEATHS) {
        const own = ids();
        await prepare?.(own, plain);
        let calls = 0;
        const dying = tables.store(() => (++calls === call ? { kind } : 'pass'));
        await expect(request(own, dying)).rejects.toThrow(Crash);
        expect(dying.sent.length).toBeGreaterThanOrEqual(call);
        await outcome(request(own, plain));
        await holds(own, plain);
      }
    }
  });
});
