import '../support/flow-environment';
import { adjustStock } from '../../lambda/inventory/adjust-stock';
import { deleteOrder } from '../../lambda/orders/delete-order';
import { updateOrderStatus } from '../../lambda/orders/update-order-status';
import { createUser } from '../../lambda/users/create-user';
import { updateUser } from '../../lambda/users/update-user';
import { userEtag } from '../../lambda/users/user-view';
import { cancelOrder } from '../../lambda/orders/cancel-order';
import { placeOrder } from '../../lambda/orders/place-order';
import { setPrice } from '../../lambda/partiql/set-price';
import { createProduct } from '../../lambda/products/create-product';
import { updateProduct } from '../../lambda/products/update-product';
import { productEtag } from '../../lambda/products/product-view';
import { transact } from '../../lambda/shared/transact';
import type { FaultOf } from '../../local/gateway/fault';
import { type FaultScript, startTables } from '../support/engine-tables';

describe('when DynamoDB refuses, is slow, or does not answer', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  let products = 0;

  beforeAll(async () => {
    tables = await startTables();
  });
  afterAll(() => tables.stop());

  const invocation = (ms = 60_000) => ({ now: Date.now(), deadline: Date.now() + ms });
  const request = (key: string) => ({ customerId: 'ann', keyHash: key.padEnd(64, '0').replace(/[^0-9a-f]/g, 'a'), requestHash: 'r' });
  const newProduct = async (stock = 10) => {
    const productId = `p${++products}`;
    const input = { productId, name: 'Tea', category: 'Drinks', priceMinor: 100, currency: 'EUR', stock };
    const product = await createProduct(input, invocation(), tables.store().entities);
    return { productId, product };
  };
  const stockOf = async (productId: string) =>
    (await tables.store().entities.Stock.get({ productId }).go({ consistent: true })).data?.stock;
  const onTransaction = (fault: (nth: number) => ReturnType<FaultScript>): FaultScript => (operation, nth) =>
    operation === 'TransactWriteItems' ? fault(nth) : 'pass';
  const cancelled = (...reasons: NonNullable<FaultOf<'conflict'>['reasons']>) => ({ kind: 'conflict', reasons }) as const;
  const noAnswer = { kind: 'timeout-after-commit' } as const;

  test('a conflict is tried again under the same token, and the order is made once', async () => {
    const { productId } = await newProduct();
    const store = tables.store(onTransaction((nth) => (nth <= 2 ? cancelled('TransactionConflict', null, null) : 'pass')));

    const { isNew } = await placeOrder(request('c1'), { lines: [{ productId, quantity: 3 }] }, invocation(), store.entities);

    expect(isNew).toBe(true);
    expect(store.tokens).toHaveLength(3);
    expect(new Set(store.tokens).size).toBe(1);
    expect(await stockOf(productId)).toBe(7);
  });

  test('a refusal beside a conflict is no refusal: what is short may come from the very request it collided with', async () => {
    const { productId } = await newProduct(3);
    const store = tables.store(
      onTransaction((nth) => (nth === 1 ? cancelled('ConditionalCheckFailed', null, 'TransactionConflict') : 'pass')),
    );
    const { order } = await placeOrder(request('c2'), { lines: [{ productId, quantity: 3 }] }, invocation(), store.entities);
    expect(order.lines).toHaveLength(1);
    expect(await stockOf(productId)).toBe(0);
  });

  test('a price that changes between the read and the commit is read again', async () => {
    const { productId, product } = await newProduct();
    const store = tables.store(async (operation, nth) => {
      if (operation === 'TransactWriteItems' && nth === 1) {
        await updateProduct(productId, { priceMinor: 150 }, productEtag(product), invocation(), tables.store().entities);
      }
      return 'pass' as const;
    });
    const { order } = await placeOrder(request('ca'), { lines: [{ productId, quantity: 2 }] }, invocation(), store.entities);
    expect(order).toMatchObject({ totalMinor: 300, lines: [{ priceMinor: 150 }] });
    expect(store.sent.filter((operation) => operation === 'TransactWriteItems')).toHaveLength(2);
  });

  test('a key of more than a day ago is new, though TTL has not deleted its record', async () => {
    const { productId } = await newProduct();
    const lines = [{ productId, quantity: 1 }];
    const yesterday = { now: Date.now() - 24 * 3_600_000 - 1_000, deadline: Date.now() + 60_000 };
    const first = await placeOrder(request('cb'), { lines }, yesterday, tables.store().entities);
    const second = await placeOrder(request('cb'), { lines }, invocation(), tables.store().entities);
    expect([first.isNew, second.isNew]).toEqual([true, true]);
    expect(second.order.orderId).not.toBe(first.order.orderId);
    expect(await stockOf(productId)).toBe(8);
  });

  test('an answer that is lost is asked for again, and the order is made once', async () => {
    const { productId } = await newProduct();
    const store = tables.store(onTransaction((nth) => (nth <= 2 ? noAnswer : 'pass')));
    const { isNew } = await placeOrder(request('d1'), { lines: [{ productId, quantity: 4 }] }, invocation(), store.entities);
    expect(isNew).toBe(true);
    expect(new Set(store.tokens).size).toBe(1);
    expect(await stockOf(productId)).toBe(6);
  });

  test('when no answer ever comes, the record tells that the order was made', async () => {
    const { productId } = await newProduct();
    const store = tables.store(onTransaction(() => noAnswer));
    const placed = await placeOrder(request('d2'), { lines: [{ productId, quantity: 4 }] }, invocation(2_500), store.entities);
    expect(placed).toMatchObject({ isNew: true, order: { status: 'Pending', customerId: 'ann' } });
    expect(await stockOf(productId)).toBe(6);
  });

  test('when it is not known whether it was made, it says so; the same key then makes it once', async () => {
    const { productId } = await newProduct();
    const down = tables.store(onTransaction(() => ({ kind: 'internal-error' })));
    const lines = [{ productId, quantity: 4 }];
    await expect(placeOrder(request('d3'), { lines }, invocation(1_800), down.entities)).rejects.toMatchObject({
      type: 'outcome-unknown',
      status: 503,
    });
    const first = await placeOrder(request('d3'), { lines }, invocation(), tables.store().entities);
    const second = await placeOrder(request('d3'), { lines }, invocation(), tables.store().entities);
    expect([first.isNew, second.isNew, second.order.orderId]).toEqual([true, false, first.order.orderId]);
    expect(await stockOf(productId)).toBe(6);
  });

  test('throttled past the deadline, it says so and nothing was done', async () => {
    const { productId } = await newProduct();
    const busy = tables.store(onTransaction(() => cancelled('ThrottlingError', null, null)));
    await expect(
      placeOrder(request('e1'), { lines: [{ productId, quantity: 4 }] }, invocation(1_500), busy.entities),
    ).rejects.toMatchObject({ type: 'throttled', status: 503 });
    expect(await stockOf(productId)).toBe(10);
  });

  test('keys of a batch that were left unprocessed are read again', async () => {
    const ids = await Promise.all([newProduct(), newProduct(), newProduct()]);
    const store = tables.store((operation, nth) =>
      operation === 'BatchGetItem' && nth <= 2 ? { kind: 'unprocessed' } : 'pass',
    );
    const lines = ids.map(({ productId }) => ({ productId, quantity: 1 }));
    const { order } = await placeOrder(request('e2'), { lines }, invocation(), store.entities);
    expect(order.lines).toHaveLength(3);
    expect(store.sent.filter((operation) => operation === 'BatchGetItem')).toHaveLength(3);
  });

  test('a single update in conflict with a transaction is tried again', async () => {
    const { productId, product } = await newProduct();
    const store = tables.store((operation, nth) =>
      operation === 'UpdateItem' && nth <= 2 ? { kind: 'conflict' } : 'pass',
    );
    const changed = await updateProduct(productId, { name: 'Better tea' }, productEtag(product), invocation(), store.entities);
    expect(changed).toMatchObject({ name: 'Better tea', version: 2 });
    expect(store.sent.filter((operation) => operation === 'UpdateItem')).toHaveLength(3);
  });

  const throttled = { kind: 'throttle' } as const;

  describe.each([
    ['', 'pass' as const, 'ann'],
    [', and that is then throttled past the tries of the SDK,', throttled, 'bob'],
  ])('a single write whose answer is lost%s is no conflict with itself', (_, second, sub) => {
    const losing = (operation: string) =>
      tables.store((sent, nth) => (sent !== operation ? 'pass' : nth === 1 ? noAnswer : nth === 2 ? second : 'pass'), { maxAttempts: 2 });
    const ann = { sub: 'ann', admin: false };
    const placed = async (key: string) => {
      const { productId } = await newProduct();
      const { order } = await placeOrder(request(key), { lines: [{ productId, quantity: 1 }] }, invocation(), tables.store().entities);
      return order;
    };

    test('a change of a product', async () => {
      const { productId, product } = await newProduct();
      const store = losing('UpdateItem');
      const changed = await updateProduct(productId, { name: 'Green tea' }, productEtag(product), invocation(), store.entities);
      expect(changed).toMatchObject({ name: 'Green tea', version: 2 });
      const stale = updateProduct(productId, { name: 'Black tea' }, productEtag(product), invocation(), losing('UpdateItem').entities);
      await expect(stale).rejects.toMatchObject({ type: 'precondition-failed' });
    });

    test('a change of a profile', async () => {
      const user = await createUser(sub, { email: `${sub}@example.com`, name: 'Ann' }, invocation(), tables.store().entities);
      const changed = await updateUser(sub, { name: 'Anna' }, userEtag(user), invocation(), losing('UpdateItem').entities);
      expect(changed).toMatchObject({ name: 'Anna', version: 2 });
    });

    test('a change of a status', async () => {
      const { orderId } = await placed(`9a${sub}`);
      const store = losing('UpdateItem');
      const moved = await updateOrderStatus(orderId, 'Processing', ann, invocation(), store.entities);
      expect(moved).toMatchObject({ status: 'Processing', version: 2 });
      const again = updateOrderStatus(orderId, 'Processing', ann, invocation(), tables.store().entities);
      await expect(again).rejects.toMatchObject({ type: 'illegal-transition' });
    });

    test('a deletion', async () => {
      const { orderId } = await placed(`9b${sub}`);
      const deleted = await deleteOrder(orderId, ann, invocation(), losing('DeleteItem').entities);
      expect(deleted).toMatchObject({ orderId, status: 'Pending' });
      await expect(deleteOrder(orderId, ann, invocation(), tables.store().entities)).rejects.toMatchObject({ type: 'not-found' });
    });
  });

  test.each([
    ['ItemCollectionSizeLimitExceeded', 'item-collection-full: '],
    ['ValidationError', 'DynamoDB cancelled the transaction: ValidationError'],
  ] as const)('%s is neither short stock nor a missing product', async (code, message) => {
    const { productId } = await newProduct();
    const { order } = await placeOrder(
      request(`c${code.length}`),
      { lines: [{ productId, quantity: 1 }] },
      invocation(),
      tables.store().entities,
    );
    const refusing = tables.store(onTransaction(() => cancelled(null, code)));
    const cancel = cancelOrder(order.orderId, { sub: 'ann', admin: false }, invocation(), refusing.entities);
    await expect(cancel).rejects.toThrow(message);
    expect(refusing.tokens).toHaveLength(1);
  });

  test('a movement whose answer is lost past the tries of the SDK is made once', async () => {
    const { productId } = await newProduct();
    const store = tables.store(onTransaction((nth) => (nth === 1 ? noAnswer : 'pass')), { maxAttempts: 1 });
    const moved = await adjustStock({ productId, delta: -3, reason: 'count' }, invocation(), store.entities);
    expect(moved).toEqual({ productId, stock: 7 });
    expect(new Set(store.tokens).size).toBe(1);
  });

  describe.each([
    ['a transaction of ElectroDB', 'TransactWriteItems', (productId: string, { entities }: ReturnType<typeof tables.store>) =>
      adjustStock({ productId, delta: -3, reason: 'count' }, invocation(), entities)],
    ['a transaction of PartiQL', 'ExecuteTransaction', (productId: string, { entities, client }: ReturnType<typeof tables.store>) =>
      setPrice(productId, { priceMinor: 3 }, invocation(), entities, client)],
  ])('%s', (_, operation, write) => {
    test('every try sends the same bytes under one token', async () => {
      const { productId } = await newProduct();
      const faults = [noAnswer, { kind: 'conflict' }, { kind: 'internal-error' }, { kind: 'throttle' }] as const;
      const store = tables.store((sent, nth) => (sent === operation ? (faults[nth - 1] ?? 'pass') : 'pass'), { maxAttempts: 1 });
      await write(productId, store);
      expect(store.tokens).toHaveLength(5);
      expect([...store.bodies.values()].map(({ size }) => size)).toEqual([1]);
      const { data: movements } = await tables.store().entities.StockMovement.query.primary({ productId }).go();
      expect([movements.length, await stockOf(productId)]).toEqual(operation === 'TransactWriteItems' ? [1, 7] : [0, 10]);
    });
  });

  test('a movement without an answer, in conflict ever after, may have been done: it says so', async () => {
    const { productId } = await newProduct();
    const store = tables.store(onTransaction((nth) => (nth === 1 ? noAnswer : cancelled('TransactionConflict', null))));
    const moving = adjustStock({ productId, delta: -3, reason: 'count' }, invocation(500), store.entities);
    await expect(moving).rejects.toMatchObject({ type: 'outcome-unknown' });
    expect(await stockOf(productId)).toBe(7);
  });

  test('a movement without an answer, throttled ever after, may have been done: it says so', async () => {
    const { productId } = await newProduct();
    const store = tables.store(onTransaction((nth) => (nth === 1 ? noAnswer : throttled)), { maxAttempts: 2 });
    const moving = adjustStock({ productId, delta: -3, reason: 'count' }, invocation(1_500), store.entities);
    await expect(moving).rejects.toMatchObject({ type: 'outcome-unknown' });
    expect(await stockOf(productId)).toBe(7);
  });

  test('a cancellation whose answer is lost gives the stock back once', async () => {
    const { productId } = await newProduct();
    const { order } = await placeOrder(request('f1'), { lines: [{ productId, quantity: 4 }] }, invocation(), tables.store().entities);
    const store = tables.store(onTransaction((nth) => (nth <= 3 ? noAnswer : 'pass')));
    const after = await cancelOrder(order.orderId, { sub: 'ann', admin: false }, invocation(), store.entities);
    expect(after.status).toBe('Cancelled');
    expect(await stockOf(productId)).toBe(10);
  });

  test('more actions than a transaction takes are refused before sending', async () => {
    const store = tables.store();
    const transaction = transact(
      store.entities,
      ({ Stock }) => Array.from({ length: 101 }, (_, index) => Stock.delete({ productId: `many-${index}` }).commit()),
      Date.now() + 1_000,
    );
    await expect(transaction).rejects.toThrow('The transaction has 101 actions; DynamoDB takes 100.');
    expect(store.sent).toEqual([]);
  });
});
