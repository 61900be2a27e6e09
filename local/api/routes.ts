/** A route of an HTTP API, as its template has it. */
export interface Route<Target> {
  /** `GET /orders/{orderId}`, `ANY /files/{proxy+}` or `$default`. */
  routeKey: string;
  target: Target;
}

export interface Match<Target> extends Route<Target> {
  /** Percent-decoded. */
  pathParameters: Record<string, string>;
}

/**
 * Finds the route of a request as HTTP APIs do: a literal segment before a parameter, a parameter before a greedy one,
 * a method before ANY, `$default` last.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
export function findRoute<Target>(
  routes: readonly Route<Target>[],
  method: string,
  path: string,
): Match<Target> | undefined {
  const segments = path.split('/');
  const matches = routes.flatMap((route) => {
    const match = matchRoute(route, method, segments);
    return match ? [match] : [];
  });
  return matches.sort((a, b) => (a.rank < b.rank ? -1 : 1))[0];
}

function matchRoute<Target>(route: Route<Target>, method: string, segments: string[]) {
  if (route.routeKey === '$default') return { ...route, pathParameters: {}, rank: '9' };
  const [routeMethod, pattern = ''] = route.routeKey.split(' ', 2);
  if (routeMethod !== method && routeMethod !== 'ANY') return undefined;
  const pathParameters: Record<string, string> = {};
  const patterns = pattern.split('/');
  let rank = '';
  for (const [index, part] of patterns.entries()) {
    const greedy = /^\{(.+)\+\}$/.exec(part);
    if (greedy?.[1]) {
      const rest = segments.slice(index).map(decodeURIComponent).join('/');
      if (rest === '') return undefined;
      return { ...route, pathParameters: { ...pathParameters, [greedy[1]]: rest }, rank: `${rank}3${method === routeMethod ? 0 : 1}` };
    }
    const segment = segments[index];
    if (segment === undefined) return undefined;
    const parameter = /^\{(.+)\}$/.exec(part);
    if (parameter?.[1]) {
      if (segment === '') return undefined;
      pathParameters[parameter[1]] = decodeURIComponent(segment);
      rank += '2';
    } else {
      if (part !== decodeURIComponent(segment)) return undefined;
      rank += '1';
    }
  }
  if (patterns.length !== segments.length) return undefined;
  return { ...route, pathParameters, rank: `${rank}${method === routeMethod ? 0 : 1}` };
}
