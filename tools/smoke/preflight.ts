import { problemOf, unreachable } from '../answers';
import { readHealth } from '../local-store';
import { givenToken, isLoopback, localToken, NO_ADMIN, NO_EMAIL, TOKEN_REFUSED, TOKEN_WANTED } from '../token';
import { UserError } from '../user-error';
import { userOf } from './claims';
import { Run, runName } from './run';
import { type Answer, type AnyRoute, member, NoAnswer, type Sent, StoreClient } from './store-client';

export interface Place {
  client: StoreClient;
  run: Run;
  isLocal: boolean;
  /** The store's time in epoch milliseconds. */
  now: number;
}

/**
 * Finds out, before anything is made, whether a store answers, of which kind it is, and who the caller is.
 * @param given a token; undefined for one that a store on this machine issues
 * @throws UserError saying what to do
 */
export async function preflight(url: string, given: string | undefined, id: string): Promise<Place> {
  const givenUser = given === undefined ? undefined : userOf(given);
  const anonymous = new StoreClient(url);
  const health = await firstAnswer(anonymous, 'GET /_local/health');
  const isLocal = health.status === 200 && readHealth(health.body) !== undefined;
  const list = await firstAnswer(anonymous, 'GET /products', { query: { category: runName(id), limit: 1 } });
  requireStore(url, 'GET /products', list);

  if (given === undefined && !isLocal) throw new UserError(TOKEN_WANTED);
  const tokens = given === undefined ? localToken(url, { sub: runName(id), email: `${runName(id)}@example.com` }) : givenToken(given);
  const token = await tokens.current();
  const client = new StoreClient(url, token);
  const low = await firstAnswer(client, 'GET /products/low-stock', { query: { limit: 1 } });
  if (low.status === 401) throw new UserError(TOKEN_REFUSED);
  if (low.status === 403 && member(low.body, 'type') === 'forbidden') throw new UserError(NO_ADMIN);
  requireStore(url, 'GET /products/low-stock', low);

  const { sub, email } = givenUser ?? userOf(token);
  if (email === undefined) throw new UserError(NO_EMAIL);
  const run = new Run(sub, email, id);
  if (isLocal) {
    const faults = member((await firstAnswer(anonymous, 'GET /_local/faults')).body, 'items');
    run.learn({ hasFaults: Array.isArray(faults) && faults.length > 0 });
  }
  return { client, run, isLocal, now: Date.parse(list.headers.get('date') ?? '') || Date.now() };
}

/** @throws UserError where nothing answers */
async function firstAnswer(client: StoreClient, route: AnyRoute, sent: Sent = {}): Promise<Answer> {
  try {
    return await client.send(route, sent);
  } catch (error) {
    if (error instanceof NoAnswer) throw new UserError(unreachable(client.url, error.message));
    throw error;
  }
}

/** A store that fails is one still: the steps say what fails. @throws UserError */
function requireStore(url: string, route: AnyRoute, answer: Answer): void {
  const { status, body } = answer;
  const isList = status === 200 && Array.isArray(member(body, 'items'));
  if (isList || typeof member(body, 'type') === 'string' || status === 429 || (status >= 500 && body !== undefined)) return;
  const what = status === 200 ? 'no list' : `${status} ${problemOf(answer).replace(/\s+/g, ' ').slice(0, 80)}`;
  const advice = isLoopback(url) ? 'Start the store with npm start, or name another one: --url URL' : 'Is the --url right?';
  throw new UserError(`What answers at ${url} is no store (${route}: ${what}). ${advice}`);
}
