import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Clock } from '../clock';
import type { Engine, WireReply } from '../engine/engine';
import { isFromHere } from '../loopback';
import { BodyTooLarge, IncompleteRequest, readBody } from '../request-body';
import { type Call, chain, errorReply, jsonReply, type Reply, type Step } from './call';
import { type ClientSession, SessionError } from './client-sessions';
import type { FaultInjector } from './faults';
import { meter, type Trace } from './meter';
import type { Permissions } from './permissions';
import { wellFormed } from './well-formed';

/** Who has an access key, and which API request a trace id belongs to. */
export interface Callers {
  /** The flow of the function with this access key; undefined for any other key. */
  functionOf(accessKeyId: string): string | undefined;
  /** The signed-in client with this access key; undefined for any other key. @throws SessionError for one that is refused */
  clientOf(accessKeyId: string, sessionToken: string | undefined): ClientSession | undefined;
  requestOf(traceId: string): string | undefined;
}

/**
 * The DynamoDB endpoint of this machine. Every call of a function, and of any other client, passes a chain of steps:
 * which function is calling, the meter around all that follows, which signed-in client, can DynamoDB read it, may it, faults to inject, which region's engine.
 */
export function createGateway(options: {
  callers: Callers;
  engines: ReadonlyMap<string, Engine>;
  homeRegion: string;
  trace: Trace;
  clock: Clock;
  permissions: Permissions;
  faults: FaultInjector;
  /** Sees each call of a function. */
  onCall?: ((call: Call) => void) | undefined;
}): Server {
  const { callers, engines, homeRegion, trace, clock, permissions, faults, onCall } = options;
  const steps = [identify(callers, onCall), meter(trace, () => clock.now()), authenticate(callers), wellFormed, permissions.step, idempotencyWindow(clock), faults.step];
  const handle = chain(steps, (call) => {
    const engine = engines.get(NO_REGIONS.has(call.region) ? homeRegion : call.region);
    // A region without tables is as empty here as on AWS.
    if (!engine) return Promise.resolve(call.operation === 'ListTables' ? jsonReply({ TableNames: [] }) : NOT_IN_REGION);
    return engine.send(call.headers, Buffer.from(JSON.stringify(call.input)));
  });
  // In the function's time: the SDK would take another for a wrong clock, and send each refused call again.
  const inTimeOf = (call: Call, reply: Reply): Reply =>
    reply === 'no-answer' || call.function === undefined
      ? reply
      : { ...reply, headers: { ...reply.headers, date: new Date(clock.now()).toUTCString() } };
  const server = createServer((request, response) => {
    void (isFromHere(request.headers) ? readCall(request) : Promise.resolve(NOT_FROM_HERE))
      .then(async (call) => ('status' in call ? call : inTimeOf(call, await handle(call))))
      .catch((error: unknown): Reply => {
        if (error instanceof IncompleteRequest) return 'no-answer';
        if (error instanceof BodyTooLarge) return errorReply('RequestEntityTooLarge', error.message, 413);
        return errorReply('InternalServerError', `The engine does not answer: ${String(error)}`, 500);
      })
      .then((reply) => {
        if (reply === 'no-answer') return void request.socket.destroy();
        const { status, headers, body } = reply;
        const { 'content-length': _, 'x-amz-crc32': __, connection: ___, ...kept } = headers;
        response.writeHead(status, {
          ...kept,
          'x-amzn-requestid': headers['x-amzn-requestid'] ?? randomUUID(),
          'content-length': body.length,
        });
        response.end(body);
      });
  });
  // A connection that the server closes while a client sends on it is an error that DynamoDB would not cause.
  server.keepAliveTimeout = 0;
  return server;
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
const MOST_BODY_BYTES = 16 * 1024 * 1024;

/** What tools for a database on this machine send as a region. */
const NO_REGIONS: ReadonlySet<string> = new Set(['localhost', 'local', 'ddblocal', 'none']);

const NOT_IN_REGION = errorReply('ResourceNotFoundException', 'Requested resource not found');

const NOT_FROM_HERE = errorReply('AccessDeniedException', 'This endpoint is for this machine only.');

/** Names the function that calls, by its access key, and the API request it serves, by the trace id. */
function identify(callers: Callers, onCall: (call: Call) => void = () => {}): Step {
  return (call, next) => {
    const name = callers.functionOf(call.accessKeyId);
    if (name !== undefined) call.function = name;
    const requestId = call.traceId && callers.requestOf(call.traceId);
    if (requestId) call.requestId = requestId;
    if (name !== undefined) onCall(call);
    return next(call);
  };
}

/** Names the signed-in client that calls, and answers one whose credentials are refused. */
function authenticate(callers: Callers): Step {
  return (call, next) => {
    try {
      const client = callers.clientOf(call.accessKeyId, call.sessionToken);
      if (client) call.client = client;
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      return Promise.resolve(errorReply(error.code, error.message));
    }
    return next(call);
  };
}

/** DynamoDB remembers a ClientRequestToken for ten minutes. An engine's clock stays, so the token moves instead. */
function idempotencyWindow(clock: Clock): Step {
  return (call, next) => {
    const windows = Math.floor(clock.offset / 600_000);
    const token = call.input.ClientRequestToken;
    if (windows > 0 && typeof token === 'string') {
      call.input.ClientRequestToken = createHash('sha256').update(`${windows} ${token}`).digest('hex').slice(0, 36);
    }
    return next(call);
  };
}

async function readCall(request: IncomingMessage): Promise<Call | WireReply> {
  const body = await readBody(request, MOST_BODY_BYTES);
  const headers = request.headers as Record<string, string>;
  const [, operation] = /^DynamoDB(?:Streams)?_\d+\.(\w+)$/.exec(headers['x-amz-target'] ?? '') ?? [];
  if (!operation) return errorReply('UnknownOperationException', 'The header X-Amz-Target names no operation of DynamoDB.');
  const [, accessKeyId, region] = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  if (!accessKeyId || !region) {
    return errorReply('MissingAuthenticationTokenException', 'Request must contain a signature; any credentials will do here.');
  }
  let input: unknown;
  try {
    input = JSON.parse(body.toString('utf8'));
  } catch {
    return errorReply('SerializationException', 'The body is not JSON.');
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return errorReply('SerializationException', 'The body is not a JSON object.');
  }
  return {
    operation,
    headers: pick(headers, ['x-amz-target', 'content-type']),
    input: input as Record<string, unknown>,
    accessKeyId,
    region,
    sessionToken: headers['x-amz-security-token'],
    traceId: headers['x-amzn-trace-id'],
  };
}

const pick = (headers: Record<string, string>, names: string[]) =>
  Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
