import type { DataAccess, DaxAccess } from './data-access';

/**
 * The catalogue of flows: one row, one route, one Lambda. `access` names every DynamoDB action of the flow in the home region,
 * `replica` those on the replica of the region that it runs in, by entity (the table that it lives in) or by entity and access
 * pattern (the index that serves it); the function's role holds exactly these. The items of a transaction or a batch need the
 * action of each item. `dax` names what the flow does through the cluster instead, where it runs beside one.
 */
export const FLOWS = [
  {
    name: 'create-user',
    route: 'POST /users',
    entry: 'users/create-user',
    who: 'any caller',
    access: { User: ['PutItem'], EmailClaim: ['PutItem'] },
  },
  {
    name: 'get-user',
    route: 'GET /users/{userId}',
    entry: 'users/get-user',
    who: 'self or admin',
    access: { User: ['GetItem'] },
  },
  {
    name: 'update-user',
    route: 'PATCH /users/{userId}',
    entry: 'users/update-user',
    who: 'self',
    access: { User: ['GetItem', 'UpdateItem'], EmailClaim: ['PutItem', 'DeleteItem'] },
  },
  {
    name: 'delete-user',
    route: 'DELETE /users/{userId}',
    entry: 'users/delete-user',
    who: 'self or admin',
    access: { User: ['GetItem', 'DeleteItem'], EmailClaim: ['DeleteItem'] },
  },
  {
    name: 'list-users',
    route: 'GET /users',
    entry: 'users/list-users',
    who: 'admin',
    access: { User: ['GetItem'], EmailClaim: ['GetItem'], 'User.bySignupMonth': ['Query'] },
    pages: true,
  },
  {
    name: 'get-account',
    route: 'GET /users/{userId}/account',
    entry: 'users/get-account',
    who: 'self or admin',
    access: {},
    replica: { User: ['Query'] },
  },
  {
    name: 'create-session',
    route: 'POST /users/{userId}/sessions',
    entry: 'users/create-session',
    who: 'self',
    access: {},
    replica: { Session: ['DeleteItem', 'PutItem', 'Query'] },
  },
  {
    name: 'get-session',
    route: 'GET /sessions/{sessionId}',
    entry: 'users/get-session',
    who: 'any caller',
    access: {},
    replica: { Session: ['GetItem'] },
  },
  {
    name: 'get-cart',
    route: 'GET /users/{userId}/cart',
    entry: 'carts/get-cart',
    who: 'self',
    access: {},
    replica: { CartItem: ['Query'] },
  },
  {
    name: 'put-cart-item',
    route: 'PUT /users/{userId}/cart/items/{productId}',
    entry: 'carts/put-cart-item',
    who: 'self',
    access: {},
    replica: { CartItem: ['DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'] },
  },
  {
    name: 'delete-cart-item',
    route: 'DELETE /users/{userId}/cart/items/{productId}',
    entry: 'carts/delete-cart-item',
    who: 'self',
    access: {},
    replica: { CartItem: ['DeleteItem'] },
  },
  {
    name: 'create-product',
    route: 'POST /products',
    entry: 'products/create-product',
    who: 'admin',
    access: { Product: ['PutItem'], Stock: ['PutItem'] },
    dax: { Product: ['PutItem'], Stock: ['PutItem'] },
  },
  {
    name: 'get-product',
    route: 'GET /products/{productId}',
    entry: 'products/get-product',
    who: 'public',
    access: { Stock: ['GetItem'] },
    replica: { Product: ['GetItem'] },
    dax: { Product: ['GetItem'] },
  },
  {
    name: 'list-products',
    route: 'GET /products',
    entry: 'products/list-products',
    who: 'public',
    access: {},
    replica: { 'Product.byCategory': ['Query'] },
    dax: { 'Product.byCategory': ['Query'] },
    pages: true,
  },
  {
    name: 'update-product',
    route: 'PATCH /products/{productId}',
    entry: 'products/update-product',
    who: 'admin',
    access: { Product: ['GetItem', 'UpdateItem'], Stock: ['GetItem', 'UpdateItem'] },
    dax: { Product: ['UpdateItem'], Stock: ['UpdateItem'] },
  },
  {
    name: 'delete-product',
    route: 'DELETE /products/{productId}',
    entry: 'products/delete-product',
    who: 'admin',
    access: { Product: ['DeleteItem'], Stock: ['DeleteItem'] },
    dax: { Product: ['DeleteItem'], Stock: ['DeleteItem'] },
  },
  {
    name: 'import-products',
    route: 'POST /products/batch',
    entry: 'products/import-products',
    who: 'admin',
    access: { Product: ['BatchWriteItem'], Stock: ['BatchWriteItem', 'PutItem', 'UpdateItem'] },
    dax: { Product: ['BatchWriteItem'] },
  },
  {
    name: 'batch-get-products',
    route: 'POST /products/batch-get',
    entry: 'products/batch-get-products',
    who: 'public',
    access: {},
    replica: { Product: ['BatchGetItem'] },
    dax: { Product: ['BatchGetItem'] },
  },
  {
    name: 'list-low-stock',
    route: 'GET /products/low-stock',
    entry: 'products/list-low-stock',
    who: 'admin',
    access: { 'Stock.lowStock': ['Query'], Stock: ['BatchGetItem'], Product: ['BatchGetItem'] },
    pages: true,
  },
  {
    name: 'get-product-file',
    route: 'GET /products/{productId}/file',
    entry: 'products/get-product-file',
    who: 'admin',
    access: { Product: ['Query'] },
  },
  {
    name: 'adjust-stock',
    route: 'POST /inventory/adjustments',
    entry: 'inventory/adjust-stock',
    who: 'admin',
    access: { Stock: ['GetItem', 'UpdateItem'], StockMovement: ['PutItem'] },
  },
  {
    name: 'transfer-stock',
    route: 'POST /inventory/transfers',
    entry: 'inventory/transfer-stock',
    who: 'admin',
    access: { Stock: ['GetItem', 'UpdateItem'], StockMovement: ['PutItem'] },
  },
  {
    name: 'place-order',
    route: 'POST /orders',
    entry: 'orders/place-order',
    who: 'any caller',
    access: {
      Product: ['BatchGetItem', 'ConditionCheckItem'],
      Stock: ['UpdateItem'],
      Order: ['GetItem', 'PutItem'],
      IdempotencyRecord: ['GetItem', 'PutItem'],
    },
  },
  {
    name: 'get-order',
    route: 'GET /orders/{orderId}',
    entry: 'orders/get-order',
    who: 'self or admin',
    access: { Order: ['GetItem'], 'Order.byOrderId': ['Query'] },
  },
  {
    name: 'list-orders',
    route: 'GET /customers/{customerId}/orders',
    entry: 'orders/list-orders',
    who: 'self or admin',
    access: { Order: ['Query'] },
    pages: true,
  },
  {
    name: 'list-orders-by-status',
    route: 'GET /orders',
    entry: 'orders/list-orders-by-status',
    who: 'admin',
    access: { 'Order.byStatus': ['Query'] },
    pages: true,
  },
  {
    name: 'get-order-file',
    route: 'GET /orders/{orderId}/file',
    entry: 'orders/get-order-file',
    who: 'self or admin',
    access: { 'Order.byOrderId': ['Query'] },
  },
  {
    name: 'list-orders-by-amount',
    route: 'GET /customers/{customerId}/orders/by-amount',
    entry: 'orders/list-orders-by-amount',
    who: 'self or admin',
    access: { 'Order.byAmount': ['Query'] },
    pages: true,
  },
  {
    name: 'list-customer-orders-by-status',
    route: 'GET /customers/{customerId}/orders/by-status/{status}',
    entry: 'orders/list-customer-orders-by-status',
    who: 'self or admin',
    access: { 'Order.byCustomerStatus': ['Query'] },
    pages: true,
  },
  {
    name: 'update-order-status',
    route: 'PATCH /orders/{orderId}/status',
    entry: 'orders/update-order-status',
    who: 'admin',
    access: { Order: ['GetItem', 'UpdateItem'], 'Order.byOrderId': ['Query'], Stock: ['UpdateItem'] },
  },
  {
    name: 'cancel-order',
    route: 'POST /orders/{orderId}/cancel',
    entry: 'orders/cancel-order',
    who: 'self or admin',
    access: { Order: ['GetItem', 'UpdateItem'], 'Order.byOrderId': ['Query'], Stock: ['UpdateItem'] },
  },
  {
    name: 'delete-order',
    route: 'DELETE /orders/{orderId}',
    entry: 'orders/delete-order',
    who: 'admin',
    access: { Order: ['GetItem', 'DeleteItem'], 'Order.byOrderId': ['Query'] },
  },
  {
    name: 'export-orders',
    route: 'GET /orders/export',
    entry: 'orders/export-orders',
    who: 'admin',
    access: { Order: ['Scan'] },
    pages: true,
  },
  {
    name: 'select-orders',
    route: 'GET /partiql/orders',
    entry: 'partiql/select-orders',
    who: 'admin',
    access: { Order: ['PartiQLSelect'] },
    pages: true,
  },
  {
    name: 'insert-product',
    route: 'POST /partiql/products',
    entry: 'partiql/insert-product',
    who: 'admin',
    access: { Product: ['PartiQLInsert'], Stock: ['PartiQLInsert', 'PartiQLUpdate'] },
  },
  {
    name: 'set-price',
    route: 'PUT /partiql/products/{productId}/price',
    entry: 'partiql/set-price',
    who: 'admin',
    access: { Product: ['GetItem', 'PartiQLUpdate'], Stock: ['GetItem', 'PartiQLInsert', 'PartiQLUpdate'] },
  },
  {
    name: 'remove-product',
    route: 'DELETE /partiql/products/{productId}',
    entry: 'partiql/remove-product',
    who: 'admin',
    access: { Product: ['GetItem', 'PartiQLDelete'], Stock: ['PartiQLDelete'] },
  },
] as const satisfies readonly Flow[];

/** One row of the catalogue. */
export interface Flow {
  readonly name: string;
  /** Method and path of the HTTP API. */
  readonly route: `${Method} /${string}`;
  /** The handler's file below `lambda/`, without its extension. */
  readonly entry: string;
  /** Who may call it. `public` has no authorizer; the function itself tells the others apart, by the token's claims. */
  readonly who: 'public' | 'any caller' | 'self' | 'self or admin' | 'admin';
  /** What it does in the home region. */
  readonly access: DataAccess;
  /** What it does on the replica of its own region; `lambda/model/replica.ts` says what may be done there. */
  readonly replica?: DataAccess;
  /**
   * What it does through the DAX cluster, in the home region of a store that has one: what products are read and written by.
   * Stock is there only as a part of the transaction that writes its product; it is never read from a cache.
   */
  readonly dax?: DaxAccess;
  /** It answers pages, so it signs cursors. */
  readonly pages?: boolean;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
