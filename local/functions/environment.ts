import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** A Lambda function of the assembly, ready to run. */
export interface LocalFunction {
  /** The flow's name. */
  name: string;
  functionName: string;
  arn: string;
  handler: string;
  runtime: string;
  architectures: readonly string[];
  /** The bundle's folder. */
  folder: string;
  memoryMb: number;
  timeoutMs: number;
  region: string;
  accessKeyId: string;
  variables: Readonly<Record<string, string>>;
}

/** An execution environment as a pool sees it. */
export type RunningEnvironment = Pick<Environment, 'usable' | 'invoke' | 'stop'>;

/** What an invocation came to, as Lambda's Invoke API tells it. */
export type InvocationResult = ({ payload: string } | { error: FunctionError }) & {
  /** What it printed, where that was asked for. */
  log?: string;
};

export interface FunctionError {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}

export interface Invocation {
  requestId: string;
  traceId: string;
  /** The event as JSON. */
  event: string;
  clockOffset: number;
  /** Ends the process when it aborts, whatever the function is at. */
  kill?: AbortSignal;
  /** Whether the result is to have what the function prints. */
  tail?: boolean;
}

type Message =
  | { type: 'ready' }
  | { type: 'init-error'; error: FunctionError }
  | { type: 'result'; requestId: string; payload: string }
  | { type: 'error'; requestId: string; error: FunctionError };

const BOOTSTRAP = join(__dirname, 'bootstrap.mjs');

/** Lambda ends an initialisation after ten seconds. */
const INIT_TIMEOUT_MS = 10_000;

/**
 * One execution environment: a process of its own, in the folder of the bundle, with the template's variables and
 * Lambda's, and none of this machine's. It serves one invocation at a time.
 */
export class Environment {
  private readonly child: ChildProcess;
  private readonly ready: Promise<FunctionError | undefined>;
  /** Resolves when its process has ended. */
  readonly ended: Promise<FunctionError>;
  private answer: ((result: InvocationResult) => void) | undefined;
  private hasEnded = false;
  /** What it printed since the end of an invocation. */
  private printed: string[] = [];
  private onEnd: ((requestId: string, printed: string[]) => void) | undefined;

  constructor(
    private readonly fn: LocalFunction,
    /** The endpoints of the services, by the variable that the SDK reads. */
    endpoints: Readonly<Record<string, string>>,
    onOutput: (fn: LocalFunction, text: string) => void,
  ) {
    this.child = fork(BOOTSTRAP, [], {
      cwd: fn.folder,
      env: environmentOf(fn, endpoints),
      execArgv: [`--max-old-space-size=${Math.floor(fn.memoryMb * 0.9)}`],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (!stream) continue;
      eachLine(stream, (line) => {
        // The bootstrap prints it behind the last line of an invocation.
        if (line.startsWith('\u0004')) return this.onEnd?.(line.slice(1).trim(), this.printed.splice(0));
        this.printed.push(line);
        onOutput(fn, line);
      });
    }
    this.ended = new Promise((done) => {
      this.child.on('error', (error) => done({ errorType: 'Runtime.ExitError', errorMessage: error.message }));
      this.child.on('exit', (code, signal) => {
        this.hasEnded = true;
        done({ errorType: 'Runtime.ExitError', errorMessage: `Runtime exited with ${signal ?? `status ${code}`}` });
      });
    });
    let loaded: (error: FunctionError | undefined) => void;
    const load = new Promise<FunctionError | undefined>((done) => (loaded = done));
    this.child.on('message', (message: Message) => {
      if (message.type === 'ready') loaded(undefined);
      else if (message.type === 'init-error') loaded(message.error);
      else this.answer?.(message.type === 'result' ? { payload: message.payload } : { error: message.error });
    });
    this.ready = Promise.race([load, this.ended, after(INIT_TIMEOUT_MS, 'Init')]);
  }

  /** Whether it can serve another invocation. */
  get usable(): boolean {
    return !this.hasEnded;
  }

  /** Runs one invocation. An environment that did not load, crashed or ran out of time is not usable afterwards. */
  async invoke({ requestId, traceId, event, clockOffset, kill, tail = false }: Invocation): Promise<InvocationResult> {
    const failure = await this.ready;
    if (failure) {
      this.stop();
      return { error: failure };
    }
    const answered = new Promise<InvocationResult>((done) => (this.answer = done));
    const printed = new Promise<string[]>((done) => {
      this.onEnd = (id, lines) => id === requestId && done(lines);
    });
    const began = Date.now();
    const deadline = began + this.fn.timeoutMs;
    this.child.send({ requestId, traceId, event, deadline, clockOffset });
    const late = after(this.fn.timeoutMs, 'Task');
    const stop = () => this.stop();
    kill?.addEventListener('abort', stop);
    if (kill?.aborted) stop();
    const result = await Promise.race([answered, this.ended.then((error) => ({ error })), late.then((error) => ({ error }))]);
    late.cancel();
    kill?.removeEventListener('abort', stop);
    if ('error' in result && result.error.errorType.startsWith('Runtime.')) this.stop();
    if (!tail) return result;
    const lines = await Promise.race([printed, this.ended.then(() => this.printed)]);
    const report = `Duration: ${Date.now() - began} ms\tMemory Size: ${this.fn.memoryMb} MB`;
    const log = [`START RequestId: ${requestId} Version: $LATEST\n`, ...lines, `END RequestId: ${requestId}\n`, `REPORT RequestId: ${requestId}\t${report}\n`];
    return { ...result, log: log.join('') };
  }

  stop(): void {
    this.hasEnded = true;
    this.child.kill('SIGKILL');
  }
}

/** Whole lines: several environments of a function print at once, and a pipe ends its pieces anywhere. */
function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let begun = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (begun + text).split('\n');
    begun = lines.pop() ?? '';
    for (const line of lines) onLine(`${line}\n`);
  });
  stream.on('end', () => {
    if (begun !== '') onLine(begun);
  });
}

function after(ms: number, what: string): Promise<FunctionError> & { cancel(): void } {
  let timer: NodeJS.Timeout;
  const promise = new Promise<FunctionError>((done) => {
    timer = setTimeout(
      () => done({ errorType: 'Runtime.Timeout', errorMessage: `${what} timed out after ${(ms / 1_000).toFixed(2)} seconds` }),
      ms,
    );
    timer.unref();
  });
  return Object.assign(promise, { cancel: () => clearTimeout(timer) });
}

/** Lambda's variables win over the template's, and the endpoints of this machine over both. */
function environmentOf(fn: LocalFunction, endpoints: Readonly<Record<string, string>>): Record<string, string> {
  return {
    ...fn.variables,
    AWS_ACCESS_KEY_ID: fn.accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_REGION: fn.region,
    AWS_DEFAULT_REGION: fn.region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${fn.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: fn.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.functionName}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    LAMBDA_TASK_ROOT: fn.folder,
    LOCAL_FUNCTION_ARN: fn.arn,
    _HANDLER: fn.handler,
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    // Without a home the SDK would look into the developer's, and follow what ~/.aws/config says of endpoints.
    HOME: '/nonexistent',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    // Node 20 runs here what Node 24 runs in Lambda, so the SDK's notice on Node 20 says nothing about the functions.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    ...endpoints,
  };
}
