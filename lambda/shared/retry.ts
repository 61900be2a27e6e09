import { setTimeout as sleep } from 'node:timers/promises';
import { failureKind } from './errors';

/**
 * Waits before the next attempt, counted from 0: a random time up to `50 ms * 2^attempt`, at most 1 s. Full jitter
 * spreads callers that collided: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * Answers false, without waiting, when the wait would pass the deadline (epoch milliseconds).
 */
export async function backoff(attempt: number, deadline: number): Promise<boolean> {
  const ms = Math.random() * Math.min(1_000, 50 * 2 ** attempt);
  if (Date.now() + ms >= deadline) return false;
  await sleep(ms);
  return true;
}

/**
 * Repeats a single read or write that DynamoDB refused for a passing reason: throttled past the SDK's own retries, or
 * (not retried by the SDK) in conflict with a transaction. Nothing was done then, so repeating is safe.
 *
 * @param deadline epoch milliseconds; past it the last error is thrown
 */
export async function retryRefused<Result>(deadline: number, call: () => Promise<Result>): Promise<Result> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (failureKind(error) !== 'throttled' || !(await backoff(attempt, deadline))) throw error;
    }
  }
}
