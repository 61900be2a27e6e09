/** Aborts at the first of the signals, so that a tool ends in order; the second one ends it at once. */
export function stopOnSignals(...signals: NodeJS.Signals[]): AbortSignal {
  const stop = new AbortController();
  for (const signal of signals) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  }
  return stop.signal;
}
