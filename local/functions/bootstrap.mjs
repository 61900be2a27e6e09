// Runs inside each execution environment, as Lambda's runtime does: loads the handler, then serves one invocation at a
// time over IPC. Plain JavaScript, since it must start fast and be loaded by nothing.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {object} Invoke
 * @property {string} requestId
 * @property {string} traceId
 * @property {string} event JSON
 * @property {number} deadline epoch milliseconds of the machine's clock
 * @property {number} clockOffset milliseconds that the function's time is ahead of the machine's
 */

const RealDate = Date;
let clockOffset = 0;

/** Moves `Date` ahead. Timers keep the machine's pace. */
function setClock(/** @type {number} */ offset) {
  if (offset === clockOffset) return;
  clockOffset = offset;
  const now = () => RealDate.now() + clockOffset;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, property) => (property === 'now' ? now : Reflect.get(target, property)),
  });
}

/** Errors in the shape in which Lambda reports them. */
function describe(/** @type {unknown} */ error) {
  return error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };
}

const send = (/** @type {object} */ message) => process.send?.(message);

const [file = '', exportName = ''] = (process.env._HANDLER ?? '').split('.');
/** @type {(event: unknown, context: object) => Promise<unknown>} */
let handler;

async function load() {
  const module = await import(pathToFileURL(join(process.cwd(), `${file}.mjs`)).href);
  handler = module[exportName];
  if (typeof handler !== 'function') throw new Error(`${file}.mjs exports no function ${exportName}`);
}

async function invoke(/** @type {Invoke} */ { requestId, traceId, event, deadline, clockOffset }) {
  process.env._X_AMZN_TRACE_ID = traceId;
  setClock(clockOffset);
  const { env } = process;
  try {
    const result = await handler(JSON.parse(event), {
      awsRequestId: requestId,
      callbackWaitsForEmptyEventLoop: true,
      functionName: env.AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: '$LATEST',
      invokedFunctionArn: env.LOCAL_FUNCTION_ARN,
      logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
      memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      getRemainingTimeInMillis: () => Math.max(0, deadline - RealDate.now()),
    });
    send({ type: 'result', requestId, payload: JSON.stringify(result) ?? 'null' });
  } catch (error) {
    send({ type: 'error', requestId, error: describe(error) });
  }
  // Behind the last line that it printed: the platform hears the result on another way, and may do so before.
  process.stdout.write(`\u0004${requestId}\n`);
}

// The platform is gone, perhaps killed: nothing may outlive it.
process.on('disconnect', () => process.exit(0));
process.on('message', (message) => void invoke(/** @type {Invoke} */ (message)));

load().then(
  () => send({ type: 'ready' }),
  (error) => {
    send({ type: 'init-error', error: describe(error) });
  },
);
