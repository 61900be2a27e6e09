import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { adjustStock } from '../../lambda/inventory/adjust-stock';
import { transferStock } from '../../lambda/inventory/transfer-stock';
import type { createStore } from '../../lambda/model/store';
import { cancelOrder } from '../../lambda/orders/cancel-order';
import { identify } from '../../lambda/orders/idempotency';
import { placeOrder } from '../../lambda/orders/place-order';
import { updateOrderStatus } from '../../lambda/orders/update-order-status';
import { createProduct } from '../../lambda/products/create-product';
import { updateProduct } from '../../lambda/products/update-product';
import { Problem } from '../../lambda/shared/errors';

type Store = Pick<ReturnType<typeof createStore>, 'entities'>;

export const invocation = () => ({ now: Date.now(), deadline: Date.now() + 60_000 });
/** Runs an operation; the problem that answered it instead, if one did. A failure that is no problem fails the test. */
export async function outcome<Result>(operation: Promise<Result>): Promise<Result | Problem> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof Problem && error.status < 500) return error;
    throw error;
  }
}

/** What may be asked of the shop: three products, two customers, a handful of keys, so that requests meet. */
const customer = fc.constantFrom('ann', 'ben');
export const product = fc.constantFrom(0, 1, 2);
export const requests = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('place' as const),
      customer,
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      lines: fc.uniqueArray(fc.record({ product, quantity: fc.integer({ min: 1, max: 4 }) }), {
        selector: (line) => line.product,
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), order: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), order: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('adjust' as const), product, delta: fc.integer({ min: -6, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('price' as const), product, priceMinor: fc.integer({ min: 1, max: 99 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('transfer' as const), from: product, to: product, quantity: fc.integer({ min: 1, max: 4 }) }),
  },
);
export type Request = typeof requests extends fc.Arbitrary<infer Value> ? Value : never;

/** A shop of its own on the shared engine: its products, and what became of its requests. */
export class Shop {
  private static count = 0;
  readonly products = [0, 1, 2].map((index) => `shop${Shop.count}-${index}`);
  readonly customers = { ann: `ann${Shop.count}`, ben: `ben${Shop.count}` };
  readonly orders: { orderId: string; customerId: string }[] = [];
  readonly orderOfKey = new Map<string, string>();
  readonly moved = [0, 0, 0];
  readonly versions = new Map<string, number>();

  constructor(private readonly store: Store) {
    Shop.count++;
  }

  async open(): Promise<void> {
    for (const productId of this.products) {
      const input = { productId, name: 'Tea', category: 'Drinks', priceMinor: 7, currency: 'EUR', stock: 10 };
      await createProduct(input, invocation(), this.store.entities);
    }
  }

  async run(request: Request): Promise<void> {
    const { entities } = this.store;
    switch (request.kind) {
      case 'place': {
        const customerId = this.customers[request.customer];
        const lines = request.lines.map(({ product, quantity }) => ({ productId: this.products[product]!, quantity }));
        const placed = await outcome(placeOrder(identify(customerId, request.key, lines), { lines }, invocation(), entities));
        if (placed instanceof Problem) {
          return assert.match(placed.type, /^(insufficient-stock|idempotency-key-reused)$/);
        }
        const key = `${customerId} ${request.key}`;
        const earlier = this.orderOfKey.get(key);
        if (earlier) assert.equal(placed.order.orderId, earlier);
        this.orderOfKey.set(key, placed.order.orderId);
        if (placed.isNew) this.orders.push({ orderId: placed.order.orderId, customerId });
        return;
      }
      case 'cancel': {
        const order = this.orders[request.order % (this.orders.length || 1)];
        if (!order) return;
        const caller = { sub: order.customerId, admin: false };
        const done = await outcome(cancelOrder(order.orderId, caller, invocation(), entities));
        if (done instanceof Problem) assert.equal(done.type, 'illegal-transition');
        return;
      }
      case 'advance': {
        const order = this.orders[request.order % (this.orders.length || 1)];
        if (!order) return;
        const caller = { sub: order.customerId, admin: false };
        for (const status of ['Delivered', 'Shipped', 'Processing'] as const) {
          const done: unknown = await outcome(updateOrderStatus(order.orderId, status, caller, invocation(), entities));
          if (!(done instanceof Problem)) return;
          assert.equal(done.type, 'illegal-transition');
        }
        return;
      }
      case 'adjust': {
        const [productId, { delta }] = [this.products[request.product]!, request];
        if (delta === 0) return;
        const done = await outcome(adjustStock({ productId, delta, reason: 'count' }, invocation(), entities));
        if (done instanceof Problem) assert.equal(done.type, 'insufficient-stock');
        else this.moved[request.product]! += delta;
        return;
      }
      case 'price': {
        const productId = this.products[request.product]!;
        const done = await outcome(updateProduct(productId, { priceMinor: request.priceMinor }, '*', invocation(), entities));
        if (done instanceof Problem) assert.equal(done.type, 'precondition-failed');
        return;
      }
      case 'transfer': {
        const { from, to, quantity } = request;
        if (from === to) return;
        const input = { fromProductId: this.products[from]!, toProductId: this.products[to]!, quantity };
        const done = await outcome(transferStock(input, invocation(), entities));
        if (done instanceof Problem) return assert.equal(done.type, 'insufficient-stock');
        this.moved[from]! -= quantity;
        this.moved[to]! += quantity;
      }
    }
  }

  /** What must be true after any requests, in any order, however many at once. */
  async check(): Promise<void> {
    const { Stock, Order, Product, StockMovement } = this.store.entities;
    const lists = await Promise.all(
      Object.values(this.customers).map((customerId) => Order.query.primary({ customerId }).go({ consistent: true, pages: 'all' })),
    );
    const orders = lists.flatMap(({ data }) => data);
    assert.deepEqual(orders.map(({ orderId }) => orderId).sort(), this.orders.map(({ orderId }) => orderId).sort());
    for (const { orderId, lines, totalMinor, version } of orders) {
      assert.equal(totalMinor, lines.reduce((sum, { quantity, priceMinor }) => sum + quantity * priceMinor, 0));
      this.grows(orderId, version);
    }
    const sold = orders.filter(({ status }) => status !== 'Cancelled').flatMap(({ lines }) => lines);
    for (const [index, productId] of this.products.entries()) {
      const { data: stock } = await Stock.get({ productId }).go({ consistent: true });
      const { data: product } = await Product.get({ productId }).go({ consistent: true });
      const { data: movements } = await StockMovement.query.primary({ productId }).go({ consistent: true, pages: 'all' });
      const quantity = sold.filter((line) => line.productId === productId).reduce((sum, line) => sum + line.quantity, 0);
      assert.ok(stock!.stock >= 0);
      assert.equal(stock!.stock + quantity - this.moved[index]!, 10, `stock, sold and moved of ${productId}`);
      assert.equal(movements.reduce((sum, { delta }) => sum + delta, 0), this.moved[index]);
      assert.equal(stock!.priceMinor, product!.priceMinor);
      this.grows(productId, product!.version);
    }
  }

  private grows(id: string, version: number): void {
    assert.ok(version >= (this.versions.get(id) ?? 1), `the version of ${id} only grows`);
    this.versions.set(id, version);
  }
}
