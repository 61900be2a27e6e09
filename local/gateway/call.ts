import type { WireReply } from '../engine/engine';
import type { ClientSession } from './client-sessions';

/** One call of the DynamoDB API on its way to an engine. */
export interface Call {
  /** `GetItem`, `TransactWriteItems`, ... */
  readonly operation: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The request as JSON; steps may change it. */
  input: Record<string, unknown>;
  /** From the signature: who signed, and for which region. */
  readonly accessKeyId: string;
  readonly region: string;
  /** From `X-Amz-Security-Token`: what temporary credentials have besides. */
  readonly sessionToken?: string | undefined;
  /** From `X-Amzn-Trace-Id`, which the SDK copies from Lambda's environment. */
  readonly traceId: string | undefined;
  /** The flow whose function calls; undefined for a call from outside, as by the AWS CLI. */
  function?: string;
  /** The signed-in client that calls. */
  client?: ClientSession;
  /** The API request that the function is answering. */
  requestId?: string;
}

/** The answer; or none, as when a connection breaks. */
export type Reply = WireReply | 'no-answer';

export type Next = (call: Call) => Promise<Reply>;

/** One step of the gateway: looks at the call, may change or answer it, and else hands it on. */
export type Step = (call: Call, next: Next) => Promise<Reply>;

/** Composes steps: the first sees the call first and the reply last. */
export function chain(steps: readonly Step[], last: Next): Next {
  return steps.reduceRight<Next>((next, step) => (call) => step(call, next), last);
}

/**
 * An error as DynamoDB answers it.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 *
 * @param members that the error has besides
 */
export function errorReply(type: string, message: string, status = 400, members: object = {}): WireReply {
  return jsonReply({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message, ...members }, status);
}

export function jsonReply(body: object, status = 200): WireReply {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.0' }, body: Buffer.from(JSON.stringify(body)) };
}
