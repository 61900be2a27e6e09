import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Platform, type PlatformOptions, startPlatform } from '../../local/platform';
import { engineUnderTest } from './engine';
import { borrowStore } from './lent-stores';
import { ASSEMBLIES, assemblyOf, type Layout } from './synthesize-once';

/** An answer of the HTTP API. One of 400 and above is an error, unless its test reads the status; see `answered`. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The tests say by their expectations what the body must be.
  readonly body: any; // oxlint-disable-line typescript/no-explicit-any
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

/** The store on this machine, for one suite at a time: real HTTP, real functions, its own engine and data. */
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
  /** What each function may do and has done, and what it was denied. */
  permissions(): Promise<ReturnType<Platform['permissions']>>;
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
  /** Of a store with a `state` only. */
  onStreamProblem?: PlatformOptions['onStreamProblem'];
  /** A folder for its data that the suite removes itself, to start again on it. */
  state?: string;
}

/**
 * A store of its own for a suite, empty. Its functions run in processes that served other suites before, unless the suite
 * keeps its data or has changed the assembly: starting them is most of what a store costs.
 */
export async function startStore(layout: Layout, options: StartOptions = {}): Promise<TestStore> {
  const { denials } = options;
  const wanted = { assembly: assemblyOf(layout), region: 'us-east-1', ...options };
  const isShared = options.state === undefined && wanted.assembly.startsWith(ASSEMBLIES);
  const store = (isShared && (await borrow(wanted))) || (await startOwn(wanted));
  const withToken = (token: string | undefined) => client(store.url, token);
  const anonymous = withToken(undefined);
  const caller = async (claims: object) => withToken((await anonymous.post('/_local/tokens', claims)).body.token as string);
  const permissions = async () => (await anonymous.get('/_local/permissions')).body as ReturnType<Platform['permissions']>;
  return {
    url: store.url,
    dynamodb: store.dynamodb,
    services: store.services,
    async outbox(kind) {
      const { body } = await anonymous.get(`/_local/outbox${kind === undefined ? '' : `?kind=${kind}`}`);
      return body.items.toReversed();
    },
    anonymous,
    admin: await caller({ sub: 'an-admin', groups: ['staff', 'admin'] }),
    user: (sub, email = `${sub}@example.com`) => caller({ sub, email }),
    withToken,
    permissions,
    async stop() {
      const { denied } = await permissions().finally(store.stop);
      if (denials !== 'expected' && denied.length > 0) throw new Error(denied.map(denial).join('\n'));
    },
  };
}

type Started = Pick<Platform, 'url' | 'dynamodb' | 'services' | 'stop'>;

type Wanted = StartOptions & { assembly: string; region: string };

async function borrow({ assembly, region, onDynamoDbCall, onFunctionOutput }: Wanted): Promise<Started | undefined> {
  const watch = onDynamoDbCall ? 'calls' : onFunctionOutput ? 'output' : undefined;
  const lent = await borrowStore({ assembly, region, watch }, (watched) => {
    if ('call' in watched) onDynamoDbCall?.(watched.call);
    else onFunctionOutput?.(...watched.output);
  });
  return lent && { ...lent, stop: async () => lent.giveBack() };
}

async function startOwn({ assembly, region, onDynamoDbCall, onFunctionOutput, onStreamProblem, state: kept }: Wanted): Promise<Started> {
  const state = kept ?? mkdtempSync(join(tmpdir(), 'store-test-'));
  const platform = await startPlatform({
    assembly: Promise.resolve(assembly),
    stateFolder: join(state, 'store'),
    fresh: false,
    port: 0,
    engine: engineUnderTest(),
    region,
    onRequest: () => {},
    onFunctionOutput: onFunctionOutput ?? (() => {}),
    onStreamProblem: onStreamProblem ?? (() => {}),
    onDynamoDbCall,
  });
  return {
    ...platform,
    async stop() {
      await platform.stop();
      if (kept === undefined) rmSync(state, { recursive: true, force: true });
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
    return answered(`${method} ${path}`, response, text);
  };
  return {
    send,
    get: (path, options) => send('GET', path, options),
    post: (path, body, headers) => send('POST', path, { body, ...(headers && { headers }) }),
    patch: (path, body, headers) => send('PATCH', path, { body, ...(headers && { headers }) }),
    delete: (path) => send('DELETE', path),
  };
}

/** What failed and no test has looked at yet. */
const unseen = new Set<{ failure: string }>();

/**
 * An answer whose failure cannot go unnoticed: who wants another status than a success reads `status`. What was only to be
 * done, as in a test's set-up, throws as soon as its body or headers are read, and fails the test at the latest at its end.
 */
function answered(request: string, { status, headers }: Response, text: string): Answer {
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  if (status < 400) return { status, headers, body };
  const mine = { failure: `${request} was answered ${status} ${text.slice(0, 500)}, and the test did not ask for the status.` };
  unseen.add(mine);
  let isAsked = false;
  const read = <Member>(member: Member): Member => {
    unseen.delete(mine);
    if (!isAsked) throw new Error(mine.failure);
    return member;
  };
  return {
    get status() {
      isAsked = true;
      unseen.delete(mine);
      return status;
    },
    get headers() {
      return read(headers);
    },
    get body() {
      return read(body);
    },
  };
}

/** @throws Error with the failures that nobody looked at */
function expectAllSeen(): void {
  const failures = [...unseen].map(({ failure }) => failure);
  unseen.clear();
  if (failures.length > 0) throw new Error(failures.join('\n'));
}
afterEach(expectAllSeen);
afterAll(expectAllSeen);

/** What a client does with a 503: the same request again. @returns the last answer, and the statuses of all */
export async function patiently(request: () => Promise<Answer>): Promise<{ last: Answer; all: number[] }> {
  const all: number[] = [];
  for (;;) {
    const last = await request();
    all.push(last.status);
    if (last.status !== 503 || all.length === 20) return { last, all };
  }
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
