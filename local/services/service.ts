import type { IncomingHttpHeaders } from 'node:http';
import type { WireReply } from '../engine/engine';
import type { FaultyServiceName, OperationOf, ServiceName } from '../gateway/operations';
import type { Need } from '../iam/policy';

/** A request to one of the services, its body read. */
export interface ServiceRequest {
  method: string;
  /** Not decoded. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A request of an operation that is known. */
export interface ServiceCall extends ServiceRequest {
  /**
   * @throws ServiceError AccessDeniedException when a function calls that lacks one of these; to be called before
   * anything is done
   */
  authorize(...needs: Need[]): void;
  /** Whether the caller may do this besides; does not throw, but counts. */
  isAllowed(need: Need): boolean;
  /** The flow whose function calls; undefined for any other caller. */
  readonly flow: string | undefined;
}

/** A stand-in for a service of AWS, or what answers for one that does not run here. */
export interface Service<Operation extends string = string> {
  protocol: Protocol;
  /** The largest body that the service takes. */
  maxBodyBytes: number;
  /** How the service is named in faults, and what it answers then; one that functions do not call is hit by none. */
  faults?: { name: FaultyServiceName; throttled: ServiceError; internalError: ServiceError };
  /** The name of the operation that a request asks for; undefined when it can have none. */
  operationOf(request: ServiceRequest): string | undefined;
  operations: Readonly<Record<Operation, (call: ServiceCall) => WireReply | Promise<WireReply>>>;
}

/** A stand-in: it has the operations that `SERVICE_OPERATIONS` lists, and no other. */
export type StandIn<Name extends ServiceName> = Service<OperationOf<Name>> & (Name extends FaultyServiceName ? { faults: { name: Name } } : object);

/** How a service writes its errors. */
export interface Protocol {
  error(error: ServiceError): WireReply;
  /** The error code of a call that is not allowed. */
  accessDenied: { code: string; status: number };
}

/** An error that the SDK of the caller throws by its code. */
export class ServiceError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
    /** That the error has besides. */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/**
 * JSON with the operation in `X-Amz-Target`.
 * https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
 *
 * @param namespace before the error codes
 * @param version of the content type
 */
export function jsonProtocol(namespace: string, version: '1.0' | '1.1'): Protocol & { reply(body: object): WireReply } {
  const write = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): WireReply => ({
    status,
    headers: { 'content-type': `application/x-amz-json-${version}`, ...headers },
    body: Buffer.from(JSON.stringify(body)),
  });
  return {
    reply: (body) => write(200, body),
    error: ({ code, message, status, headers }) => write(status, { __type: `${namespace}#${code}`, message }, headers),
    accessDenied: { code: 'AccessDeniedException', status: 400 },
  };
}

/** SQS and EventBridge take 1 MB of text, each byte of which JSON may write as six. The services themselves count the text. */
export const MOST_JSON_BYTES = 6 * 1024 * 1024;

/** The operation in `X-Amz-Target: PREFIX.Operation`. */
export const targetOperation = ({ headers }: ServiceRequest): string | undefined =>
  String(headers['x-amz-target'] ?? '').split('.')[1];

/**
 * JSON with the operation in the path.
 * https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
 */
export const restJson: Protocol = {
  error: ({ code, message, status, headers }) => ({
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': code, ...headers },
    body: Buffer.from(JSON.stringify({ message })),
  }),
  accessDenied: { code: 'AccessDeniedException', status: 403 },
};

/** The body as a JSON object. */
export function jsonInput({ body }: ServiceRequest): Record<string, unknown> {
  let input: unknown;
  try {
    input = JSON.parse(body.toString('utf8'));
  } catch {
    throw new ServiceError('SerializationException', 'The body is not JSON.');
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new ServiceError('SerializationException', 'The body is not a JSON object.');
  }
  return input as Record<string, unknown>;
}
