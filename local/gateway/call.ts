import type { WireReply } from '../engine/engine';

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
  /** From `X-Amzn-Trace-Id`, which the SDK copies from Lambda's environment. */
  readonly traceId: string | undefined;
  /** The flow whose function calls; undefined for a call from outside, as by the AWS CLI. */
  function?: string;
  /** The API request that the function is answering. */
  requestId?: string;
}

/** One step of the gateway: looks at the call, may change or answer it, and else hands it on. */
export type Step = (call: Call, next: (call: Call) => Promise<WireReply>) => Promise<WireReply>;

/** Composes steps: the first sees the call first and the reply last. */
export function chain(steps: readonly Step[], last: (call: Call) => Promise<WireReply>): (call: Call) => Promise<WireReply> {
  return steps.reduceRight<(call: Call) => Promise<WireReply>>((next, step) => (call) => step(call, next), last);
}

/** An error as DynamoDB answers it. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html */
export function errorReply(type: string, message: string, status = 400): WireReply {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: Buffer.from(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message })),
  };
}
