import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Passing {
  method: string;
  /** With its query. */
  path: string;
  token: string | undefined;
  body: string;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

/** What a proxy makes of a request: an answer instead of the store's, none at all, or undefined to let it pass. */
export type Tamper = (request: Passing) => Reply | 'hang up' | undefined | Promise<Reply | 'hang up' | undefined>;

const running = new Set<{ stop(): Promise<void> }>();

/** After each test, whatever came of it. */
export async function stopProxies(): Promise<void> {
  for (const proxy of running) await proxy.stop();
}

/** A server in front of a store, for what the store on this machine does not do when it is asked to; alone where there is no store. */
export async function proxy(store: string | undefined, tamper: Tamper = () => undefined) {
  const requests: Passing[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const passing = {
        method: request.method ?? '',
        path: request.url ?? '',
        token: request.headers.authorization?.replace('Bearer ', ''),
        body: Buffer.concat(chunks).toString('utf8'),
      };
      requests.push(passing);
      const reply = (await tamper(passing)) ?? (store === undefined ? NOT_FOUND : undefined);
      if (reply === 'hang up') return void response.destroy();
      if (reply) {
        const type = typeof reply.body === 'string' ? 'text/html' : 'application/json';
        response.writeHead(reply.status, { 'content-type': type, ...reply.headers });
        return void response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
      }
      const headers = Object.entries(request.headers).filter(([name]) => ['authorization', 'content-type', 'idempotency-key'].includes(name));
      const answer = await fetch(store + passing.path, {
        method: passing.method,
        headers: headers as [string, string][],
        ...(passing.body !== '' && { body: passing.body }),
      });
      const passed = ['content-type', 'retry-after', 'apigw-requestid'].flatMap((name) => [[name, answer.headers.get(name)] as const]);
      response.writeHead(answer.status, Object.fromEntries(passed.filter(([, value]) => value !== null)) as Record<string, string>);
      response.end(await answer.text());
    })().catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const started = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async stop() {
      running.delete(started);
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  running.add(started);
  return started;
}

/** API Gateway's, for a route that there is not. */
export const NOT_FOUND: Reply = { status: 404, body: { message: 'Not Found' } };

/** A store as it is deployed: nothing is below `/_local/`. */
export const deployed =
  (tamper: Tamper = () => undefined): Tamper =>
  (request) =>
    request.path.startsWith('/_local/') ? NOT_FOUND : tamper(request);

export const problem = (status: number, type: string, detail: string, more: object = {}, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: { type, title: type, status, detail, ...more },
});
