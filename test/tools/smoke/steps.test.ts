import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FLOWS } from '../../../lib/flows';
import { STEPS } from '../../../tools/smoke/steps';
import { PROJECT } from '../../support/synthesize-once';

/** Every request of the README's tour but those for tokens, as method and route template. */
function requestsOfTour(): string[] {
  const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
  const [, tour = ''] = /^## A two-minute tour$[\s\S]*?^```sh\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const calls = tour.split('\n').filter((line) => /^(until )?curl /.test(line));
  return calls.map((call) => {
    const [, path = ''] = /\$STORE(\/[^\s?"]*)/.exec(call) ?? [];
    const [, method = / -d /.test(call) ? 'POST' : 'GET'] = / -X (\w+)/.exec(call) ?? [];
    return `${method} ${path}`;
  });
}

/** The route that API Gateway takes for a request: the one with the fewest places to fill. */
function routeOf(request: string): string {
  const routes = new Set<string>([...FLOWS, ...STEPS].map(({ route }) => route));
  const places = (route: string) => route.split('{').length;
  const [found] = [...routes]
    .filter((route) => new RegExp(`^${route.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(request))
    .sort((a, b) => places(a) - places(b));
  return found ?? `no route: ${request}`;
}

test('the tour is read as it stands', () => {
  const requests = requestsOfTour();
  expect(requests.length).toBeGreaterThanOrEqual(23);
  expect(requests.slice(0, 2)).toEqual(['POST /users', 'POST /products']);
  expect(requests).toEqual(expect.arrayContaining(['PUT /partiql/products/pot/price', 'DELETE /_local/faults', 'GET /users/ann/account']));
  expect(routeOf('GET /customers/ann/orders')).toBe('GET /customers/{customerId}/orders');
  expect(routeOf('GET /products/low-stock')).toBe('GET /products/low-stock');
});

test('every request of the tour has a step, in its order', () => {
  const routes = requestsOfTour().map(routeOf);
  // Of the steps, those that come next in the tour; others are between them.
  const rest = [...routes];
  for (const { route } of STEPS) if (route === rest[0]) rest.shift();
  expect(rest).toEqual([]);
});

test('no two steps have one name', () => {
  const names = STEPS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
