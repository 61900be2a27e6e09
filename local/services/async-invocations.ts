import type { Invoke } from './lambda';

/** Lambda tries an event three times by default. */
const TRIES = 3;

/** Lambda waits a minute, then two. Nobody would wait that long here. */
const WAITS_MS = [1_000, 2_000];

/**
 * Asynchronous invocations: the caller does not wait, and a function that fails is tried again.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
export class AsyncInvocations {
  private readonly pending = new Set<Promise<void>>();

  constructor(
    private readonly invokeOnce: Invoke,
    /** Told of an event that is dropped. */
    private readonly onFailure: (line: string) => void,
    private readonly wait = (ms: number) => new Promise<void>((done) => void setTimeout(done, ms).unref()),
  ) {}

  invoke(functionArn: string, payload: string): void {
    const running = this.run(functionArn, payload).finally(() => this.pending.delete(running));
    this.pending.add(running);
  }

  /** Resolves when no event is left to deliver. */
  async settled(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending);
  }

  private async run(functionArn: string, payload: string): Promise<void> {
    let reason = '';
    for (let tries = 1; tries <= TRIES; tries++) {
      try {
        const result = await this.invokeOnce(functionArn, payload);
        if ('payload' in result) return;
        reason = `${result.error.errorType}: ${result.error.errorMessage}`;
      } catch (error) {
        reason = String(error);
      }
      const pause = WAITS_MS[tries - 1];
      if (pause !== undefined) await this.wait(pause);
    }
    this.onFailure(`${functionArn} failed ${TRIES} times, and its event is dropped: ${reason}`);
  }
}
