import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { Call } from '../../local/gateway/call';

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

/** What a suite hears of its store: each call of DynamoDB, or each line that a function prints. */
export type Watch = 'calls' | 'output' | undefined;

export interface Wanted {
  assembly: string;
  region: string;
  watch: Watch;
}

export type Watched = { call: Call } | { output: [functionName: string, text: string] };

/** A store that another suite has next. */
export interface LentStore {
  url: string;
  dynamodb: string;
  services: string;
  giveBack(): void;
}

/** Borrows a store of an assembly, empty; undefined where this run has no keeper. */
export async function borrowStore(wanted: Wanted, onWatched: (watched: Watched) => void): Promise<LentStore | undefined> {
  const offered = process.env[KEEPER];
  if (offered === undefined) return undefined;
  const keeper = await (await fetch(offered)).text();
  const lent = request(keeper, { method: 'POST', agent: false });
  lent.end(JSON.stringify(wanted));
  const [response] = (await once(lent, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(await text(response));
  // Given back, the answer ends in the middle.
  response.on('error', () => {});
  const lines = createInterface(response).on('error', () => {});
  const [addresses] = (await once(lines, 'line')) as [string];
  lines.on('line', (line) => onWatched(JSON.parse(line) as Watched));
  return { ...(JSON.parse(addresses) as Omit<LentStore, 'giveBack'>), giveBack: () => void lent.destroy() };
}
