import type { InvocationResult, LocalFunction } from '../functions/environment';
import type { WireReply } from '../engine/engine';
import { ACCOUNT_ID } from '../resolve';
import type { AsyncInvocations } from './async-invocations';
import { restJson, type ServiceCall, ServiceError, type StandIn } from './service';

/** Runs a function once. @param tail whether the end of what it prints is wanted */
export type Invoke = (functionArn: string, payload: string, tail?: boolean) => Promise<InvocationResult>;

/** A function, as far as Lambda tells of it. */
export type DescribedFunction = Pick<LocalFunction, 'arn' | 'functionName' | 'handler' | 'runtime' | 'architectures' | 'memoryMb' | 'timeoutMs' | 'variables'>;

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MOST_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 };

/** The function's name is a name, an ARN, or the end of one; a version is not known here. */
const PATH = /^\/2015-03-31\/functions(?:\/([^/]*)(?:\/([\w-]+))?)?$/;
const NAME = /^(?:(?:arn:aws:lambda:[^:]+:)?\d{12}:function:)?([\w-]+)(?::\$LATEST)?$/;

/**
 * Lambda's Invoke, and what it tells of a function.
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function lambdaService(options: {
  region: string;
  functions: readonly DescribedFunction[];
  invoke: Invoke;
  asyncInvocations: AsyncInvocations;
}): StandIn<'lambda'> {
  const { region, functions, invoke, asyncInvocations } = options;
  /** The function that a call names and may use. There are no versions and aliases here. */
  const authorized = (call: ServiceCall, action: string): DescribedFunction => {
    const asked = decodeURIComponent(PATH.exec(call.path)?.[1] ?? '');
    const name = NAME.exec(asked)?.[1] ?? asked;
    const arn = `arn:aws:lambda:${region}:${ACCOUNT_ID}:function:${name}`;
    call.authorize({ action, resource: arn });
    const found = functions.find((fn) => fn.arn === arn);
    const qualifier = call.query.get('Qualifier') ?? '$LATEST';
    if (!found || qualifier !== '$LATEST') {
      throw new ServiceError('ResourceNotFoundException', `Function not found: ${arn}${qualifier === '$LATEST' ? '' : `:${qualifier}`}`, 404);
    }
    return found;
  };

  return {
    maxBodyBytes: 6 * 1024 * 1024,
    protocol: restJson,
    operationOf({ method, path }) {
      const [, name, part = ''] = PATH.exec(path) ?? [];
      return name ? OPERATION_OF[`${method} ${part}`.trim()] : { GET: 'ListFunctions' }[method];
    },
    operations: {
      ListFunctions(call) {
        call.authorize({ action: 'lambda:ListFunctions', resource: '*' });
        return answer({ Functions: functions.map(configurationOf), NextMarker: null });
      },

      GetFunction(call) {
        const found = authorized(call, 'lambda:GetFunction');
        return answer({ Configuration: configurationOf(found), Code: { RepositoryType: 'S3' }, Tags: {} });
      },

      GetFunctionConfiguration: (call) => answer(configurationOf(authorized(call, 'lambda:GetFunctionConfiguration'))),

      async Invoke(call) {
        const { arn } = authorized(call, 'lambda:InvokeFunction');
        const logType = call.headers['x-amz-log-type'] ?? 'None';
        if (logType !== 'None' && logType !== 'Tail') throw new ServiceError('InvalidParameterValueException', `LogType ${String(logType)} is not None or Tail.`);
        const type = call.headers['x-amz-invocation-type'] ?? 'RequestResponse';
        if (type !== 'RequestResponse' && type !== 'Event') {
          throw new ServiceError('InvalidParameterValueException', `InvocationType ${String(type)} does not run here.`);
        }
        const payload = payloadOf(call.body, MOST_BYTES[type]);
        if (type === 'Event') {
          asyncInvocations.invoke(arn, payload);
          return { status: 202, headers: {}, body: Buffer.alloc(0) };
        }
        const result = await invoke(arn, payload, logType === 'Tail');
        const headers = {
          'content-type': 'application/json',
          'x-amz-executed-version': '$LATEST',
          ...(result.log !== undefined && { 'x-amz-log-result': Buffer.from(result.log).subarray(-LOG_BYTES).toString('base64') }),
        };
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

const OPERATION_OF: Readonly<Record<string, string>> = {
  GET: 'GetFunction',
  'GET configuration': 'GetFunctionConfiguration',
  'POST invocations': 'Invoke',
};

/** So much of the end of its output an invocation answers. */
const LOG_BYTES = 4_096;

/** https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html */
const configurationOf = ({ arn, functionName, handler, runtime, architectures, memoryMb, timeoutMs, variables }: DescribedFunction) => ({
  FunctionName: functionName,
  FunctionArn: arn,
  Runtime: runtime,
  Handler: handler,
  MemorySize: memoryMb,
  Timeout: timeoutMs / 1_000,
  Environment: { Variables: variables },
  Architectures: architectures,
  PackageType: 'Zip',
  Version: '$LATEST',
  State: 'Active',
  LastUpdateStatus: 'Successful',
});

const answer = (body: object): WireReply => ({ status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) });

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
