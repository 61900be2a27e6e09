import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JWTVerifyGetKey } from 'jose';
import { MAX_PAYLOAD_BYTES, type Pool } from '../functions/pool';
import { isFromHere } from '../loopback';
import { BodyTooLarge, readBody } from '../request-body';
import { sendMessage, sendResult, toEvent } from './event';
import { type JwtAuthorizer, verifyToken } from './issuer';
import { findRoute, type Route } from './routes';

/** What a route leads to. */
export interface RouteTarget {
  pool: Pick<Pool, 'fn' | 'invoke'>;
  authorizer?: JwtAuthorizer;
}

/** One request that was answered. */
export interface RequestLogEntry {
  method: string;
  path: string;
  status: number;
  ms: number;
  /** The flow that answered; undefined where API Gateway did. */
  flow?: string;
  /** Why the function failed, where it answered nothing. */
  failure?: string;
}

/** API Gateway's limit on a request. Its 30 s for an answer are above the timeout of every function (a test says so). */
const MAX_REQUEST_BYTES = 10 * 1024 * 1024;

/**
 * The HTTP API of the templates: finds the route, verifies the token as the route's authorizer says, invokes the
 * function with an event of payload format 2.0, and answers what it answered.
 */
export class HttpApi {
  /** The API request of each trace id under way: what DynamoDB calls carry. */
  private readonly requests = new Map<string, string>();

  constructor(
    private readonly options: {
      apiId: string;
      routes: readonly Route<RouteTarget>[];
      /** The public keys of the authorizers' issuer. */
      keys: JWTVerifyGetKey;
      clockOffset: () => number;
      /** Origins beside this machine whose pages may ask. */
      corsOrigins: readonly string[];
      onRequest: (entry: RequestLogEntry) => void;
    },
  ) {}

  requestOf(traceId: string): string | undefined {
    return this.requests.get(/Root=([^;]+)/.exec(traceId)?.[1] ?? '');
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = performance.now();
    const requestId = randomUUID();
    const method = request.method ?? 'GET';
    const outcome = await this.answer(request, response, requestId);
    this.options.onRequest({
      method,
      path: request.url ?? '/',
      status: response.statusCode,
      ms: performance.now() - started,
      ...outcome,
    });
  }

  private async answer(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<{ flow?: string; failure?: string }> {
    const { apiId, routes, keys, clockOffset, corsOrigins } = this.options;
    if (!isFromHere(request.headers, corsOrigins)) {
      sendMessage(response, requestId, 403, 'Forbidden');
      return {};
    }
    let body: Buffer;
    try {
      body = await readBody(request, MAX_REQUEST_BYTES);
    } catch (error) {
      if (error instanceof BodyTooLarge) sendMessage(response, requestId, 413, 'Request Entity Too Large');
      else request.socket.destroy();
      return {};
    }
    const target = parseTarget(request.url ?? '/');
    const match = target && findRoute(routes, request.method ?? 'GET', target.pathname);
    if (!target || !match) {
      sendMessage(response, requestId, target ? 404 : 400, target ? 'Not Found' : 'Bad Request');
      return {};
    }
    const { pool, authorizer } = match.target;
    const claims = authorizer && (await verifyToken(request.headers.authorization, authorizer, keys));
    if (authorizer && !claims) {
      sendMessage(response, requestId, 401, 'Unauthorized');
      return {};
    }
    const offset = clockOffset();
    const event = toEvent(request, target, body, {
      requestId,
      routeKey: match.routeKey,
      pathParameters: match.pathParameters,
      apiId,
      ...(claims && { claims }),
      now: Date.now() + offset,
    });
    const payload = JSON.stringify(event);
    if (Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES) {
      sendMessage(response, requestId, 413, 'Request Entity Too Large');
      return {};
    }

    const root = `1-${Math.floor(Date.now() / 1_000).toString(16)}-${randomBytes(12).toString('hex')}`;
    this.requests.set(root, requestId);
    const result = await pool.invoke({
      requestId: randomUUID(),
      traceId: `Root=${root};Sampled=0`,
      event: payload,
      clockOffset: offset,
    });
    this.requests.delete(root);
    const flow = pool.fn.name;
    if ('error' in result) {
      sendMessage(response, requestId, 500, 'Internal Server Error');
      return { flow, failure: `${result.error.errorType}: ${result.error.errorMessage}` };
    }
    try {
      sendResult(response, requestId, result.payload);
    } catch (error) {
      // A status or header that HTTP does not have.
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      sendMessage(response, requestId, 500, 'Internal Server Error');
      return { flow, failure: `its answer is no HTTP response: ${(error as Error).message}` };
    }
    return { flow };
  }
}

/** The target of the request line; undefined where its percent-encoding is malformed. */
function parseTarget(target: string): URL | undefined {
  try {
    const url = new URL(`http://localhost${target.startsWith('/') ? target : `/${target}`}`);
    decodeURIComponent(url.pathname);
    return url;
  } catch {
    return undefined;
  }
}
