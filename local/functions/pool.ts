import { Environment, type Invocation, type InvocationResult, type LocalFunction } from './environment';

/** Lambda's limit on what a synchronous invocation takes and answers. */
export const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024;

const IDLE_MS = 5 * 60 * 1_000;

/**
 * The execution environments of one function. Lambda would start one for every concurrent request; here at most
 * `size` run, and further requests wait their turn.
 */
export class Pool {
  private readonly idle: { environment: Environment; since: number }[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly all = new Set<Environment>();
  private busy = 0;
  private stopped = false;
  private readonly reaper: NodeJS.Timeout;

  constructor(
    readonly fn: LocalFunction,
    private readonly size: number,
    private readonly start: (fn: LocalFunction) => Environment,
  ) {
    this.reaper = setInterval(() => this.endIdle(Date.now() - IDLE_MS), IDLE_MS / 5).unref();
  }

  /** Invokes the function when an environment is free. An answer above Lambda's limit is an error, as on Lambda. */
  async invoke(invocation: Invocation): Promise<InvocationResult> {
    if (this.busy >= this.size) await new Promise<void>((go) => this.waiting.push(go));
    else this.busy++;
    if (this.stopped) return { error: { errorType: 'Runtime.Stopped', errorMessage: 'The platform is stopping' } };
    let environment: Environment | undefined;
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

  /** Ends all environments. What waits is answered with an error. */
  stop(): void {
    this.stopped = true;
    for (const go of this.waiting.splice(0)) go();
    clearInterval(this.reaper);
    for (const environment of this.all) environment.stop();
  }

  /** The environment used last, so that the others grow idle and end. One may have crashed since. */
  private takeIdle(): Environment | undefined {
    for (;;) {
      const environment = this.idle.pop()?.environment;
      if (!environment || environment.usable) return environment;
      this.all.delete(environment);
    }
  }

  private create(): Environment {
    const environment = this.start(this.fn);
    this.all.add(environment);
    return environment;
  }

  private endIdle(before: number): void {
    while (this.idle[0] && this.idle[0].since < before) {
      const { environment } = this.idle.shift() as { environment: Environment };
      environment.stop();
      this.all.delete(environment);
    }
  }
}
