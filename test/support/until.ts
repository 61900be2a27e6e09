/**
 * How long a test waits for what must happen, in milliseconds. It is no limit on how fast anything is: a wait ends with its
 * condition, and this ends a test that waits in vain, also on a machine that is busy with other things.
 */
export const PATIENCE_MS = 60_000;

/** Asks again and again until the answer is as it must be. @returns the last answer, for a test to compare, when it never is */
export async function until<Value>(ask: () => Promise<Value> | Value, holds: (value: Value) => unknown, ms = PATIENCE_MS): Promise<Value> {
  const deadline = performance.now() + ms;
  for (;;) {
    const value = await ask();
    if (holds(value) || performance.now() > deadline) return value;
    await new Promise((done) => setTimeout(done, 10));
  }
}

/**
 * Repeats expectations until they hold: for a state that comes a moment later. The condition of the wait and of the test are
 * the same one, so no state on the way there ends the wait.
 * @throws what did not hold at the last time, when they never do
 */
export async function eventually<Value>(expectations: () => Promise<Value> | Value): Promise<Value> {
  const attempt = async () => {
    try {
      return { value: await expectations() };
    } catch (error) {
      return { error };
    }
  };
  const last = await until(attempt, (outcome) => 'value' in outcome);
  if ('error' in last) throw last.error;
  return last.value as Value;
}
