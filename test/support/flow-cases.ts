import type { FLOWS } from '../../lib/flows';

/** A request to a flow, as API Gateway hands it over. */
export interface FlowCall {
  flow: FlowName;
  path?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
  /** The caller; Ann unless given. */
  sub?: string;
}

/** The body of an answer, by the name that a case gave it. */
// The cases know what the bodies hold.
export type Bodies = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any

/** One request to a flow, with what must be there before. */
export interface FlowCase {
  before?: readonly FlowCall[];
  /** The entity whose items are taken out then, as an import that ended in the middle leaves it. */
  without?: string;
  /** It writes one item after the other, in no transaction: what is not known may be done in part. */
  inSteps?: true;
  /** @param made the answer to the last of `before` */
  request: Omit<FlowCall, 'flow'> | ((made: Bodies) => Omit<FlowCall, 'flow'>);
}

export type FlowName = (typeof FLOWS)[number]['name'];

const own = { path: { userId: 'ann' } };
const tea = { productId: 'tea', name: 'Tea', category: 'Drinks', priceMinor: 7, currency: 'EUR', stock: 10 };
const { stock: _, ...withoutStock } = tea;
const register: FlowCall = { flow: 'create-user', body: { email: 'ann@example.com', name: 'Ann' } };
const makeTea: FlowCall = { flow: 'create-product', body: tea };
const lowTea: FlowCall = { flow: 'create-product', body: { ...tea, restockAt: 20 } };
const order = { body: { lines: [{ productId: 'tea', quantity: 3 }] }, headers: { 'idempotency-key': 'k' } };
const place: FlowCall = { flow: 'place-order', ...order };
const putTea = { path: { userId: 'ann', productId: 'tea' }, body: { quantity: 2 } };
const ofTea = { path: { productId: 'tea' } };
const ofOrder = ({ orderId }: Bodies) => ({ path: { orderId } });
const any = { headers: { 'if-match': '*' } };
const ofAnn = { path: { customerId: 'ann' } };

/** Every flow of the catalogue, in each way that its calls differ. The type misses one that is not here. */
export const FLOW_CASES: Record<FlowName, readonly FlowCase[]> = {
  'create-user': [
    { request: register },
    { before: [{ ...register, sub: 'ben' }], request: register },
  ],
  'get-user': [{ before: [register], request: own }],
  'update-user': [
    { before: [register], request: { ...own, ...any, body: { name: 'Anna' } } },
    { before: [register], request: { ...own, ...any, body: { email: 'anna@example.com' } } },
  ],
  'delete-user': [{ before: [register], request: own }],
  'list-users': [
    { before: [register], request: { query: { email: 'ann@example.com' } } },
    { before: [register], request: ({ signedUpAt }) => ({ query: { signupMonth: signedUpAt.slice(0, 7) } }) },
  ],
  'get-account': [{ before: [register], request: own }],
  'create-session': [{ request: own }, { before: Array.from({ length: 20 }, () => ({ flow: 'create-session', ...own })), inSteps: true, request: own }],
  'get-session': [{ before: [{ flow: 'create-session', ...own }], request: ({ sessionId }) => ({ path: { sessionId } }) }],
  'get-cart': [{ before: [{ flow: 'put-cart-item', ...putTea }], request: own }],
  'put-cart-item': [{ request: putTea }, { before: [{ flow: 'put-cart-item', ...putTea }], request: { ...putTea, body: { quantity: 5 } } }],
  'delete-cart-item': [{ before: [{ flow: 'put-cart-item', ...putTea }], request: { path: putTea.path } }],
  'create-product': [{ request: { body: tea } }, { before: [makeTea], request: { body: tea } }],
  'get-product': [{ before: [makeTea], request: ofTea }],
  'list-products': [{ before: [makeTea], request: { query: { category: 'Drinks' } } }],
  'update-product': [
    { before: [makeTea], request: { ...ofTea, ...any, body: { name: 'Chai' } } },
    { before: [makeTea], request: { ...ofTea, ...any, body: { priceMinor: 9 } } },
  ],
  'delete-product': [{ before: [makeTea], request: ofTea }, { request: ofTea }],
  'import-products': [
    { inSteps: true, request: { body: { products: [tea] } } },
    { before: [makeTea], inSteps: true, request: { body: { products: [{ ...withoutStock, priceMinor: 9 }] } } },
    { inSteps: true, request: { body: { products: [withoutStock] } } },
  ],
  'batch-get-products': [{ before: [makeTea], request: { body: { productIds: ['tea', 'cup'] } } }],
  'list-low-stock': [{ before: [lowTea], request: {} }],
  'get-product-file': [{ before: [makeTea], request: ofTea }],
  'adjust-stock': [
    { before: [makeTea], request: { body: { productId: 'tea', delta: -2, reason: 'count' } } },
    { before: [makeTea], request: { body: { productId: 'tea', delta: -20, reason: 'count' } } },
  ],
  'transfer-stock': [
    {
      before: [makeTea, { flow: 'create-product', body: { ...tea, productId: 'cup' } }],
      request: { body: { fromProductId: 'tea', toProductId: 'cup', quantity: 2 } },
    },
  ],
  'place-order': [
    { before: [makeTea], request: order },
    { before: [makeTea, place], request: order },
    { before: [makeTea], request: { ...order, body: { lines: [{ productId: 'tea', quantity: 30 }] } } },
  ],
  'get-order': [{ before: [makeTea, place], request: ofOrder }, { before: [makeTea, place], request: (made) => ({ ...ofOrder(made), sub: 'ben' }) }],
  'list-orders': [{ before: [makeTea, place], request: ofAnn }],
  'list-orders-by-status': [{ before: [makeTea, place], request: { query: { status: 'Pending' } } }],
  'get-order-file': [{ before: [makeTea, place], request: ofOrder }],
  'list-orders-by-amount': [{ before: [makeTea, place], request: ofAnn }],
  'list-customer-orders-by-status': [{ before: [makeTea, place], request: { path: { ...ofAnn.path, status: 'Pending' } } }],
  'update-order-status': [
    { before: [makeTea, place], request: (made) => ({ ...ofOrder(made), body: { status: 'Processing' } }) },
    { before: [makeTea, place], request: (made) => ({ ...ofOrder(made), body: { status: 'Shipped' } }) },
  ],
  'cancel-order': [
    { before: [makeTea, place], request: ofOrder },
    { before: [makeTea, place], without: 'Stock', request: ofOrder },
  ],
  'delete-order': [{ before: [makeTea, place], request: ofOrder }],
  'export-orders': [{ before: [makeTea, place], request: {} }],
  'select-orders': [{ before: [makeTea, place], request: { query: { customerId: 'ann' } } }],
  'insert-product': [
    { request: { body: tea } },
    { before: [makeTea], request: { body: tea } },
    { before: [makeTea], without: 'Product', request: { body: tea } },
  ],
  'set-price': [
    { before: [makeTea], request: { ...ofTea, body: { priceMinor: 9 } } },
    { before: [makeTea], without: 'Stock', request: { ...ofTea, body: { priceMinor: 9 } } },
  ],
  'remove-product': [{ before: [makeTea], request: ofTea }],
};
