import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Where a suite learns of the keeper; in the environment, since suites run in processes of their own. */
const KEEPER = 'STORE_KEEPER';

/** What is open until the last suite has ended: in the process of jest, whose modules the teardown loads anew. */
const opened = globalThis as { endKeeper?: () => unknown };

/** Offers stores to the suites of this run. The keeper starts with the first suite that borrows one. */
export async function offerStores(): Promise<void> {
  let started: Promise<string> | undefined;
  const server = createServer((_, response) => {
    started ??= startKeeper();
    started.then((url) => response.end(url), (error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  server.unref();
  process.env[KEEPER] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  opened.endKeeper = () => server.close();

  async function startKeeper(): Promise<string> {
    const keeper = spawn(process.execPath, ['--require', 'tsx/cjs', join(__dirname, 'store-keeper.ts')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(keeper, 'exit');
    opened.endKeeper = () => {
      server.close();
      keeper.stdin.end();
      return ended;
    };
    const failed = ended.then(() => Promise.reject(new Error('The keeper of the stores ended.')));
    const [line] = (await Promise.race([once(keeper.stdout, 'data'), failed])) as [Buffer];
    failed.catch(() => {});
    return line.toString().trim();
  }
}

/** After all suites. */
export default async function endKeeper(): Promise<void> {
  await opened.endKeeper?.();
}

/** A store that another suite has next. */
export interface LentStore {
  url: string;
  dynamodb: string;
  services: string;
  giveBack(): void;
}

/** Borrows a store of an assembly, empty; undefined where this run has no keeper. */
export async function borrowStore(assembly: string): Promise<LentStore | undefined> {
  const offered = process.env[KEEPER];
  if (offered === undefined) return undefined;
  const keeper = await (await fetch(offered)).text();
  return new Promise((done, fail) => {
    const lent = request(keeper, { method: 'POST', agent: false }, (response) => {
      response.setEncoding('utf8').once('data', (text: string) => {
        if (response.statusCode !== 200) return fail(new Error(text));
        const addresses = JSON.parse(text) as Omit<LentStore, 'giveBack'>;
        done({ ...addresses, giveBack: () => void lent.destroy() });
      });
      // Given back, the answer ends in the middle.
      response.on('error', () => {});
    });
    lent.on('error', fail);
    lent.end(JSON.stringify({ assembly }));
  });
}
