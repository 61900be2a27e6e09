import { anyNumber, anyText, atLeast, type Expected } from './expected';
import { CURRENCY, type Run } from './run';
import { type Answer, type AnyRoute, member, type Sent } from './store-client';

/** One request of the tour, and what it must be answered. */
export interface Step {
  name: string;
  route: AnyRoute;
  send?: (run: Run) => Sent;
  /** Any of these. A list is read page by page until it holds what is expected. */
  expect: (run: Run) => readonly Expected[];
  /** What those after it need to know. */
  learn?: (run: Run, answer: Answer) => void;
  /** What there is after it that was not there before, for people. */
  makes?: (run: Run) => string | undefined;
  /** Why there is nothing to see of it in this run. */
  skip?: (run: Run) => string | undefined;
}

const TEA = { name: 'Thé d’été', priceMinor: 1_250, stock: 5 };
const CUP = { name: 'Cup', priceMinor: 400, stock: 9 };
const POT = { name: 'Pot', priceMinor: 2_400, stock: 2, restockAt: 3 };
const NEW_PRICE = 2_200;
const TOTAL = 2 * TEA.priceMinor + CUP.priceMinor;

/** Of the README's, which hits every flow, only what hits the order of this run. */
export const FAULT = { kind: 'conflict', rate: 0.5, function: 'place-order' };

/** The largest page. */
const limit = 100;

const ok = (body: unknown): Expected[] => [{ status: 200, body }];
const product = (run: Run, productId: string, of: object) => ({ productId, category: run.category, currency: CURRENCY, ...of });
const firstOrder = ({ name, products: { tea, cup } }: Run): Sent => ({
  headers: { 'idempotency-key': `${name}-first` },
  body: { lines: [{ productId: tea, quantity: 2 }, { productId: cup, quantity: 1 }] },
});
const placed = ({ body, headers }: Answer) => ({
  orderId: member(body, 'orderId') as string,
  placedAt: member(body, 'placedAt') as string,
  requestId: headers.get('apigw-requestid') ?? undefined,
});
const account = ({ sub }: Run): Sent => ({ path: { userId: sub } });
/** Faults end all together, so with those of somebody else there are none of this run. */
const withFaults = (run: Run) => (run.known('hasFaults') ? 'there are faults on already' : undefined);
const spent = (stats: unknown) => (member(member(stats, 'spent'), CURRENCY) ?? 0) as number;

/** The README's tour, in its order; a test holds the two together. Steps below `/_local/` are for a store on this machine. */
export const STEPS: readonly Step[] = [
  {
    name: 'a profile, with the claim of its e-mail',
    route: 'POST /users',
    send: ({ name, email }) => ({ body: { email, name: 'Smoke test', preferences: { smokeRun: name } } }),
    // The caller may be somebody who has one.
    expect: ({ sub, email }) => [
      { status: 201, body: { userId: sub, email } },
      { status: 409, body: { type: 'user-exists' } },
    ],
    learn: (run, { status }) => run.learn({ isProfileNew: status === 201 }),
    makes: (run) => (run.known('isProfileNew') ? `profile ${run.sub}` : undefined),
  },
  {
    name: 'the account as it is before',
    route: 'GET /users/{userId}/account',
    send: account,
    expect: ({ sub }) => ok({ user: { userId: sub }, stats: { orders: anyNumber } }),
    learn: (run, { body }) => {
      const stats = member(body, 'stats');
      run.learn({ before: { orders: member(stats, 'orders') as number, spent: spent(stats) } });
    },
  },
  {
    name: 'a product',
    route: 'POST /products',
    send: (run) => ({ body: product(run, run.products.tea, TEA) }),
    expect: ({ products: { tea } }) => [{ status: 201, body: { productId: tea, ...TEA } }],
    makes: ({ products: { tea } }) => `product ${tea}`,
  },
  {
    name: 'another product',
    route: 'POST /products',
    send: (run) => ({ body: product(run, run.products.cup, CUP) }),
    expect: ({ products: { cup } }) => [{ status: 201, body: { productId: cup, ...CUP } }],
    makes: ({ products: { cup } }) => `product ${cup}`,
  },
  {
    name: 'their category by price',
    route: 'GET /products',
    send: ({ category }) => ({ query: { category, limit } }),
    expect: ({ products: { tea, cup } }) =>
      ok({ items: [{ productId: cup, priceMinor: CUP.priceMinor }, { productId: tea, priceMinor: TEA.priceMinor }] }),
  },
  {
    name: 'an order',
    route: 'POST /orders',
    send: firstOrder,
    expect: ({ sub }) => [
      { status: 201, body: { orderId: anyText, customerId: sub, status: 'Pending', placedAt: anyText, totalMinor: TOTAL, currency: CURRENCY } },
    ],
    learn: (run, answer) => run.learn({ first: placed(answer) }),
    makes: (run) => `order ${run.known('first').orderId}`,
  },
  {
    name: 'the same key again: the same order',
    route: 'POST /orders',
    send: firstOrder,
    expect: (run) => ok({ orderId: run.known('first').orderId }),
  },
  {
    name: 'too many: refused, with what there is',
    route: 'POST /orders',
    send: ({ name, products: { tea } }) => ({
      headers: { 'idempotency-key': `${name}-second` },
      body: { lines: [{ productId: tea, quantity: 4 }] },
    }),
    expect: ({ products: { tea } }) => [
      { status: 409, body: { type: 'insufficient-stock', lines: [{ productId: tea, requested: 4, available: TEA.stock - 2 }] } },
    ],
  },
  {
    name: 'own orders, newest first',
    route: 'GET /customers/{customerId}/orders',
    send: (run) => ({ path: { customerId: run.sub }, query: { from: run.known('first').placedAt, limit } }),
    expect: (run) => ok({ items: [{ orderId: run.known('first').orderId, status: 'Pending' }] }),
  },
  {
    name: 'own orders by amount',
    route: 'GET /customers/{customerId}/orders/by-amount',
    send: ({ sub }) => ({ path: { customerId: sub }, query: { min: TOTAL, max: TOTAL, sort: 'desc', limit } }),
    expect: (run) => ok({ items: [{ orderId: run.known('first').orderId, totalMinor: TOTAL }] }),
  },
  {
    name: 'an import: one is wrong, one is written',
    route: 'POST /products/batch',
    send: (run) => ({ body: { products: [product(run, run.products.pot, POT), { productId: run.products.lid, name: '' }] } }),
    expect: ({ products: { lid } }) => ok({ written: 1, failed: [{ index: 1, productId: lid, reason: anyText }] }),
    makes: ({ products: { pot } }) => `product ${pot}`,
  },
  {
    name: 'what is low, from its stream and index',
    route: 'GET /products/low-stock',
    send: () => ({ query: { limit } }),
    expect: ({ products: { pot } }) => ok({ items: [{ productId: pot, stock: POT.stock }] }),
  },
  {
    name: 'stock from one product to another',
    route: 'POST /inventory/transfers',
    send: ({ products: { cup, pot } }) => ({ body: { fromProductId: cup, toProductId: pot, quantity: 3 } }),
    expect: () => ok({ fromStock: CUP.stock - 1 - 3, toStock: POT.stock + 3 }),
  },
  {
    name: 'the file of a product',
    route: 'GET /products/{productId}/file',
    send: ({ products: { pot } }) => ({ path: { productId: pot } }),
    expect: ({ products: { cup, pot } }) =>
      ok({ product: { productId: pot }, stock: POT.stock + 3, stockMovements: [{ delta: 3, reason: `transfer from ${cup}` }] }),
  },
  {
    name: 'a price, by PartiQL',
    route: 'PUT /partiql/products/{productId}/price',
    send: ({ products: { pot } }) => ({ path: { productId: pot }, body: { priceMinor: NEW_PRICE } }),
    expect: ({ products: { pot } }) => ok({ productId: pot, priceMinor: NEW_PRICE }),
  },
  {
    name: 'all pending orders, over all shards',
    route: 'GET /orders',
    // From its own time on: what is older is not read.
    send: (run) => ({ query: { status: 'Pending', from: run.known('first').placedAt, limit } }),
    expect: (run) => ok({ items: [{ orderId: run.known('first').orderId, customerId: run.sub }] }),
  },
  {
    name: 'a fault: half of the transactions conflict',
    route: 'POST /_local/faults',
    send: () => ({ body: FAULT }),
    expect: () => ok(FAULT),
    skip: withFaults,
  },
  {
    name: 'an order at the new price',
    route: 'POST /orders',
    send: ({ name, products: { pot } }) => ({
      headers: { 'idempotency-key': `${name}-third` },
      body: { lines: [{ productId: pot, quantity: 1 }] },
    }),
    expect: () => [{ status: 201, body: { orderId: anyText, placedAt: anyText, totalMinor: NEW_PRICE } }],
    learn: (run, answer) => run.learn({ second: placed(answer) }),
    makes: (run) => `order ${run.known('second').orderId}`,
  },
  {
    name: 'the end of the fault',
    route: 'DELETE /_local/faults',
    // None, when another run that goes on at the same time was faster.
    expect: () => ok({ removed: anyNumber }),
    skip: withFaults,
  },
  {
    name: 'the welcome mail, in the outbox',
    route: 'GET /_local/outbox',
    send: () => ({ query: { kind: 'email' } }),
    expect: ({ email }) => ok({ items: [{ to: [email] }] }),
    skip: (run) => (run.known('isProfileNew') ? undefined : 'the profile was there before'),
  },
  {
    name: 'statistics that have grown, by a stream',
    route: 'GET /users/{userId}/account',
    send: account,
    expect: (run) => {
      const { orders, spent } = run.known('before');
      return ok({ stats: { orders: atLeast(orders + 2), spent: { [CURRENCY]: atLeast(spent + TOTAL + NEW_PRICE) } } });
    },
  },
  {
    name: 'the history of an order, by a stream',
    route: 'GET /orders/{orderId}/file',
    send: (run) => ({ path: { orderId: run.known('first').orderId } }),
    expect: (run) => ok({ order: { orderId: run.known('first').orderId }, events: [{ type: 'OrderPlaced', to: 'Pending' }] }),
  },
  {
    name: 'its event on the bus, in the outbox',
    route: 'GET /_local/outbox',
    send: () => ({ query: { kind: 'event' } }),
    expect: (run) => ok({ items: [{ detailType: 'OrderPlaced', detail: { orderId: run.known('first').orderId } }] }),
  },
  {
    name: 'what an order cost, in the trace',
    route: 'GET /_local/trace',
    send: (run) => ({ query: { request: run.known('second').requestId ?? '' } }),
    expect: () => ok({ items: [{ function: 'place-order', operation: 'TransactWriteItems' }] }),
  },
  {
    name: 'what each role may do, and did',
    route: 'GET /_local/permissions',
    expect: () => ok({ items: [{ function: 'set-price', action: 'dynamodb:PartiQLUpdate', used: atLeast(1) }] }),
  },
];
