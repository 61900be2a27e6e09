import * as z from 'zod/mini';
import { isLoopback } from './token';

const problem = z.object({
  detail: z.optional(z.string()),
  message: z.optional(z.string()),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
});

/** What an answer says for a person: a problem's errors or detail, API Gateway's message, else its text. */
export function problemOf({ text, status }: { text: string; status: number }): string {
  const { data } = problem.safeParse(parsed(text));
  const errors = data?.errors?.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
  return errors || data?.detail || data?.message || text.slice(0, 200) || `status ${status}`;
}

/** Why a request got no answer, in a few words. @param withinMs how long it was waited for */
export function networkTrouble(error: unknown, withinMs: number): string {
  const { cause, message, name } = error as Error & { cause?: NodeJS.ErrnoException };
  return name === 'TimeoutError' ? `no answer within ${withinMs / 1_000} s` : (cause?.code ?? cause?.message ?? message);
}

/** What to do where no store answers. @param trouble as `networkTrouble` says it */
export function unreachable(url: string, trouble: string): string {
  const advice = isLoopback(url) ? 'Start the store with npm start, or name another one: --url URL' : 'Is the --url right?';
  return `No store answers at ${url} (${trouble}). ${advice}`;
}

/** A body as JSON; undefined where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
