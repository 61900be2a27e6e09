/**
 * The catalogue of flows: one row, one route, one Lambda. `access` names every DynamoDB action of the flow, by entity
 * (the table that it lives in) or by entity and access pattern (the index that serves it); the function's role holds
 * exactly these. The items of a transaction or a batch need the action of each item.
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
    name: 'create-product',
    route: 'POST /products',
    entry: 'products/create-product',
    who: 'admin',
    access: { Product: ['PutItem'], Stock: ['PutItem'] },
  },
  {
    name: 'get-product',
    route: 'GET /products/{productId}',
    entry: 'products/get-product',
    who: 'public',
    access: { Product: ['GetItem'], Stock: ['GetItem'] },
  },
  {
    name: 'list-products',
    route: 'GET /products',
    entry: 'products/list-products',
    who: 'public',
    access: { 'Product.byCategory': ['Query'] },
    pages: true,
  },
  {
    name: 'update-product',
    route: 'PATCH /products/{productId}',
    entry: 'products/update-product',
    who: 'admin',
    access: { Product: ['GetItem', 'UpdateItem'], Stock: ['GetItem', 'UpdateItem'] },
  },
  {
    name: 'delete-product',
    route: 'DELETE /products/{productId}',
    entry: 'products/delete-product',
    who: 'admin',
    access: { Product: ['DeleteItem'], Stock: ['DeleteItem'] },
  },
  {
    name: 'adjust-stock',
    route: 'POST /inventory/adjustments',
    entry: 'inventory/adjust-stock',
    who: 'admin',
    access: { Stock: ['GetItem', 'UpdateItem'], StockMovement: ['PutItem'] },
  },
  {
    name: 'place-order',
    route: 'POST /orders',
    entry: 'orders/place-order',
    who: 'any caller',
    access: {
      Product: ['BatchGetItem'],
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
  /** DynamoDB actions by `Entity` or `Entity.accessPattern`. */
  readonly access: Readonly<Record<string, readonly DataAction[]>>;
  /** It answers pages, so it signs cursors. */
  readonly pages?: boolean;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html */
type DataAction =
  | 'BatchGetItem'
  | 'BatchWriteItem'
  | 'ConditionCheckItem'
  | 'DeleteItem'
  | 'GetItem'
  | 'PutItem'
  | 'Query'
  | 'UpdateItem';
