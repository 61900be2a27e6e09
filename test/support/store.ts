import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Platform, type PlatformOptions, startPlatform } from '../../local/platform';
import { engineUnderTest } from './engine';
import { assemblyOf, type Layout } from './synthesize-once';

/** An answer of the HTTP API. */
export interface Answer {
  status: number;
  headers: Headers;
  // The tests say by their expectations what the body must be.
  body: any; // oxlint-disable-line typescript/no-explicit-any
}

export interface CallOptions {
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  rawBody?: string;
  headers?: Record<string, string>;
}

/** A caller of the API: one user, an admin, or nobody. */
export interface Client {
  get(path: string, options?: CallOptions): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  patch(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  send(method: string, path: string, options?: CallOptions): Promise<Answer>;
}

/** The store on this machine, for one suite: real HTTP, real functions, its own engine and data. */
export interface TestStore {
  url: string;
  dynamodb: string;
  services: string;
  /** What left the store, oldest first. */
  outbox(kind?: string): Promise<Answer['body'][]>;
  anonymous: Client;
  admin: Client;
  /** A user whose token proves an e-mail: `SUB@example.com`, or the one given. */
  user(sub: string, email?: string): Promise<Client>;
  withToken(token: string | undefined): Client;
  permissions: Platform['permissions'];
  /** @throws Error when a function was denied an action, which its flow in the catalogue then lacks */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** A folder to run instead of the layout's own. */
  assembly?: string;
  /** The region whose API runs: the home region unless given. */
  region?: string;
  /** For the suites that provoke them. */
  denials?: 'expected';
  onDynamoDbCall?: PlatformOptions['onDynamoDbCall'];
  onFunctionOutput?: PlatformOptions['onFunctionOutput'];
  /** A folder for its data that the suite removes itself, to start again on it. */
  state?: string;
}

export async function startStore(
  layout: Layout,
  { assembly = assemblyOf(layout), region = 'us-east-1', denials, onDynamoDbCall, onFunctionOutput = () => {}, state: kept }: StartOptions = {},
): Promise<TestStore> {
  const state = kept ?? mkdtempSync(join(tmpdir(), 'store-test-'));
  const platform = await startPlatform({
    assembly: Promise.resolve(assembly),
    stateFolder: join(state, 'store'),
    fresh: false,
    port: 0,
    engine: engineUnderTest(),
    region,
    onRequest: () => {},
    onFunctionOutput,
    onStreamProblem: () => {},
    onDynamoDbCall,
  });
  const withToken = (token: string | undefined) => client(platform.url, token);
  const user = async (sub: string, email = `${sub}@example.com`) => withToken(await platform.token({ sub, email }));
  return {
    url: platform.url,
    dynamodb: platform.dynamodb,
    services: platform.services,
    async outbox(kind) {
      const { body } = await withToken(undefined).get(`/_local/outbox${kind === undefined ? '' : `?kind=${kind}`}`);
      return body.items.toReversed();
    },
    anonymous: withToken(undefined),
    admin: withToken(await platform.token({ sub: 'an-admin', groups: ['staff', 'admin'] })),
    user,
    withToken,
    permissions: platform.permissions,
    async stop() {
      const denied = platform.permissions().denied.map(denial);
      await platform.stop();
      if (kept === undefined) rmSync(state, { recursive: true, force: true });
      if (denials !== 'expected' && denied.length > 0) throw new Error(denied.join('\n'));
    },
  };
}

/** What a role lacks, for the person who lists it in the catalogue. */
export const denial = ({ function: flow, action, resource }: ReturnType<Platform['permissions']>['denied'][number]): string =>
  `AccessDenied: ${flow} lacks ${action} on ${resource}`;

export function client(url: string, token: string | undefined): Client {
  const send = async (method: string, path: string, { body, rawBody, headers = {} }: CallOptions = {}): Promise<Answer> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...((body ?? rawBody) !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...((body ?? rawBody) !== undefined && { body: rawBody ?? JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
  return {
    send,
    get: (path, options) => send('GET', path, options),
    post: (path, body, headers) => send('POST', path, { body, ...(headers && { headers }) }),
    patch: (path, body, headers) => send('PATCH', path, { body, ...(headers && { headers }) }),
    delete: (path) => send('DELETE', path),
  };
}

/** All items of a list, page by page. */
export async function allPages(
  caller: Client,
  path: string,
  limit: number,
): Promise<{ items: Answer['body'][]; pages: number }> {
  const items: Answer['body'][] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const query: string = `${path.includes('?') ? '&' : '?'}limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`;
    const answer = await caller.get(path + query);
    if (answer.status !== 200) throw new Error(`GET ${path + query}: ${answer.status} ${JSON.stringify(answer.body)}`);
    items.push(...answer.body.items);
    cursor = answer.body.cursor;
    pages++;
  } while (cursor !== null);
  return { items, pages };
}

/** A product that may be posted, with what a test needs different. */
export const aProduct = (overrides: object = {}) => ({
  name: 'Chai',
  category: 'Beverages',
  priceMinor: 1_800,
  currency: 'EUR',
  stock: 10,
  ...overrides,
});
