import '../support/flow-environment';
import { updateOrderStatus } from '../../lambda/orders/update-order-status';
import { placeOrder } from '../../lambda/orders/place-order';
import { mendPrice } from '../../lambda/orders/mend-price';
import { adjustStock } from '../../lambda/inventory/adjust-stock';
import { transferStock } from '../../lambda/inventory/transfer-stock';
import { insertProduct } from '../../lambda/partiql/insert-product';
import { setPrice } from '../../lambda/partiql/set-price';
import { createProduct } from '../../lambda/products/create-product';
import { updateProduct } from '../../lambda/products/update-product';
import { identify } from '../../lambda/orders/idempotency';
import { selectOrders } from '../../lambda/partiql/select-orders';
import { execute, remove, requirePartitionKey, update } from '../../lambda/partiql/statement';
import { batchGetProducts } from '../../lambda/products/batch-get-products';
import { importProducts } from '../../lambda/products/import-products';
import { problemOfWrite } from '../../lambda/shared/errors';
import { transact } from '../../lambda/shared/transact';
import { type FaultScript, startTables } from '../support/engine-tables';
import { onHeldTime } from '../support/held-time';
import { invocation } from '../support/shop';
import { until } from '../support/until';

describe('batches, sizes and statements when DynamoDB refuses', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  beforeAll(async () => {
    tables = await startTables();
  });
  afterAll(() => tables.stop());

  const within = (ms: number) => ({ now: Date.now(), deadline: Date.now() + ms });
  const products = (prefix: string, count: number, more: object = { stock: 5 }) =>
    Array.from({ length: count }, (_, index) => ({
      productId: `${prefix}-${index}`,
      name: 'Tea',
      category: 'Drinks',
      priceMinor: 7,
      currency: 'EUR',
      ...more,
    }));
  const ids = (prefix: string, count: number) => products(prefix, count).map(({ productId }) => productId);
  const stored = async (prefix: string, count: number) =>
    (await batchGetProducts({ productIds: ids(prefix, count) }, invocation(), tables.store().entities)).products.length;
  const on = (operation: string, happening: (nth: number) => ReturnType<FaultScript>): FaultScript => (sent, nth) =>
    sent === operation ? happening(nth) : 'pass';

  test('batches are sent in chunks of 25 writes and of 100 keys', async () => {
    const store = tables.store();
    await importProducts(products('chunk', 130), invocation(), store.entities);
    expect(store.sent).toEqual(Array(12).fill('BatchWriteItem'));
    const reading = tables.store();
    const read = await batchGetProducts({ productIds: ids('chunk', 130) }, invocation(), reading.entities);
    expect([read.products.length, reading.sent]).toEqual([130, ['BatchGetItem', 'BatchGetItem']]);
  });

  test('what is never taken is named before the deadline, and nothing of it is written', async () => {
    const store = tables.store([{ kind: 'unprocessed' }]);
    const [written, read] = await onHeldTime(async () => {
      const time = within(10_000);
      const answers = await Promise.all([
        importProducts(products('never', 30), time, store.entities),
        batchGetProducts({ productIds: ids('never', 30) }, time, store.entities),
      ]);
      expect(Date.now()).toBeLessThan(time.deadline);
      return answers;
    });
    expect(written).toEqual({
      written: 0,
      failed: ids('never', 30).map((productId, index) => ({
        index,
        productId,
        reason: 'unprocessed: DynamoDB did not take the product; import it again',
      })),
    });
    expect(read).toEqual({ products: [], missing: [], unread: ids('never', 30) });
    expect(store.sent.length).toBeGreaterThan(6);
    expect(await stored('never', 30)).toBe(0);
  });

  test('half of the items, again and again: all are written, with growing pauses', async () => {
    const store = tables.store([{ kind: 'unprocessed', rate: 0.5 }]);
    expect(await importProducts(products('half', 30), invocation(), store.entities)).toEqual({ written: 30, failed: [] });
    const read = await batchGetProducts({ productIds: ids('half', 30) }, invocation(), store.entities);
    expect([read.products.length, read.missing, read.unread]).toEqual([30, [], []]);
  });

  test.each([
    ['throttled past the retries of the SDK', { kind: 'throttle' as const }],
    ['that had no answer', { kind: 'timeout-after-commit' as const }],
    ['that failed inside DynamoDB', { kind: 'internal-error' as const }],
  ])('a whole batch %s is sent again', async (name, fault) => {
    const store = tables.store(on('BatchWriteItem', (nth) => (nth === 1 ? fault : 'pass')), { maxAttempts: 1 });
    const prefix = name.replaceAll(' ', '-');
    expect(await importProducts(products(prefix, 3), invocation(), store.entities)).toEqual({ written: 3, failed: [] });
    expect(store.sent).toEqual(['BatchWriteItem', 'BatchWriteItem', 'BatchWriteItem']);
  });

  test('a call that hangs is given up at the deadline, and its items are named', async () => {
    const store = tables.store(on('BatchWriteItem', () => new Promise<never>(() => {})));
    const gaveUp = new AbortController();
    const timeout = jest.spyOn(AbortSignal, 'timeout').mockReturnValue(gaveUp.signal);
    const importing = onHeldTime(() => importProducts(products('hanging', 2), within(10_000), store.entities));
    await until(() => store.sent.length, (sent) => sent === 1);
    expect(timeout.mock.calls.every(([ms]) => ms > 8_000 && ms < 10_000)).toBe(true);
    gaveUp.abort();
    const { written, failed } = await importing;
    timeout.mockRestore();
    expect([written, failed.map(({ reason }) => reason)]).toEqual([
      0,
      Array(2).fill('unprocessed: there was no answer for the product; import it again'),
    ]);
  });

  test('a defect is no passing refusal', async () => {
    const denied = tables.store(on('BatchWriteItem', () => ({ kind: 'conflict', reason: 'ItemCollectionSizeLimitExceeded' })));
    await expect(importProducts(products('defect', 1), invocation(), denied.entities)).rejects.toThrow(/./);
    expect(denied.sent).toEqual(['BatchWriteItem']);
  });

  test('half an import says what is missing, and repeated it is a whole one', async () => {
    const plain = tables.store();
    await importProducts(products('whole', 1, { stock: 5 }), invocation(), plain.entities);
    const dearer = products('whole', 1, { stock: 9, priceMinor: 8 });
    const store = tables.store(on('BatchWriteItem', (nth) => (nth > 1 ? { kind: 'unprocessed' } : 'pass')));

    const half = await onHeldTime(() => importProducts(dearer, within(10_000), store.entities));

    expect(half).toEqual({
      written: 0,
      failed: [{ index: 0, productId: 'whole-0', reason: 'unprocessed: DynamoDB did not take its stock; import it again' }],
    });
    expect(await importProducts(dearer, invocation(), plain.entities)).toEqual({ written: 1, failed: [] });
    const { data: stock } = await plain.entities.Stock.get({ productId: 'whole-0' }).go({ consistent: true });
    expect(stock).toMatchObject({ stock: 9, priceMinor: 8 });
  });

  describe('what an import leaves that ended in the middle, or met another', () => {
    const plain = () => tables.store();
    const make = async (productId: string, { entities } = plain()) => {
      await importProducts([{ ...products(productId, 1)[0], productId }], invocation(), entities);
    };
    const order = (productId: string, quantity: number) => {
      const lines = [{ productId, quantity }];
      return placeOrder(identify('ann', `${productId} ${quantity}`, lines), { lines }, within(60_000), plain().entities);
    };
    const stockOf = async (productId: string) => (await plain().entities.Stock.get({ productId }).go({ consistent: true })).data;

    test('two prices: an order is at the price of the product, and mends its Stock', async () => {
      await make('two-prices');
      await plain().entities.Stock.patch({ productId: 'two-prices' }).set({ priceMinor: 3 }).go();
      await expect(order('two-prices', 2)).resolves.toMatchObject({ isNew: true, order: { totalMinor: 14 } });
      expect(await stockOf('two-prices')).toMatchObject({ stock: 3, priceMinor: 7 });
    });

    test('two prices, and a product that is changed just then: what was read is not written', async () => {
      await make('changing');
      const { entities } = plain();
      await entities.Stock.patch({ productId: 'changing' }).set({ priceMinor: 3 }).go();
      const { data: product } = await entities.Product.get({ productId: 'changing' }).go();
      await entities.Product.patch({ productId: 'changing' }).add({ version: 1 }).go();
      await mendPrice(product!, within(1_000).deadline, entities);
      expect(await stockOf('changing')).toMatchObject({ priceMinor: 3 });
    });

    test('no Stock: an order finds none left, a change of the price makes it', async () => {
      for (const [productId, change] of [
        ['bare-1', (store: ReturnType<typeof plain>) => updateProduct('bare-1', { priceMinor: 8 }, '*', invocation(), store.entities)],
        ['bare-2', (store: ReturnType<typeof plain>) => setPrice('bare-2', { priceMinor: 8 }, invocation(), store.entities, store.client)],
      ] as const) {
        await make(productId);
        await plain().entities.Stock.delete({ productId }).go();
        await expect(order(productId, 1)).rejects.toMatchObject({
          type: 'insufficient-stock',
          extra: { lines: [{ productId, requested: 1, available: 0 }] },
        });
        await expect(change(plain())).resolves.toMatchObject({ priceMinor: 8, version: 2, stock: 0 });
        expect(await stockOf(productId)).toMatchObject({ stock: 0, priceMinor: 8 });
      }
    });

    test('no product: who makes it anew begins with a Stock of its own', async () => {
      const { entities, client } = plain();
      for (const [productId, create] of [
        ['orphan-1', (input: Input) => createProduct(input, invocation(), entities)],
        ['orphan-2', (input: Input) => insertProduct(input, invocation(), entities, client)],
      ] as const) {
        const left = { productId, name: 'Tea', category: 'Drinks', priceMinor: 7, currency: 'EUR', stock: 1, restockAt: 5 };
        await createProduct(left, invocation(), entities);
        await entities.Product.delete({ productId }).go();
        const input = { productId, name: 'Tea', category: 'Drinks', priceMinor: 9, currency: 'EUR', stock: 2 };
        await expect(create(input)).resolves.toMatchObject({ priceMinor: 9, stock: 2 });
        expect(await stockOf(productId)).toEqual({ productId, stock: 2, priceMinor: 9, currency: 'EUR' });
        const low = await entities.Stock.query.lowStock({ lowFlag: 'low' }).go({ data: 'raw' });
        expect(JSON.stringify(low)).not.toContain(productId);
        await expect(create(input)).rejects.toMatchObject({ type: 'product-exists' });
      }
    });
    type Input = Parameters<typeof createProduct>[0];
  });

  test('a movement that is done but cannot be read afterwards is not asked for again', async () => {
    const plain = tables.store();
    await importProducts(products('moved', 2), invocation(), plain.entities);
    const blind = () => tables.store(on('GetItem', () => ({ kind: 'throttle' })), { maxAttempts: 1 }).entities;
    const transfer = transferStock({ fromProductId: 'moved-0', toProductId: 'moved-1', quantity: 2 }, within(700), blind());
    await expect(transfer).rejects.toMatchObject({ type: 'outcome-unknown', status: 503 });
    const adjust = adjustStock({ productId: 'moved-0', delta: -1, reason: 'count' }, within(700), blind());
    await expect(adjust).rejects.toMatchObject({ type: 'outcome-unknown', status: 503 });
    const { data } = await plain.entities.Stock.get([{ productId: 'moved-0' }, { productId: 'moved-1' }]).go({ consistent: true });
    expect(Object.fromEntries(data.map(({ productId, stock }) => [productId, stock]))).toEqual({ 'moved-0': 2, 'moved-1': 7 });
  });

  test('stock that is not given is written only where there is none', async () => {
    const plain = tables.store();
    await importProducts(products('kept', 1, { stock: 5, restockAt: 9 }), invocation(), plain.entities);
    const without = [...products('kept', 1, { priceMinor: 8 }), ...products('fresh', 1, { restockAt: 1 })];
    const store = tables.store(on('UpdateItem', (nth) => (nth === 1 ? { kind: 'conflict' } : 'pass')));
    expect(await importProducts(without, invocation(), store.entities)).toEqual({ written: 2, failed: [] });
    const stock = async (productId: string) => (await plain.entities.Stock.get({ productId }).go({ consistent: true })).data;
    expect(await stock('kept-0')).toMatchObject({ stock: 5, priceMinor: 8 });
    expect(await stock('kept-0')).not.toHaveProperty('restockAt');
    expect(await stock('fresh-0')).toMatchObject({ stock: 0, restockAt: 1, lowFlag: 'low' });
  });

  test('a transaction of more than 4 MB is refused before it is sent', async () => {
    const store = tables.store();
    const transaction = transact(
      store.entities,
      ({ PriceChange }) =>
        Array.from({ length: 12 }, (_, index) =>
          PriceChange.put({ productId: `p${index}`, changedAt: '1', fromMinor: 1, toMinor: 2, currency: 'x'.repeat(360_000) }).commit(),
        ),
      Date.now() + 1_000,
    );
    await expect(transaction).rejects.toMatchObject({ type: 'transaction-too-large', status: 400 });
    expect(store.sent).toEqual([]);
  });

  test('a full item collection is a conflict with a name, of a single write as of a transaction', async () => {
    const plain = tables.store();
    await importProducts(products('full', 1), invocation(), plain.entities);
    const lines = [{ productId: 'full-0', quantity: 1 }];
    const reasons: [null, 'ItemCollectionSizeLimitExceeded', null] = [null, 'ItemCollectionSizeLimitExceeded', null];
    const refusing = tables.store(on('TransactWriteItems', () => ({ kind: 'conflict', reasons })));
    const placing = placeOrder(identify('ann', 'full', lines), { lines }, invocation(), refusing.entities);
    await expect(placing).rejects.toMatchObject({ type: 'item-collection-full', status: 409 });

    const { order } = await placeOrder(identify('ann', 'full', lines), { lines }, invocation(), plain.entities);
    const single = tables.store(on('UpdateItem', () => ({ kind: 'conflict', reason: 'ItemCollectionSizeLimitExceeded' })));
    const error = await updateOrderStatus(order.orderId, 'Processing', { sub: 'ann', admin: false }, invocation(), single.entities).catch(
      (thrown: unknown) => thrown,
    );
    expect(problemOfWrite(error)).toMatchObject({ type: 'item-collection-full', status: 409 });
    expect(problemOfWrite(new Error('other'))).toBeUndefined();
  });

  describe('PartiQL', () => {
    test('a statement without its partition key is refused before it is sent', async () => {
      const scans = [
        'SELECT * FROM "T"',
        'SELECT * FROM "T" WHERE "sk" = ?',
        'SELECT * FROM "T" WHERE "pk" = ? OR "sk" = ?',
        'SELECT * FROM "T" WHERE "sk" = ? OR "pk" = ?',
        'SELECT * FROM "T" WHERE "pk" > ?',
        'SELECT * FROM "T" WHERE "pk" = ? AND "sk" = ? OR "sk" = ?',
        'UPDATE "T" SET "a" = ?',
        'DELETE FROM "T" WHERE "sk" = ?',
      ];
      for (const Statement of scans) {
        expect(() => requirePartitionKey({ Statement, Parameters: [] })).toThrow('names no partition key');
      }
      const key = { pk: 'a', sk: 'b' };
      for (const statement of [update('T', { name: 1 }, key), remove('T', key, { version: 1 })]) {
        expect(() => requirePartitionKey(statement)).not.toThrow();
      }
      const store = tables.store();
      const scan = execute(store.client, [{ Statement: 'DELETE FROM "T" WHERE "sk" = ?', Parameters: ['x'] }], Date.now() + 1_000);
      await expect(scan).rejects.toThrow('names no partition key');
      expect(store.sent).toEqual([]);
    });

    test('conflicts and lost answers of a transaction are tried again under one token', async () => {
      const plain = tables.store();
      await importProducts(products('priced', 1), invocation(), plain.entities);
      const { Key, TableName } = plain.entities.Product.get({ productId: 'priced-0' }).params<{ Key: { pk: string; sk: string }; TableName: string }>();
      const store = tables.store(
        on('ExecuteTransaction', (nth) =>
          nth === 1 ? { kind: 'conflict' } : nth === 2 ? { kind: 'timeout-after-commit' } : 'pass',
        ),
        { maxAttempts: 1 },
      );
      expect(await execute(store.client, [update(TableName, { version: 7, name: 'Chai' }, Key)], Date.now() + 5_000)).toBeNull();
      expect(store.sent).toHaveLength(3);
      expect(new Set(store.tokens).size).toBe(1);
      const { data } = await plain.entities.Product.get({ productId: 'priced-0' }).go({ consistent: true });
      expect(data).toMatchObject({ version: 7, name: 'Chai' });
    });

    test('a SELECT that is throttled is read again by the SDK', async () => {
      const store = tables.store(on('ExecuteStatement', (nth) => (nth === 1 ? { kind: 'internal-error' } : 'pass')));
      const page = await selectOrders({ customerId: 'nobody', from: undefined, limit: 5, cursor: undefined }, 'x', invocation(), store.entities, store.client);
      expect([page, store.sent.length]).toEqual([{ items: [], cursor: null }, 2]);
    });
  });
});
