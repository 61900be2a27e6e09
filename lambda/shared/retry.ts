import { setTimeout as sleep } from 'node:timers/promises';
import { awsError, failureKind, mayRepeat, outcomeUnknown, Problem } from './errors';
import { homeRegionDeadline } from './home-region';
import { watchingWrites } from './sent-writes';

/**
 * Waits before the next attempt, counted from 0: a random time up to `50 ms * 2^attempt`, at most 1 s. Full jitter
 * spreads callers that collided: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * Answers false, without waiting, when the wait would pass the deadline (epoch milliseconds), or the request's wait for the home region.
 */
export async function backoff(attempt: number, deadline: number): Promise<boolean> {
  const ms = Math.random() * Math.min(1_000, 50 * 2 ** attempt);
  if (Date.now() + ms >= Math.min(deadline, homeRegionDeadline())) return false;
  await sleep(ms);
  return true;
}

/**
 * Makes a call that may be repeated (a read, or a write without condition that comes to the same each time), until
 * DynamoDB answers. For the reads of flows that write: a flow that only reads leaves it at the SDK's own retries, since
 * who asked can ask again.
 * @param deadline epoch milliseconds; past it the last error is thrown
 */
export async function untilAnswered<Result>(deadline: number, call: () => Promise<Result>): Promise<Result> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!mayRepeat(error) || !(await backoff(attempt, deadline))) throw error;
    }
  }
}

/**
 * Reads what a write that is done came to.
 * @param deadline epoch milliseconds
 * @throws Problem `outcome-unknown`, not `throttled`: who repeats the request would do it twice
 */
export async function readBack<Result>(deadline: number, read: () => Promise<Result>): Promise<Result> {
  try {
    return await untilAnswered(deadline, read);
  } catch (error) {
    if (failureKind(error) === 'other') throw error;
    throw new Problem('outcome-unknown', 'It is done, but could not be read afterwards. Read before you repeat it.');
  }
}

/** What a conditional write came to. */
export type Written<Result> =
  | { done: true; result: Result }
  /**
   * Its condition did not hold. When an answer was lost before, `mayBeOwn` is true: that try may have been done, and
   * what the condition met may be this very write.
   */
  | { done: false; mayBeOwn: boolean };

/**
 * Runs a conditional write of one item, and repeats it while DynamoDB does not answer, or refuses it for a passing
 * reason: throttled past the SDK's own retries, or (not retried by the SDK) in conflict with a transaction. The condition
 * must not hold any more once it is done, so it is done once.
 *
 * @param deadline epoch milliseconds; past it the last error is thrown
 * @throws Problem `outcome-unknown` instead of that error, where an answer was lost
 */
export function writeOnCondition<Result>(deadline: number, call: () => Promise<Result>): Promise<Written<Result>> {
  return watchingWrites(async (writes): Promise<Written<Result>> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return { done: true, result: await call() };
      } catch (error) {
        if (awsError(error)?.name === 'ConditionalCheckFailedException') return { done: false, mayBeOwn: writes.unanswered };
        if (mayRepeat(error) && (await backoff(attempt, deadline))) continue;
        throw writes.unanswered ? outcomeUnknown(error) : error;
      }
    }
  });
}
