import { type Flow, FLOWS } from '../../lib/flows';
import { networkTrouble, parsed } from '../answers';

/** Above the 30 s that an HTTP API waits for its function. */
const REQUEST_MS = 40_000;

/** A route of the catalogue, or one that only a store on this machine has. */
export type AnyRoute = (typeof FLOWS)[number]['route'] | `${'GET' | 'POST' | 'DELETE'} /_local/${string}`;

export interface Sent {
  /** What stands in the place of the route's `{names}`. */
  path?: Record<string, string>;
  query?: Record<string, string | number>;
  headers?: Record<string, string>;
  body?: unknown;
}

export interface Answer {
  status: number;
  text: string;
  /** Undefined where it is no JSON. */
  body: unknown;
  headers: Headers;
}

/** A request that was not answered; the message says why, in a few words. */
export class NoAnswer extends Error {}

const PUBLIC = new Set<string>((FLOWS as readonly Flow[]).filter(({ who }) => who === 'public').map(({ route }) => route));

/** A caller of a store. */
export class StoreClient {
  /** @param token sent wherever a route is not public */
  constructor(
    readonly url: string,
    private readonly token?: string,
  ) {}

  /** @throws NoAnswer */
  async send(route: AnyRoute, sent: Sent = {}): Promise<Answer> {
    const { method, path } = target(route, sent);
    const needsToken = this.token !== undefined && !PUBLIC.has(route) && !path.startsWith('/_local/');
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: {
          ...(needsToken && { authorization: `Bearer ${this.token}` }),
          ...(sent.body !== undefined && { 'content-type': 'application/json' }),
          ...sent.headers,
        },
        ...(sent.body !== undefined && { body: JSON.stringify(sent.body) }),
        // A store does not redirect, and who does need not see the token.
        redirect: 'manual',
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      const text = await response.text();
      return { status: response.status, text, body: parsed(text), headers: response.headers };
    } catch (error) {
      throw new NoAnswer(networkTrouble(error, REQUEST_MS));
    }
  }
}

/** The request line of a route. */
export function target(route: AnyRoute, { path = {}, query = {} }: Sent): { method: string; path: string } {
  const [method = '', template = ''] = route.split(' ');
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) search.set(name, String(value));
  return { method, path: search.size === 0 ? filled : `${filled}?${search}` };
}

/** A member of a body; undefined where there is none. */
export const member = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
