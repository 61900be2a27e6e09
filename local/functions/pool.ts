import type { Invocation, InvocationResult, LocalFunction, RunningEnvironment } from './environment';

/** Lambda's limit on what a synchronous invocation takes and answers. */
export const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024;

const IDLE_MS = 5 * 60 * 1_000;

/** About as long as an environment takes to start. */
const GROW_AFTER_MS = 200;

/** How many execution environments a function has. */
export interface PoolSize {
  /** Started as soon as requests come at once. */
  soon: number;
  /**
   * Started while requests wait: those before them wait for DynamoDB then, as when it throttles, and leave the cores
   * free.
   */
  most: number;
}

/**
 * The execution environments of one function. Lambda would start one for every concurrent request; here their number is
 * capped, and further requests wait their turn.
 */
export class Pool {
  private readonly idle: { environment: RunningEnvironment; since: number }[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly all = new Set<RunningEnvironment>();
  private busy = 0;
  private stopped = false;
  private readonly reaper: NodeJS.Timeout;

  constructor(
    readonly fn: LocalFunction,
    private readonly size: PoolSize,
    private readonly start: (fn: LocalFunction) => RunningEnvironment,
  ) {
    this.reaper = setInterval(() => this.endIdle(Date.now() - IDLE_MS), IDLE_MS / 5).unref();
  }

  /** Invokes the function when an environment is free. An answer above Lambda's limit is an error, as on Lambda. */
  async invoke(invocation: Invocation): Promise<InvocationResult> {
    if (this.busy >= this.size.soon) await this.place();
    else this.busy++;
    if (this.stopped) return { error: { errorType: 'Runtime.Stopped', errorMessage: 'The platform is stopping' } };
    let environment: RunningEnvironment | undefined;
    try {
      environment = this.takeIdle() ?? this.create();
      const result = await environment.invoke(invocation);
      return 'payload' in result && Buffer.byteLength(result.payload) > MAX_PAYLOAD_BYTES
        ? { error: { errorType: 'Function.ResponseSizeTooLarge', errorMessage: 'Response payload size exceeded 6 MB' } }
        : result;
    } finally {
      if (environment?.usable) this.idle.push({ environment, since: Date.now() });
      else if (environment) this.all.delete(environment);
      // The place is handed on, so that nobody who comes now takes it first.
      const next = this.waiting.shift();
      if (next) next();
      else this.busy--;
    }
  }

  /** Starts an environment that waits for the first invocation: of a function that somebody is sure to invoke. */
  warm(): void {
    if (this.all.size === 0) this.idle.push({ environment: this.create(), since: Date.now() });
  }

  /** Ends all environments. What waits is answered with an error. */
  stop(): void {
    this.stopped = true;
    for (const go of this.waiting.splice(0)) go();
    clearInterval(this.reaper);
    for (const environment of this.all) environment.stop();
  }

  /** Resolves when a place is free, or when there may be one more. */
  private place(): Promise<void> {
    return new Promise((go) => {
      const turn = () => {
        clearTimeout(growing);
        go();
      };
      const growing = setTimeout(() => {
        if (this.busy >= this.size.most) return;
        this.waiting.splice(this.waiting.indexOf(turn), 1);
        this.busy++;
        go();
      }, GROW_AFTER_MS);
      this.waiting.push(turn);
    });
  }

  /** The environment used last, so that the others grow idle and end. One may have crashed since. */
  private takeIdle(): RunningEnvironment | undefined {
    for (;;) {
      const environment = this.idle.pop()?.environment;
      if (!environment || environment.usable) return environment;
      this.all.delete(environment);
    }
  }

  private create(): RunningEnvironment {
    const environment = this.start(this.fn);
    this.all.add(environment);
    return environment;
  }

  private endIdle(before: number): void {
    while (this.idle[0] && this.idle[0].since < before) {
      const { environment } = this.idle.shift() as { environment: RunningEnvironment };
      environment.stop();
      this.all.delete(environment);
    }
  }
}
