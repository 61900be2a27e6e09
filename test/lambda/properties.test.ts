import '../support/flow-environment';
import * as fc from 'fast-check';
import { normaliseEmail } from '../../lambda/model/email-claim';
import { cancelOrder } from '../../lambda/orders/cancel-order';
import { exportOrders } from '../../lambda/orders/export-orders';
import { identify } from '../../lambda/orders/idempotency';
import { listOrders } from '../../lambda/orders/list-orders';
import { listOrdersByAmount } from '../../lambda/orders/list-orders-by-amount';
import { listOrdersByStatus } from '../../lambda/orders/list-orders-by-status';
import { placeOrder } from '../../lambda/orders/place-order';
import { updateOrderStatus } from '../../lambda/orders/update-order-status';
import { createProduct } from '../../lambda/products/create-product';
import { importProducts } from '../../lambda/products/import-products';
import { createUser } from '../../lambda/users/create-user';
import { deleteUser } from '../../lambda/users/delete-user';
import { updateUser } from '../../lambda/users/update-user';
import { rows, runs } from '../support/complete';
import { startTables } from '../support/engine-tables';
import { invocation, outcome, product, requests, Shop } from '../support/shop';
import { LAYOUTS } from '../support/synthesize-once';

const admin = { sub: 'admin', admin: true };

describe.each(rows(LAYOUTS, (layout) => layout === 'per-domain'))('whatever is asked, in whatever order, %s', (layout) => {
  let tables: Awaited<ReturnType<typeof startTables>>;
  beforeAll(async () => {
    tables = await startTables(layout);
  });
  afterAll(() => tables.stop());

  test('stock is never negative; stock, sold and moved add up; totals are right; one key is one order; versions grow', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(requests, { minLength: 5, maxLength: 25 }), async (list) => {
        const shop = new Shop(tables.store());
        await shop.open();
        for (const request of list) {
          await shop.run(request);
          await shop.check();
        }
      }),
      { numRuns: runs(2, 8) },
    );
  });

  test('stock, totals, keys and versions hold as well when requests come at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(requests, { minLength: 2, maxLength: 12 }), { minLength: 1, maxLength: 4 }), async (waves) => {
        const shop = new Shop(tables.store());
        await shop.open();
        for (const wave of waves) {
          await Promise.all(wave.map((request) => shop.run(request)));
          await shop.check();
        }
      }),
      { numRuns: runs(4, 15) },
    );
  });

  const email = fc
    .tuple(fc.constantFrom('ann', 'Ann', ' ANN', 'bob', 'zoë', 'zoë', 'ZOË'), fc.constantFrom('@example.com', '@EXAMPLE.com '))
    .map((parts) => parts.join(''));
  const userRequests = fc.record({
    kind: fc.constantFrom('create' as const, 'change' as const, 'delete' as const),
    user: fc.constantFrom('u1', 'u2', 'u3', 'u4'),
    email,
  });

  test('an e-mail, however it is written, belongs to one user, and each user has the claim of theirs', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(userRequests, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }), async (waves) => {
        const { entities } = tables.store();
        const suffix = `.${++run}`;
        const idOf = (user: string) => user + suffix;
        const own = (text: string) => text.replace('@', `${suffix}@`);
        for (const wave of waves) {
          await Promise.all(
            wave.map(({ kind, user, email }) => {
              const input = { email: own(email), name: 'N' };
              if (kind === 'create') return outcome(createUser(idOf(user), input, invocation(), entities));
              if (kind === 'change') return outcome(updateUser(idOf(user), { email: own(email) }, '*', invocation(), entities));
              return outcome(deleteUser(idOf(user), invocation(), entities));
            }),
          );
          const users = (
            await Promise.all(['u1', 'u2', 'u3', 'u4'].map((user) => entities.User.get({ userId: idOf(user) }).go({ consistent: true })))
          ).flatMap(({ data }) => data ?? []);
          const emails = users.map((user) => normaliseEmail(user.email));
          expect(new Set(emails).size).toBe(emails.length);
          const claimed = [...new Set(['ann', 'bob', 'zoë'].map((name) => normaliseEmail(`${name}${suffix}@example.com`)))];
          const claims = await Promise.all(claimed.map((address) => entities.EmailClaim.get({ email: address }).go({ consistent: true })));
          const owners = claims.flatMap(({ data }) => (data ? [[data.email, data.userId]] : []));
          expect(owners.sort()).toEqual(users.map((user) => [normaliseEmail(user.email), user.userId]).sort());
        }
      }),
      { numRuns: runs(6, 20) },
    );
  });

  test('an import may begin a version anew, and what it leaves can be ordered', async () => {
    const { entities } = tables.store();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ product, stock: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }), priceMinor: fc.nat(99) }), {
          minLength: 1,
          maxLength: 8,
        }),
        async (imports) => {
          run++;
          const stocks = new Map<string, number>();
          for (const { product, stock, priceMinor } of imports) {
            const productId = `imported${run}-${product}`;
            const given = { productId, name: 'N', category: 'C', priceMinor, currency: 'EUR', ...(stock !== undefined && { stock }) };
            expect(await importProducts([given], invocation(), entities)).toEqual({ written: 1, failed: [] });
            stocks.set(productId, stock ?? stocks.get(productId) ?? 0);
            const item = (await entities.Stock.get({ productId }).go({ consistent: true })).data;
            expect([item!.stock, item!.priceMinor]).toEqual([stocks.get(productId), priceMinor]);
          }
        },
      ),
      { numRuns: runs(6, 20) },
    );
  });

  test('paging gives each order that did not change meanwhile exactly once, in order', async () => {
    const { entities } = tables.store();
    const productId = 'paged';
    const product = { productId, name: 'N', category: 'C', priceMinor: 1, currency: 'EUR', stock: 100_000 };
    await createProduct(product, invocation(), entities);
    const place = async (customerId: string, key: string, quantity: number) => {
      const lines = [{ productId, quantity }];
      return (await placeOrder(identify(customerId, key, lines), { lines }, invocation(), entities)).order.orderId;
    };
    let run = 0;
    const lists = {
      time: (customerId: string, page: Page) =>
        listOrders(customerId, { from: '0000', to: '9999', sort: 'desc', ...page }, 'x', invocation(), entities),
      amount: (customerId: string, page: Page) =>
        listOrdersByAmount(customerId, { min: 0, max: 10 ** 15, sort: 'asc', ...page }, 'x', invocation(), entities),
      status: (_: string, page: Page) =>
        listOrdersByStatus({ status: 'Pending', from: '0000', to: '9999-12-31T23:59:59.999Z', ...page }, 'x', invocation(), entities),
      export: (_: string, page: Page) => exportOrders({ segment: 0, segments: 1, ...page }, 'x', invocation(), entities),
    };
    interface Page {
      limit: number;
      cursor: string | undefined;
    }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...(Object.keys(lists) as (keyof typeof lists)[])),
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 25 }),
        fc.array(fc.record({ at: fc.nat(9), order: fc.nat(24), kind: fc.constantFrom('place', 'cancel', 'advance') }), { maxLength: 10 }),
        async (list, limit, quantities, changes) => {
          const customerId = `pager${++run}`;
          const ids: string[] = [];
          for (const [index, quantity] of quantities.entries()) ids.push(await place(customerId, String(index), quantity));
          const changed = new Set<string>();
          const seen: string[] = [];
          let cursor: string | undefined;
          for (let pages = 0; ; pages++) {
            const page = await lists[list](customerId, { limit, cursor });
            expect(page.items.length).toBeLessThanOrEqual(limit);
            seen.push(...page.items.map(({ orderId }) => orderId).filter((id) => ids.includes(id)));
            if (page.cursor === null) break;
            // A page of the export counts what it reads, orders or not.
            expect(list === 'export' ? limit : page.items.length).toBe(limit);
            cursor = page.cursor;
            for (const change of changes.filter(({ at }) => at === pages)) {
              const orderId = ids[change.order % ids.length]!;
              if (change.kind === 'place') await place(customerId, `more ${pages} ${change.order}`, 3);
              else changed.add(orderId);
              const caller = { sub: customerId, admin: false };
              if (change.kind === 'cancel') await outcome(cancelOrder(orderId, caller, invocation(), entities));
              if (change.kind === 'advance') await outcome(updateOrderStatus(orderId, 'Processing', admin, invocation(), entities));
            }
          }
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen.filter((id) => !changed.has(id)).sort()).toEqual(ids.filter((id) => !changed.has(id)).sort());
          const isByTime = list === 'time' || list === 'status';
          expect(seen).toEqual(isByTime ? [...seen].sort().reverse() : seen);
        },
      ),
      { numRuns: runs(4, 15) },
    );
  });
});
