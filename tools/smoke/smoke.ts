import { ulid } from 'ulid';
import { TOKEN_REFUSED } from '../token';
import { attempt, type AttemptOptions, requestLine, SILENT_MS } from './attempt';
import { cleanUp, endFault } from './clean-up';
import { shown } from './expected';
import { preflight } from './preflight';
import type { Run } from './run';
import { type Step, STEPS } from './steps';

export interface SmokeOptions {
  url: string;
  /** Undefined for one that a store on this machine issues. */
  token: string | undefined;
  /** Leaves what it made. */
  keep: boolean;
  /** How long what is eventually consistent may take, of each step. */
  patienceMs: number;
  /** How long a store that fails may keep the clean-up waiting. */
  cleanUpMs: number;
  /** Ends the run after the step under way. */
  interrupt: AbortSignal;
  print: (line: string) => void;
}

/**
 * Runs the steps of the tour against a store, up to the first that fails, and deletes what they made.
 * @returns the exit code: 0 when all passed and nothing is left, 1 when not, 130 when it was interrupted
 * @throws UserError before anything is made
 */
export async function smoke({ url, token, keep, patienceMs, cleanUpMs, interrupt, print }: SmokeOptions): Promise<number> {
  const started = performance.now();
  const { client, run, isLocal, now } = await preflight(url, token, ulid());
  print(`${url}${isLocal ? ', on this machine' : ''}, as ${run.sub}`);
  print(`What this run makes is named ${run.name}.`);
  let doing = `Stopping after this step${keep ? '' : ', then deleting what was made'}`;
  const onInterrupt = () => print(`${doing}. Ctrl-C again ends it at once, and leaves what is named ${run.name}.`);
  interrupt.addEventListener('abort', onInterrupt, { once: true });

  const counts = await runSteps(run, isLocal, print, { client, patienceMs, interrupt });
  const wasInterrupted = interrupt.aborted;
  doing = 'Deleting what was made';
  const timer = setTimeout(() => print(`  ${doing.toLowerCase()}`), SILENT_MS);
  const { deleted, left } = keep ? { deleted: [], left: await endFault(run, client) } : await cleanUp(run, client, now, cleanUpMs);
  clearTimeout(timer);

  const told = Object.entries(counts).flatMap(([what, count]) => (count === 0 && what !== 'passed' ? [] : [`${count} ${what}`]));
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  const fate = keep ? 'Nothing was deleted.' : `Deleted: ${deleted.join(', ') || 'nothing'}.`;
  print(`${wasInterrupted ? 'Interrupted' : counts.failed > 0 ? 'Failed' : 'Passed'}: ${told.join(', ')}, in ${seconds} s. ${fate}`);
  for (const what of keep ? run.made : []) print(`Kept: ${what}`);
  for (const what of left) print(`Left behind: ${what}`);
  if (wasInterrupted) return 130;
  return counts.failed > 0 || left.length > 0 ? 1 : 0;
}

async function runSteps(run: Run, isLocal: boolean, print: (line: string) => void, options: Omit<AttemptOptions, 'onWait'>) {
  const counts = { passed: 0, failed: 0, skipped: 0, 'not run': STEPS.length };
  for (const step of STEPS) {
    if (counts.failed > 0 || options.interrupt.aborted) break;
    const reason = skipReason(step, run, isLocal);
    if (reason !== undefined) {
      counts.skipped++;
      print(line('-', step, `skipped: ${reason}`));
    } else {
      run.begun.add(step.route);
      const onWait = (came: string) => print(`  waiting for ${step.name}; so far: ${came}`);
      const { result, status, ms, came } = await attempt(step, run, { ...options, onWait });
      if (result === 'interrupted') break;
      counts[result]++;
      print(line(result === 'passed' ? '✓' : '✗', step, `${status ?? '   '}${`${Math.round(ms)} ms`.padStart(10)}`));
      if (result === 'failed') {
        print(`    request   ${requestLine(step, run)}`);
        print(`    came      ${came}`);
        print(`    expected  ${step.expect(run).map(shown).join(', or ')}`);
        if (status === 401) print(`    ${TOKEN_REFUSED}`);
      }
      const made = result === 'passed' ? step.makes?.(run) : undefined;
      if (made !== undefined) run.made.push(made);
    }
    counts['not run']--;
  }
  return counts;
}

function skipReason({ route, skip }: Step, run: Run, isLocal: boolean): string | undefined {
  return !isLocal && route.includes(' /_local/') ? 'only on a store on this machine' : skip?.(run);
}

const NAME_WIDTH = Math.max(...STEPS.map(({ name }) => name.length));

const line = (mark: string, { name }: Step, rest: string) => `${mark} ${name.padEnd(NAME_WIDTH)}  ${rest}`;
