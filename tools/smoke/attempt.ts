import { setTimeout as sleep } from 'node:timers/promises';
import { problemOf } from '../answers';
import { holds } from './expected';
import type { Run } from './run';
import type { Step } from './steps';
import { type Answer, member, NoAnswer, type StoreClient, target } from './store-client';

/** Waits are of random length up to these. */
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/** A wait that is shorter is nobody's concern. */
export const SILENT_MS = 1_000;

/** How much of an answer is shown. */
const SHOWN = 300;

export interface Outcome {
  result: 'passed' | 'failed' | 'interrupted';
  /** The status; undefined where nothing answered. */
  status: number | undefined;
  ms: number;
  /** The answer, or why there was none, for people. */
  came: string;
}

export interface AttemptOptions {
  client: StoreClient;
  /** How long what is eventually consistent may take. */
  patienceMs: number;
  /** Ends the waiting. */
  interrupt: AbortSignal;
  /** Told once, when it takes over a second. */
  onWait: (came: string) => void;
}

/**
 * Asks until the answer is as expected, or cannot become so. Streams, global indexes and the replicas of other regions
 * follow a moment later, so a read that lacks something, and what is not found, are asked again.
 */
export async function attempt(step: Step, run: Run, { client, patienceMs, interrupt, onWait }: AttemptOptions): Promise<Outcome> {
  const started = performance.now();
  const expected = step.expect(run);
  const isExpected = ({ status, body }: Answer) => expected.some((one) => one.status === status && holds(one.body ?? {}, body ?? {}));
  let came = 'no answer yet';
  const timer = setTimeout(() => onWait(came), SILENT_MS);
  try {
    for (let again = 0; ; again++) {
      const answer = await ask(step, run, client, isExpected);
      const ms = performance.now() - started;
      if (answer instanceof NoAnswer) return { result: 'failed', status: undefined, ms, came: `no answer: ${answer.message}` };
      const { status } = answer;
      came = told(answer);
      if (isExpected(answer)) {
        step.learn?.(run, answer);
        return { result: 'passed', status, ms, came };
      }
      if (!mayBecomeRight(step, answer) || ms >= patienceMs) return { result: 'failed', status, ms, came };
      const wait = retryAfterMs(answer) + Math.min(FIRST_WAIT_MS * 2 ** again, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
      await sleep(Math.min(wait, patienceMs - ms), undefined, { signal: interrupt }).catch(() => undefined);
      if (interrupt.aborted) return { result: 'interrupted', status, ms: performance.now() - started, came };
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The answer, with the items of as many pages as it takes. */
async function ask(step: Step, run: Run, client: StoreClient, isEnough: (answer: Answer) => boolean): Promise<Answer | NoAnswer> {
  const sent = step.send?.(run) ?? {};
  try {
    let answer = await client.send(step.route, sent);
    for (;;) {
      const cursor = member(answer.body, 'cursor');
      if (answer.status !== 200 || typeof cursor !== 'string' || isEnough(answer)) return answer;
      const next = await client.send(step.route, { ...sent, query: { ...sent.query, cursor } });
      if (next.status !== 200) return next;
      const items = [answer, next].flatMap(({ body }) => (member(body, 'items') ?? []) as unknown[]);
      answer = { ...next, body: { items, cursor: member(next.body, 'cursor') } };
    }
  } catch (error) {
    if (error instanceof NoAnswer) return error;
    throw error;
  }
}

function mayBecomeRight({ route }: Step, { status, body }: Answer): boolean {
  const type = member(body, 'type');
  // Nothing was done: API Gateway's limit, and a function's own answers that say so.
  if (status === 429 || NOTHING_DONE.includes(type)) return true;
  // A function's own 404; API Gateway's, for a route that there is not, has no type.
  if (status === 404) return type !== undefined;
  return route.startsWith('GET ') && (status === 200 || status === 503);
}

const NOTHING_DONE: unknown[] = ['throttled', 'unavailable', 'home-region-unavailable'];

const retryAfterMs = ({ headers }: Answer): number => Math.min(Number(headers.get('retry-after') ?? 0) || 0, 10) * 1_000;

function told(answer: Answer): string {
  const text = answer.status >= 400 && member(answer.body, 'lines') === undefined ? problemOf(answer) : answer.text;
  const line = text.replace(/\s+/g, ' ');
  return `${answer.status}${line === '' ? '' : ` ${line.slice(0, SHOWN)}${line.length > SHOWN ? '…' : ''}`}`;
}

/** The request of a step, for people. */
export function requestLine(step: Step, run: Run): string {
  const { method, path } = target(step.route, step.send?.(run) ?? {});
  return `${method} ${path}`;
}
