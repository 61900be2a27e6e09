import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BatchRequest {
  products: { productId: string; [field: string]: unknown }[];
  token: string | undefined;
  /** As it was sent. */
  body: string;
}

export interface BatchAnswer {
  status?: number;
  headers?: Record<string, string>;
  body: unknown;
}

const running = new Set<{ stop(): Promise<void> }>();

/** After each test, whatever came of it. */
export async function stopScriptedStores(): Promise<void> {
  for (const store of running) await store.stop();
}

/** A store whose batch route answers as a test says: what the real one does not do when it is asked to. */
export async function scriptedStore(answer: (request: BatchRequest, count: number) => BatchAnswer | Promise<BatchAnswer>) {
  const requests: BatchRequest[] = [];
  let tokens = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString('utf8');
      const send = ({ status = 200, headers = {}, body }: BatchAnswer) =>
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
      if (request.url === '/_local/tokens') return send({ body: { token: `token-${++tokens}` } });
      if (request.url !== '/products/batch') return send({ status: 404, body: { message: 'Not Found' } });
      const { products } = JSON.parse(body) as BatchRequest;
      const received = { products, token: request.headers.authorization?.replace('Bearer ', ''), body };
      requests.push(received);
      return send(await answer(received, requests.length));
    })();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const store = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async stop() {
      running.delete(store);
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  running.add(store);
  return store;
}

/** All products written but those that fail. */
export const written = ({ products }: BatchRequest, reasonOf: (productId: string) => string | undefined = () => undefined): BatchAnswer => {
  const failed = products.flatMap(({ productId }, index) => {
    const reason = reasonOf(productId);
    return reason === undefined ? [] : [{ index, productId, reason }];
  });
  return { body: { written: products.length - failed.length, failed } };
};
