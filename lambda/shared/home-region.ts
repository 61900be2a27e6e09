import { AsyncLocalStorage } from 'node:async_hooks';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { HomeRegionAway, Problem } from './errors';
import { connectionTimedOut, hadNoConnection } from './sent-writes';

/**
 * How long one request waits for the home region from another one, in milliseconds: for all its calls with all their retries, and
 * for a connection. The rest of the store works on in the other region while the home region is away, so it is told soon.
 */
export const HOME_REGION_WAIT: Readonly<Record<'totalMs' | 'connectMs', number>> = { totalMs: 5_000, connectMs: 2_000 };

const LATE = `The home region did not answer in ${HOME_REGION_WAIT.totalMs} ms`;

/** One request's wait for the home region, where that is another one. */
interface Wait {
  /** Epoch milliseconds of its first call; undefined before. */
  since?: number;
  /** Whether its last call had no answer. */
  isAway: boolean;
}

const current = new AsyncLocalStorage<Wait>();

/** Runs a request, whose calls to another region have one limit together. */
export const limitingTheWait = <Result>(work: () => Result): Result => current.run({ isAway: false }, work);

/** When the request at work gives up the home region (epoch milliseconds); Infinity where it made no call to it from another one. */
export function homeRegionDeadline(): number {
  const since = current.getStore()?.since;
  return since === undefined ? Infinity : since + HOME_REGION_WAIT.totalMs;
}

/** The 503 of a request that failed without an answer and wrote nothing. */
export const unavailable = (): Problem =>
  current.getStore()?.isAway
    ? new Problem('home-region-unavailable', 'The home region did not answer. Nothing was changed; try again later.')
    : new Problem('unavailable', 'DynamoDB did not answer. Nothing was changed; try again.');

/**
 * Limits how long each request waits for a client of the home region that works in another one. Past the limit a call is aborted, and
 * the next ones are not sent.
 */
export function limitWait(client: DynamoDBDocumentClient): void {
  type Send = (command: object, options?: { abortSignal?: AbortSignal }) => Promise<object>;
  const send = client.send.bind(client) as unknown as Send;
  const limited: Send = async (command, options = {}) => {
    const wait = current.getStore();
    if (!wait) return send(command, options);
    wait.since ??= Date.now();
    if (Date.now() >= homeRegionDeadline()) throw new HomeRegionAway(LATE);
    const limit = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new HomeRegionAway(LATE));
        limit.abort();
      }, homeRegionDeadline() - Date.now());
    });
    const abortSignal = options.abortSignal ? AbortSignal.any([options.abortSignal, limit.signal]) : limit.signal;
    try {
      // The SDK waits between its tries without a look at the signal.
      const answer = await Promise.race([over, send(command, { ...options, abortSignal })]);
      wait.isAway = false;
      return answer;
    } catch (error) {
      wait.isAway = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  client.send = limited as unknown as typeof client.send;
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const { since = Date.now() } = current.getStore() ?? {};
        const isLate = connectionTimedOut(error) || Date.now() - since >= HOME_REGION_WAIT.connectMs;
        if (hadNoConnection(error) && isLate) throw new HomeRegionAway(`No connection to the home region: ${(error as Error).message}`);
        throw error;
      }
    },
    // Within the SDK's retries, which have high priority, and around what notes the tries, which has low.
    { name: 'limitConnecting', step: 'finalizeRequest', priority: 'normal', override: true },
  );
}
