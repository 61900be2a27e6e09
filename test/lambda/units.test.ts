import '../support/flow-environment';
import type { ConsumedCapacity } from '@aws-sdk/client-dynamodb';
import { ScanCommand, type ScanCommandInput } from '@aws-sdk/lib-dynamodb';
import { identify } from '../../lambda/orders/idempotency';
import { placeOrder } from '../../lambda/orders/place-order';
import { createProduct } from '../../lambda/products/create-product';
import { startTables } from '../support/engine-tables';
import { invocation } from '../support/shop';

/** What a call consumes, by DynamoDB's own count: what the design of the model pays for, and what it spares. */
describe('the units', () => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  beforeAll(async () => {
    tables = await startTables();
  });
  afterAll(() => tables.stop());

  /** A store whose calls say what they consumed: for each operation the units of all its calls. */
  function metered() {
    const store = tables.store();
    const units: Record<string, number> = {};
    store.client.middlewareStack.add(
      (next, { commandName = '' }) => async (args) => {
        const result = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } });
        const { ConsumedCapacity: consumed } = result.output as { ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[] };
        for (const { CapacityUnits = 0 } of [consumed ?? []].flat()) units[commandName] = (units[commandName] ?? 0) + CapacityUnits;
        return result;
      },
      { step: 'initialize' },
    );
    return { ...store, units };
  }

  const product = (productId: string, more: object = {}) =>
    createProduct({ productId, name: 'Tea', category: 'Drinks', priceMinor: 7, currency: 'EUR', stock: 9, ...more }, invocation(), tables.store().entities);

  test('a strongly consistent read consumes twice as much', async () => {
    await product('read');
    const { entities, units } = metered();
    await entities.Product.get({ productId: 'read' }).go();
    const eventual = { ...units };
    await entities.Product.get({ productId: 'read' }).go({ consistent: true });
    expect([Object.values(eventual), Object.values(units)]).toEqual([[0.5], [1.5]]);
  });

  test('an order writes as much of a small product as of one of 8 KB: its stock is an item of its own', async () => {
    await product('small');
    await product('large', { images: Array(7).fill('x'.repeat(1_000)) });
    const writes = async (productId: string) => {
      const { entities, units } = metered();
      const lines = [{ productId, quantity: 1 }];
      await placeOrder(identify('ann', productId, lines), { lines }, invocation(), entities);
      return units.TransactWriteItemsCommand;
    };
    const small = await writes('small');
    expect(small).toBeGreaterThan(0);
    expect(await writes('large')).toBe(small);
    const { entities, units } = metered();
    await entities.Product.patch({ productId: 'large' }).set({ description: 'x' }).go();
    expect(units.UpdateItemCommand).toBeGreaterThanOrEqual(8);
  });

  test('a Scan consumes what it reads, also what its filter leaves out', async () => {
    await product('scanned');
    const lines = [{ productId: 'scanned', quantity: 1 }];
    await placeOrder(identify('ben', 'scanned', lines), { lines }, invocation(), tables.store().entities);
    const { entities, client, units } = metered();
    const { FilterExpression, ExpressionAttributeNames, ExpressionAttributeValues, ...all } = entities.Order.scan.params() as ScanCommandInput;
    const orders = await client.send(new ScanCommand({ ...all, FilterExpression, ExpressionAttributeNames, ExpressionAttributeValues }));
    const consumed = units.ScanCommand;
    const everything = await client.send(new ScanCommand(all));
    expect(consumed).toBeGreaterThan(0);
    expect(units.ScanCommand).toBe(2 * (consumed as number));
    // Each order has an idempotency record beside it, which the filter leaves out.
    expect([orders.ScannedCount, everything.Count]).toEqual([2 * (orders.Count as number), 2 * (orders.Count as number)]);
  });
});
