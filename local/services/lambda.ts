import type { InvocationResult } from '../functions/environment';
import { ACCOUNT_ID } from '../resolve';
import type { AsyncInvocations } from './async-invocations';
import { restJson, type Service, ServiceError } from './service';

/** Runs a function once. */
export type Invoke = (functionArn: string, payload: string) => Promise<InvocationResult>;

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MOST_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 };

/** The function's name is a name, an ARN, or the end of one; a version is not known here. */
const PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;
const NAME = /^(?:(?:arn:aws:lambda:[^:]+:)?\d{12}:function:)?([\w-]+)(?::\$LATEST)?$/;

/**
 * Lambda's Invoke.
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function lambdaService(options: {
  region: string;
  /** Their ARNs. */
  functions: readonly string[];
  invoke: Invoke;
  asyncInvocations: AsyncInvocations;
}): Service {
  const { region, functions, invoke, asyncInvocations } = options;
  return {
    maxBodyBytes: 6 * 1024 * 1024,
    protocol: restJson,
    operationOf: ({ method, path }) => (method === 'POST' && PATH.test(path) ? 'Invoke' : undefined),
    operations: {
      async Invoke(call) {
        const asked = decodeURIComponent(PATH.exec(call.path)?.[1] ?? '');
        const name = NAME.exec(asked)?.[1] ?? asked;
        const arn = `arn:aws:lambda:${region}:${ACCOUNT_ID}:function:${name}`;
        call.authorize({ action: 'lambda:InvokeFunction', resource: arn });
        if (!functions.includes(arn)) {
          throw new ServiceError('ResourceNotFoundException', `Function not found: ${arn}`, 404);
        }
        const type = call.headers['x-amz-invocation-type'] ?? 'RequestResponse';
        if (type !== 'RequestResponse' && type !== 'Event') {
          throw new ServiceError('InvalidParameterValueException', `InvocationType ${String(type)} does not run here.`);
        }
        const payload = payloadOf(call.body, MOST_BYTES[type]);
        if (type === 'Event') {
          asyncInvocations.invoke(arn, payload);
          return { status: 202, headers: {}, body: Buffer.alloc(0) };
        }
        const result = await invoke(arn, payload);
        const headers = { 'content-type': 'application/json', 'x-amz-executed-version': '$LATEST' };
        if ('payload' in result) return { status: 200, headers, body: Buffer.from(result.payload) };
        return {
          status: 200,
          headers: { ...headers, 'x-amz-function-error': 'Unhandled' },
          body: Buffer.from(JSON.stringify(result.error)),
        };
      },
    },
  };
}

function payloadOf(body: Buffer, mostBytes: number): string {
  if (body.length > mostBytes) {
    throw new ServiceError('RequestTooLargeException', `Request must be smaller than ${mostBytes} bytes for the Invoke operation`, 413);
  }
  const payload = body.length === 0 ? '{}' : body.toString('utf8');
  try {
    JSON.parse(payload);
  } catch (error) {
    throw new ServiceError('InvalidRequestContentException', `Could not parse request body into json: ${(error as Error).message}`);
  }
  return payload;
}
