import { findRoute } from '../../local/api/routes';

const routes = [
  '$default',
  'GET /products',
  'GET /products/{productId}',
  'GET /products/low-stock',
  'ANY /products/{productId}',
  'POST /orders/{orderId}/cancel',
  'GET /files/{proxy+}',
  'GET /files/{id}/meta',
].map((routeKey) => ({ routeKey, target: routeKey }));

test.each([
  ['GET', '/products', 'GET /products', {}],
  ['GET', '/products/low-stock', 'GET /products/low-stock', {}],
  ['GET', '/products/a%2Fb', 'GET /products/{productId}', { productId: 'a/b' }],
  ['GET', '/products/caf%C3%A9', 'GET /products/{productId}', { productId: 'café' }],
  ['PUT', '/products/x', 'ANY /products/{productId}', { productId: 'x' }],
  ['POST', '/orders/1/cancel', 'POST /orders/{orderId}/cancel', { orderId: '1' }],
  ['GET', '/files/a/b/c', 'GET /files/{proxy+}', { proxy: 'a/b/c' }],
  ['GET', '/files/a/meta', 'GET /files/{id}/meta', { id: 'a' }],
  ['GET', '/products/', '$default', {}],
  ['GET', '/files/', '$default', {}],
  ['POST', '/nowhere', '$default', {}],
])('%s %s', (method, path, routeKey, pathParameters) => {
  expect(findRoute(routes, method, path)).toMatchObject({ target: routeKey, pathParameters });
});

test('without $default there may be no route', () => {
  expect(findRoute(routes.slice(1), 'GET', '/nowhere')).toBeUndefined();
});
