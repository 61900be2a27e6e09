import { AsyncLocalStorage } from 'node:async_hooks';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { callKind } from './consumed-capacity';

/** What became of the writes that some work sent. Each try of the SDK counts: it shows the error of the last one only. */
export interface SentWrites {
  /** DynamoDB answered one with success. */
  done: boolean;
  /** One had no answer, or a 5xx: it may have been done, whatever a later try was told. */
  unanswered: boolean;
  /** How many have no answer yet. */
  pending: number;
  /** The work that this one is a part of, such as the request of a transaction. */
  readonly within: SentWrites | undefined;
}

const current = new AsyncLocalStorage<SentWrites>();

/** Runs work, and tells it what became of the writes that it sends. */
export function watchingWrites<Result>(work: (writes: SentWrites) => Result): Result {
  const writes: SentWrites = { done: false, unanswered: false, pending: 0, within: current.getStore() };
  return current.run(writes, () => work(writes));
}

/** Whether some write of the work was done, or may have been. */
export const mayBeDone = ({ done, unanswered, pending }: SentWrites): boolean => done || unanswered || pending > 0;

/** Notes one try of a write, just before it is sent. @returns to be called with its end */
export function noteWrite(): (end: 'done' | 'not-done' | 'unanswered') => void {
  const works: SentWrites[] = [];
  for (let work = current.getStore(); work; work = work.within) works.push(work);
  for (const work of works) work.pending++;
  return (end) => {
    for (const work of works) {
      work.pending--;
      work.done ||= end === 'done';
      work.unanswered ||= end === 'unanswered';
    }
  };
}

/** Makes the client note each try of each write. */
export function noteWrites(client: DynamoDBClient): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (callKind(context, args.input) !== 'write') return next(args);
      const ended = noteWrite();
      try {
        const result = await next(args);
        ended('done');
        return result;
      } catch (error) {
        const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
        ended((status !== undefined && status < 500) || hadNoConnection(error) ? 'not-done' : 'unanswered');
        throw error;
      }
    },
    // The SDK's retries are of the same step and high priority, so they are around it.
    { name: 'noteWrites', step: 'finalizeRequest', priority: 'low', override: true },
  );
}

/** Whether a try failed before it had a connection, so that nothing was sent: a name not found, refused, or not in time. */
export function hadNoConnection(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(hadNoConnection);
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall === 'connect' || syscall === 'getaddrinfo' || connectionTimedOut(error);
}

/** The SDK's handler tells this time-out from that of the answer by its words only; a test holds them. */
export const connectionTimedOut = (error: unknown): boolean =>
  error instanceof Error && error.name === 'TimeoutError' && error.message.includes('did not establish a connection');
