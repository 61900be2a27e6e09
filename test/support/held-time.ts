import timers from 'node:timers/promises';

/**
 * Runs work on a clock that nothing moves but the pauses between its tries: a deadline comes after so many of them, and not
 * because the machine is busy. The pauses themselves take no time.
 */
export async function onHeldTime<Result>(work: () => Promise<Result>): Promise<Result> {
  let now = Date.now();
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => now);
  const pauses = jest.spyOn(timers, 'setTimeout').mockImplementation((async (ms = 0) => {
    now += Math.ceil(ms);
    await timers.setImmediate();
  }) as typeof timers.setTimeout);
  try {
    return await work();
  } finally {
    pauses.mockRestore();
    clock.mockRestore();
  }
}
