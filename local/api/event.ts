import type { IncomingMessage, ServerResponse } from 'node:http';

/** What API Gateway adds to a request on its way to a function. */
export interface RequestContext {
  requestId: string;
  routeKey: string;
  pathParameters: Record<string, string>;
  apiId: string;
  /** Verified claims of the token, where the route has an authorizer. */
  claims?: Record<string, unknown>;
  now: number;
}

/**
 * The content types whose bodies are passed as text, whatever their charset. Bytes that are not UTF-8 become U+FFFD there. A body
 * of another type, or without one, is base64. AWS documents no list; this one was observed on its HTTP APIs.
 */
const TEXT = /^(text\/[^;]+|application\/(json|javascript|xml))\s*(;|$)/i;

/**
 * The event of payload format 2.0.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function toEvent(request: IncomingMessage, url: URL, body: Buffer, context: RequestContext): object {
  const { requestId, routeKey, pathParameters, apiId, claims, now } = context;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name !== 'cookie' && value !== undefined) headers[name] = Array.isArray(value) ? value.join(',') : value;
  }
  const query = new Map<string, string>();
  for (const [name, value] of url.searchParams) query.set(name, query.has(name) ? `${query.get(name)},${value}` : value);
  const isText = TEXT.test(headers['content-type'] ?? '');
  const path = decodeURIComponent(url.pathname);
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: url.search.slice(1),
    ...(request.headers.cookie && { cookies: request.headers.cookie.split(/; */) }),
    headers,
    ...(query.size > 0 && { queryStringParameters: Object.fromEntries(query) }),
    ...(Object.keys(pathParameters).length > 0 && { pathParameters }),
    requestContext: {
      accountId: '000000000000',
      apiId,
      ...(claims && { authorizer: { jwt: { claims: claimsAsText(claims), scopes: null } } }),
      domainName: request.headers.host ?? '127.0.0.1',
      domainPrefix: apiId,
      http: {
        method: request.method,
        path,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId,
      routeKey,
      stage: '$default',
      time: new Date(now).toUTCString(),
      timeEpoch: now,
    },
    ...(body.length > 0 && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

/** API Gateway hands every claim on as text. */
const claimsAsText = (claims: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, claimAsText(value)]));

/** The form is that of Go's `fmt`: a list becomes `[a b]`, an object `map[k:v]`. Nothing in it is quoted or escaped. */
function claimAsText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(claimAsText).join(' ')}]`;
  if (value === null) return '<nil>';
  if (typeof value !== 'object') return String(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([name, member]) => `${name}:${claimAsText(member)}`).join(' ')}]`;
}

/** Sends what a function answered: a response of format 2.0, or any other JSON as a 200. */
export function sendResult(response: ServerResponse, requestId: string, payload: string): void {
  const result = JSON.parse(payload) as FunctionResponse | string | null;
  const isResponse = typeof result === 'object' && result !== null && 'statusCode' in result;
  const {
    statusCode = 200,
    headers = {},
    body = '',
    isBase64Encoded = false,
    cookies = [],
  }: FunctionResponse = isResponse
    ? result
    : { headers: { 'content-type': 'application/json' }, body: typeof result === 'string' ? result : payload };
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value));
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  if (bytes.length > 0 && !response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain;charset=utf-8');
  response.setHeader('apigw-requestid', requestId);
  if (statusCode !== 204) response.setHeader('content-length', bytes.length);
  response.writeHead(statusCode);
  response.end(statusCode === 204 ? undefined : bytes);
}

interface FunctionResponse {
  statusCode?: number;
  headers?: Record<string, string | number | boolean>;
  body?: string;
  isBase64Encoded?: boolean;
  cookies?: string[];
}

/** An answer of API Gateway's own. */
export function sendMessage(response: ServerResponse, requestId: string, status: number, message: string): void {
  const body = JSON.stringify({ message });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'apigw-requestid': requestId,
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  });
  response.end(body);
}
