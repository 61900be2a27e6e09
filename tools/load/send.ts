import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { isPassing } from './batches';
import type { ProductRow } from './rows';
import { networkTrouble, parsed, problemOf, unreachable } from '../answers';
import { NO_ADMIN, type TokenSource } from '../token';
import { UserError } from '../user-error';

/** Above the 30 s that an HTTP API waits for its function. */
const REQUEST_MS = 40_000;

/** Waits are of random length up to these: full jitter, so that requests refused together do not come back together. */
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;

/** Statuses that say nothing about the products. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

/** The store refuses the request as a whole: one of its products is at fault. */
const REFUSED = new Set([400, 413]);

/** A product may make the store fail. After so many times it is looked for, if other requests are taken meanwhile. */
const FAILURES_OF_ONE_REQUEST = 4;

const imported = z.object({
  written: z.int(),
  failed: z.array(z.object({ index: z.int(), reason: z.string() })),
});

export interface SenderOptions {
  url: string;
  tokens: TokenSource;
  /** How long no request need succeed before the load is given up. */
  patienceMs: number;
  /** No request is sent any more, and no wait goes on. */
  stop: AbortSignal;
  /** What the load waits for; undefined when it goes on. */
  onWait: (reason: string | undefined) => void;
}

/** A wait was cut short by a stop. */
export class Stopped extends Error {}

/** Sends products to the store's batch route, again and again where that may help. */
export class Sender {
  private reached = false;
  private lastProgress = Date.now();
  /** How many answers in a row left products unprocessed. */
  private busy = 0;

  constructor(private readonly options: SenderOptions) {}

  /**
   * @returns why rows were not written; those that were are not in it
   * @throws UserError when going on makes no sense @throws Stopped
   */
  async send(rows: ProductRow[], since = Date.now()): Promise<Map<ProductRow, string>> {
    if (this.busy > 0) await this.wait('the store leaves products unprocessed', this.busy, 0);
    const answer = await this.untilAnswered(`{"products":[${rows.map(({ json }) => json).join(',')}]}`, rows.length, since);
    if (answer.status === 200) return this.failures(rows, answer);
    const [first] = rows;
    if (rows.length === 1 && first) return new Map([[first, problemOf(answer)]]);
    const middle = Math.ceil(rows.length / 2);
    const halves = await Promise.all([this.send(rows.slice(0, middle), since), this.send(rows.slice(middle), since)]);
    return new Map(halves.flatMap((half) => [...half]));
  }

  private failures(rows: ProductRow[], { text }: Answer): Map<ProductRow, string> {
    const body = imported.safeParse(parsed(text));
    if (!body.success || body.data.written + body.data.failed.length !== rows.length) {
      throw new UserError(`${this.options.url} does not answer as the store does: ${text.slice(0, 200)}`);
    }
    const failures = new Map(
      body.data.failed.flatMap(({ index, reason }) => {
        const row = rows[index];
        return row ? [[row, reason] as const] : [];
      }),
    );
    const passing = [...failures.values()].filter(isPassing).length;
    this.busy = passing > 0 ? this.busy + 1 : 0;
    if (passing < rows.length) this.progress();
    return failures;
  }

  /** Sends until the store has taken or refused the request. */
  private async untilAnswered(body: string, rows: number, since: number): Promise<Answer> {
    const { url, tokens } = this.options;
    let renewed = false;
    for (let attempt = 0; ; attempt++) {
      let trouble: string;
      let atLeastMs = 0;
      try {
        const token = await tokens.current();
        const answer = await post(`${url}/products/batch`, token, body);
        this.reached = true;
        if (answer.status === 200) return answer;
        if (REFUSED.has(answer.status)) {
          this.progress();
          return answer;
        }
        if (answer.status === 401 && !renewed) {
          renewed = true;
          await tokens.renew(token);
          continue;
        }
        if (!PASSING.has(answer.status)) throw new UserError(refusal(url, answer));
        const atFault = rows > 1 || this.lastProgress > since;
        if (answer.status === 500 && attempt >= FAILURES_OF_ONE_REQUEST && atFault) return answer;
        trouble = `the store answers ${answer.status}, ${problemOf(answer)}`;
        atLeastMs = answer.retryAfterMs;
      } catch (error) {
        if (error instanceof UserError) throw error;
        trouble = networkTrouble(error, REQUEST_MS);
        if (!this.reached) throw new UserError(unreachable(url, trouble));
      }
      await this.wait(trouble, attempt, atLeastMs);
    }
  }

  private progress(): void {
    this.lastProgress = Date.now();
    this.options.onWait(undefined);
  }

  private async wait(trouble: string, attempt: number, atLeastMs: number): Promise<void> {
    const { patienceMs, stop, onWait } = this.options;
    const idle = Date.now() - this.lastProgress;
    if (idle > patienceMs) {
      throw new UserError(`Nothing was taken for ${Math.round(idle / 1_000)} s: ${trouble}`);
    }
    const ms = atLeastMs + Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
    onWait(`waiting ${(ms / 1_000).toFixed(1)} s: ${trouble}`);
    try {
      await sleep(ms, undefined, { signal: stop });
    } catch {
      throw new Stopped();
    }
  }
}

interface Answer {
  status: number;
  text: string;
  retryAfterMs: number;
}

async function post(url: string, token: string, body: string): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  return {
    status: response.status,
    text: await response.text(),
    retryAfterMs: seconds > 0 ? Math.min(seconds, 60) * 1_000 : 0,
  };
}

function refusal(url: string, answer: Answer): string {
  switch (answer.status) {
    case 401:
      return `${url} refuses the token that it issued (401). Is its clock right?`;
    case 403:
      return NO_ADMIN;
    case 404:
      return `${url} has no POST /products/batch (404). Is the --url right?`;
    default:
      return `${url} answers ${answer.status}: ${problemOf(answer)}`;
  }
}
