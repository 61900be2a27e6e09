import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a request comes from this machine's own tools. Listening on loopback does not say so: a page of another site
 * may send requests here, by its own origin, or by a name that it points to this machine.
 * @param allowed other origins whose pages may ask
 */
export function isFromHere({ host, origin }: IncomingHttpHeaders, allowed: readonly string[] = []): boolean {
  const isLocal = (url: string) => URL.canParse(url) && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);
  return isLocal(`http://${host ?? '127.0.0.1'}`) && (origin === undefined || allowed.includes(origin) || isLocal(origin));
}
