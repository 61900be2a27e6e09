import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BatchLimits, Batches } from './batches';
import { type Checkpoint, readCheckpoint, removeCheckpoint } from './checkpoint';
import { Ledger } from './ledger';
import { START } from './lines';
import { count, showProgress } from './progress';
import { openRows, type Row } from './rows';
import { Sender, Stopped } from './send';
import type { Source } from './source';
import type { TokenSource } from '../token';
import { UserError } from '../user-error';

/** Requests under way at a time. */
const PARALLEL = 4;

/** How long requests under way may take after a stop. */
const GRACE_MS = 5_000;

export interface LoadOptions {
  source: Source;
  url: string;
  tokens: TokenSource;
  limits: BatchLimits;
  /** Where the checkpoint and the failed rows are kept; beside the file unless given. */
  folder: string | undefined;
  /** Begins at the start, whatever the checkpoint says. */
  restart: boolean;
  /** How long no request need succeed before the load is given up. */
  patienceMs: number;
  /** Ends the load before its end. */
  interrupt: AbortSignal;
  print: (line: string) => void;
}

/**
 * Loads the rows of a file that are not loaded yet.
 * @returns the exit code: 0 when all are written, 1 when some failed, 130 when it was interrupted
 * @throws UserError when it cannot go on; what is loaded is kept
 */
export async function load(options: LoadOptions): Promise<number> {
  const { source, print } = options;
  const folder = options.folder ?? dirname(source.path);
  requireWritable(folder);
  const files = { checkpoint: join(folder, `${source.name}.load.json`), failures: join(folder, `${source.name}.failed.jsonl`) };
  const begin = whereToBegin(files.checkpoint, options);
  const ledger = new Ledger(files, begin);
  const isDone = await run(options, ledger, await openRows(source, begin.position));

  const { written, failed, firstFailures } = ledger.now;
  if (!isDone) {
    print(`Interrupted after ${count(written + failed)} rows; run the same command again to go on.`);
    return 130;
  }
  ledger.close();
  print(`${count(written + failed)} rows: ${count(written)} written, ${count(failed)} failed${failed > 0 ? ` (${files.failures})` : ''}`);
  for (const { line, reason } of firstFailures) print(`  line ${line}: ${reason}`);
  if (failed > firstFailures.length) print(`  and ${count(failed - firstFailures.length)} more`);
  return failed === 0 ? 0 : 1;
}

/** @throws UserError */
function requireWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`The folder ${folder} cannot be written to (${code}). Keep the load's state elsewhere: --state DIR`);
  }
}

function whereToBegin(file: string, { source: { fingerprint, name }, url, restart, print }: LoadOptions): Checkpoint {
  const last = readCheckpoint(file);
  const why =
    last?.fingerprint !== fingerprint
      ? `${name} has changed since its last load stopped`
      : last.url !== url
        ? `The last load of ${name} went to ${last.url}`
        : undefined;
  if (last && !why && !restart) {
    print(`Going on after ${count(last.written + last.failed)} rows of ${name}, where its last load stopped.`);
    return last;
  }
  if (last && why && !restart) print(`${why}: beginning at the start.`);
  removeCheckpoint(file);
  return { fingerprint, url, position: START, written: 0, failed: 0, failedBytes: 0, firstFailures: [] };
}

/** @returns whether all rows are settled @throws UserError */
async function run(options: LoadOptions, ledger: Ledger, rows: AsyncIterator<Row>): Promise<boolean> {
  const { source, url, tokens, limits, patienceMs, interrupt } = options;
  const stop = new AbortController();
  const progress = showProgress(source, () => ledger.now);
  const batches = new Batches(rows, ledger, limits);
  const sender = new Sender({ url, tokens, patienceMs, stop: stop.signal, onWait: progress.waits });
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    try {
      for (let batch = await batches.next(); batch; batch = await batches.next()) {
        batches.settle(batch, await sender.send(batch));
      }
    } catch (error) {
      if (!(error instanceof Stopped)) failures.push(error);
      stop.abort();
    }
  };
  const grace = new Promise<void>((over) => {
    stop.signal.addEventListener('abort', () => {
      batches.stop();
      setTimeout(over, GRACE_MS).unref();
    });
  });
  const onInterrupt = () => {
    progress.waits('stopping, after the requests under way');
    stop.abort();
  };
  if (interrupt.aborted) onInterrupt();
  else interrupt.addEventListener('abort', onInterrupt);
  await Promise.race([Promise.all(Array.from({ length: PARALLEL }, work)), grace]);
  progress.end();
  const [failure] = failures;
  if (failure !== undefined) throw withProgress(failure, ledger);
  return batches.areDone;
}

function withProgress(failure: unknown, ledger: Ledger): unknown {
  const { written, failed } = ledger.now;
  if (!(failure instanceof UserError) || written + failed === 0) return failure;
  return new UserError(`${failure.message}\n${count(written + failed)} rows are done; run the same command again to go on.`);
}
