import { setTimeout as sleep } from 'node:timers/promises';
import { problemOf } from '../answers';
import { holds } from './expected';
import { CURRENCY, type Run } from './run';
import { FAULT } from './steps';
import { type Answer, type AnyRoute, member, NoAnswer, type Sent, type StoreClient } from './store-client';

/** How long statistics may take to be as they were. */
const STATISTICS_MS = 10_000;

const WAIT_MS = 200;

/** Clocks differ by less. */
const CLOCKS_MS = 10 * 60_000;

export interface CleanUp {
  /** As `2 orders`. */
  deleted: string[];
  /** What could not be deleted, and why. */
  left: string[];
}

/**
 * Deletes what a run made or may have made: a request that had no answer may have been done all the same, so the store is
 * asked what there is, and what was never there is nothing that was left.
 * @param startedAt the store's time, in epoch milliseconds
 * @param patienceMs how long a store that fails, or that is away, is asked again: for all requests together
 */
export async function cleanUp(run: Run, client: StoreClient, startedAt: number, patienceMs: number): Promise<CleanUp> {
  const { sub, products } = run;
  const counts = { order: 0, product: 0, profile: 0 };
  const left: string[] = [];
  const deadline = performance.now() + patienceMs;
  const send = (route: AnyRoute, sent: Sent = {}) => insist(client, deadline, route, sent);
  /** Whether it was there, and is no more. */
  const remove = async (what: keyof typeof counts, name: string, route: AnyRoute, path: Record<string, string>) => {
    const answer = await send(route, { path });
    if (answer instanceof NoAnswer) left.push(`${what} ${name} (${answer.message})`);
    else if (answer.status < 300) counts[what]++;
    else if (!isGone(answer)) left.push(`${what} ${name} (${answer.status} ${problemOf(answer)})`);
  };

  left.push(...(await endFault(run, client)));

  const orders = await ordersOf(run, send, startedAt);
  if (orders.trouble !== undefined) left.push(`orders of ${sub} for the products ${run.name}-…, if there are any (${orders.trouble})`);
  // Cancelled first: that takes them out of the statistics by the same way that they came in.
  for (const orderId of orders.ids) await send('POST /orders/{orderId}/cancel', { path: { orderId } });
  const isSettled = orders.ids.size === 0 || (await settles(run, client, Math.min(deadline, performance.now() + STATISTICS_MS)));
  for (const orderId of orders.ids) await remove('order', orderId, 'DELETE /orders/{orderId}', { orderId });
  const productIds = run.begun.has('POST /products') ? Object.values(products) : [];
  for (const productId of productIds) await remove('product', productId, 'DELETE /products/{productId}', { productId });

  if (await isProfileOurs(run, send)) await remove('profile', sub, 'DELETE /users/{userId}', { userId: sub });
  else if (!isSettled) left.push(`statistics of ${sub}: they still count orders of this run`);
  const deleted = Object.entries(counts).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}${count === 1 ? '' : 's'}`]));
  return { deleted, left };
}

/** Ends the fault of a run that did not come to its end. @returns it, where it could not */
export async function endFault(run: Run, client: StoreClient): Promise<string[]> {
  if (!run.begun.has('POST /_local/faults')) return [];
  const faults = await sendOnce(client, 'GET /_local/faults');
  if (!(faults instanceof NoAnswer) && !holds([FAULT], member(faults.body, 'items'))) return [];
  const answer = await sendOnce(client, 'DELETE /_local/faults');
  return answer instanceof NoAnswer || answer.status !== 200 ? ['a fault, if the store still runs (DELETE /_local/faults ends it)'] : [];
}

type Send = (route: AnyRoute, sent?: Sent) => Promise<Answer | NoAnswer>;

async function sendOnce(client: StoreClient, route: AnyRoute, sent?: Sent): Promise<Answer | NoAnswer> {
  try {
    return await client.send(route, sent);
  } catch (error) {
    if (error instanceof NoAnswer) return error;
    throw error;
  }
}

/** Sends a request that may be repeated until the store takes or refuses it. */
async function insist(client: StoreClient, deadline: number, route: AnyRoute, sent: Sent): Promise<Answer | NoAnswer> {
  for (;;) {
    const answer = await sendOnce(client, route, sent);
    const isPassing = answer instanceof NoAnswer || answer.status === 429 || answer.status >= 500;
    if (!isPassing || performance.now() > deadline) return answer;
    await sleep(WAIT_MS);
  }
}

/** A function's own 404; API Gateway's has no type. */
const isGone = ({ status, body }: Answer): boolean => status === 404 && member(body, 'type') !== undefined;

/** The orders of this run: those that it knows, and those that the customer has for its products. */
async function ordersOf(run: Run, send: Send, startedAt: number): Promise<{ ids: Set<string>; trouble?: string }> {
  const known = [run.knownYet('first'), run.knownYet('second')];
  const ids = new Set(known.flatMap((order) => (order ? [order.orderId] : [])));
  if (!run.begun.has('POST /orders')) return { ids };
  const from = new Date(startedAt - CLOCKS_MS).toISOString();
  const ours = new Set<unknown>(Object.values(run.products));
  let cursor: unknown;
  do {
    const page = await send('GET /customers/{customerId}/orders', {
      path: { customerId: run.sub },
      query: { from, limit: 100, ...(typeof cursor === 'string' && { cursor }) },
    });
    if (page instanceof NoAnswer) return { ids, trouble: page.message };
    if (page.status !== 200) return { ids, trouble: `${page.status} ${problemOf(page)}` };
    for (const order of (member(page.body, 'items') ?? []) as unknown[]) {
      const lines = (member(order, 'lines') ?? []) as unknown[];
      if (lines.some((line) => ours.has(member(line, 'productId')))) ids.add(member(order, 'orderId') as string);
    }
    cursor = member(page.body, 'cursor');
  } while (typeof cursor === 'string');
  return { ids };
}

/** Waits for the statistics to be as they were, so that the next run begins where this one did. */
async function settles(run: Run, client: StoreClient, deadline: number): Promise<boolean> {
  const before = run.knownYet('before');
  if (!before) return true;
  for (;;) {
    const answer = await sendOnce(client, 'GET /users/{userId}/account', { path: { userId: run.sub } });
    if (!(answer instanceof NoAnswer) && answer.status === 200) {
      const spent = member(member(member(answer.body, 'stats'), 'spent'), CURRENCY) ?? 0;
      if ((spent as number) <= before.spent) return true;
    }
    const isRefused = !(answer instanceof NoAnswer) && [401, 403].includes(answer.status);
    if (isRefused || performance.now() > deadline) return false;
    await sleep(WAIT_MS);
  }
}

/** Whether the profile is of this run; where nothing told, its preferences do. */
async function isProfileOurs(run: Run, send: Send): Promise<boolean> {
  const isNew = run.knownYet('isProfileNew');
  if (isNew !== undefined) return isNew;
  const answer = await send('GET /users/{userId}', { path: { userId: run.sub } });
  return !(answer instanceof NoAnswer) && member(member(answer.body, 'preferences'), 'smokeRun') === run.name;
}
