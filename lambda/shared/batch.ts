import { awsError, failureKind, mayRepeat } from './errors';
import { backoff } from './retry';

/** DynamoDB's limits. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html */
export const BATCH_WRITE_ITEMS = 25;
export const BATCH_GET_KEYS = 100;

/** How many calls of one batch are under way at a time: all that 500 keys take, so that a cache that hangs is waited for once. */
const CONCURRENT = 5;

/**
 * Why an entry of a batch is left.
 * - `unprocessed`: DynamoDB did not take it, however often it was sent.
 * - `unknown-outcome`: a call with it had no answer, and no later one took it: it may be done.
 */
export type LeftReason = 'unprocessed' | 'unknown-outcome';

/**
 * Sends entries in chunks, and sends again what was left unprocessed, throttled or without an answer, with capped
 * exponential backoff and full jitter, until all is done or the deadline comes. So only for calls that may be repeated:
 * reads, puts and deletes.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html#Programming.Errors.BatchOperations
 *
 * @param size entries in a chunk, at most
 * @param send one call; answers what it left unprocessed. It is to stop when the signal says so.
 * @param deadline epoch milliseconds; calls under way are aborted then
 * @returns what is left, with the reason: also what must not be sent again, a write that DAX did not answer
 * @throws Error for a failure that is not a passing one
 */
export async function inBatches<Entry>(
  entries: readonly Entry[],
  size: number,
  send: (chunk: Entry[], signal: AbortSignal) => Promise<Entry[]>,
  deadline: number,
): Promise<Map<Entry, LeftReason>> {
  const signal = AbortSignal.timeout(Math.max(0, deadline - Date.now()));
  let left = new Map(entries.map((entry): [Entry, LeftReason] => [entry, 'unprocessed']));
  const given = new Map<Entry, LeftReason>();
  for (let attempt = 0; left.size > 0; attempt++) {
    if (attempt > 0 && !(await backoff(attempt - 1, deadline))) break;
    const chunks = chunksOf([...left.keys()], size);
    const before = left;
    left = new Map();
    await Promise.all(
      Array.from({ length: CONCURRENT }, async () => {
        for (let chunk = chunks.shift(); chunk; chunk = chunks.shift()) {
          const remain = (entries: Entry[], reason?: LeftReason) => {
            for (const entry of entries) left.set(entry, reason ?? before.get(entry) ?? 'unprocessed');
          };
          try {
            remain(signal.aborted ? chunk : await send(chunk, signal));
          } catch (error) {
            // What the abort ends has no answer of DynamoDB's.
            const kind = signal.aborted && !awsError(error) ? 'unknown-outcome' : failureKind(error);
            if (kind === 'other') throw error;
            if (signal.aborted || mayRepeat(error)) remain(chunk, kind === 'throttled' ? undefined : kind);
            else for (const entry of chunk) given.set(entry, 'unknown-outcome');
          }
        }
      }),
    );
  }
  return new Map([...left, ...given]);
}

const chunksOf = <Entry>(entries: Entry[], size: number): Entry[][] =>
  Array.from({ length: Math.ceil(entries.length / size) }, (_, index) => entries.slice(index * size, (index + 1) * size));
