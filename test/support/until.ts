/** Asks again and again until the answer is as it must be. @returns the last answer, for a test to compare, when it never is */
export async function until<Value>(ask: () => Promise<Value>, holds: (value: Value) => unknown, ms = 10_000): Promise<Value> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await ask();
    if (holds(value) || Date.now() > deadline) return value;
    await new Promise((done) => setTimeout(done, 10));
  }
}
