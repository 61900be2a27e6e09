import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../user-error';

const THROTTLED = ['ProvisionedThroughputExceededException', 'LimitExceededException', 'ThrottlingException', 'RequestLimitExceeded'];
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/** A wait that is shorter is nobody's concern. */
const SILENT_MS = 1_000;

interface PatienceOptions {
  /** Ends every call and every wait. */
  stop: AbortSignal;
  status(line: string): void;
  /** Before a call is sent again: the service may have come back at another address. */
  beforeRetry?(): Promise<void>;
}

/** Sends a call until it is answered. @param what is waited for, for people */
export type Patiently = <Output>(what: string, send: (stop: AbortSignal) => Promise<Output>) => Promise<Output>;

/** The call, or the wait for it, was ended by `stop`. */
export class Stopped extends Error {}

/**
 * Makes calls that outlast throttling, a service that fails and one that is away, for ever: after the SDK's retries come
 * waits that grow, with jitter. When that takes over a second, a line tells so, once for all calls that wait.
 *
 * A call throws Stopped, the service's error when it is of a kind that `expected` names, and else a UserError.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */
export function patience({ stop, status, beforeRetry }: PatienceOptions, expected: readonly string[]): Patiently {
  let waiting = 0;
  return async (what, send) => {
    let reason = 'no answer yet';
    let isSaid = false;
    const timer = setTimeout(() => {
      isSaid = true;
      if (waiting++ === 0) status(`waiting for ${what}: ${reason}`);
    }, SILENT_MS);
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          return await send(stop);
        } catch (error) {
          if (stop.aborted) throw new Stopped();
          if (!isTransient(error)) throw isExpected(error, expected) ? error : refusal(what, error);
          reason = text(error);
        }
        const wait = Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS);
        await sleep(wait * (0.5 + Math.random() / 2), undefined, { signal: stop }).catch(() => {
          throw new Stopped();
        });
        await beforeRetry?.();
      }
    } finally {
      clearTimeout(timer);
      if (isSaid && --waiting === 0 && !stop.aborted) status('going on');
    }
  };
}

interface ServiceError extends Error {
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

/** Throttling, a fault of the service, or none that answers: the same call may succeed later. */
function isTransient(error: unknown): boolean {
  const { name, code, $metadata } = error as ServiceError;
  const status = $metadata?.httpStatusCode;
  if (THROTTLED.includes(name) || status === 429) return true;
  if (status !== undefined) return status >= 500;
  return name === 'TimeoutError' || /^E(?!RR_)[A-Z_]+$/.test(code ?? '');
}

const isExpected = (error: unknown, expected: readonly string[]) => expected.includes((error as Error).name);

/** Neither waiting nor reading on helps: missing permissions or credentials, or a wrong request. */
const refusal = (what: string, error: unknown) => new UserError(`The call for ${what} is refused: ${text(error)}`);

function text(error: unknown): string {
  const { name, message, code } = error as ServiceError;
  // Node's error for several addresses that refuse has no message.
  return message ? `${name === 'Error' ? '' : `${name}: `}${message}` : (code ?? name);
}
