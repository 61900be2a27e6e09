import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { FaultInjector } from '../gateway/faults';
import type { ServiceFault } from '../gateway/fault';
import type { Reply } from '../gateway/call';
import { SessionError } from '../gateway/client-sessions';
import type { Callers } from '../gateway/gateway';
import type { Need } from '../iam/policy';
import type { Permissions } from '../gateway/permissions';
import { isFromHere } from '../loopback';
import { BodyTooLarge, IncompleteRequest, readBody } from '../request-body';
import type { AsyncInvocations } from './async-invocations';
import { eventBridgeService } from './event-bridge';
import { type Invoke, lambdaService } from './lambda';
import { Objects } from './objects';
import type { Outbox } from './outbox';
import type { Queues } from './queues';
import type { ServiceResources } from './read-services';
import { s3Service } from './s3';
import { jsonProtocol, type Service, ServiceError, type ServiceRequest } from './service';
import { sesService } from './ses';
import { sqsService } from './sqs';

interface ServicesOptions {
  region: string;
  resources: ServiceResources;
  /** The ARNs of the functions that can be invoked. */
  functions: readonly string[];
  invoke: Invoke;
  asyncInvocations: AsyncInvocations;
  callers: Pick<Callers, 'functionOf' | 'clientOf'>;
  permissions: Pick<Permissions, 'check' | 'checkClient'>;
  faults: Pick<FaultInjector, 'ofService' | 'sees'>;
  outbox: Outbox;
  queues: Queues;
  /** The ARNs of the queues where records end that a consumer gave up. */
  onFailureQueues: ReadonlySet<string>;
  /** Where objects are kept. */
  objectsFolder: string;
  /** The time of the functions, in epoch milliseconds. */
  now(): number;
}

/**
 * The endpoint of this machine for SES, SQS, EventBridge, S3 and Lambda. A caller with an access key of no function and no
 * signed-in client is the owner of this machine, who may do everything.
 */
export function createServices(options: ServicesOptions): Server {
  const { callers, now } = options;
  const services = standIns(options);
  const server = createServer((incoming, response) => {
    const head = headOf(incoming);
    const service = serviceOf(head, services);
    void readBody(incoming, service.maxBodyBytes)
      .then(async (body) => {
        const request = { ...head, body };
        const flow = callers.functionOf(signerOf(request) ?? '');
        const reply = await answer(service, request, flow, options);
        // In the function's time: the SDK would take another for a wrong clock, and send each refused call again.
        return flow === undefined || reply === 'no-answer' ? reply : { ...reply, headers: { ...reply.headers, date: new Date(now()).toUTCString() } };
      })
      .catch((error: unknown): Reply => {
        if (error instanceof IncompleteRequest) return 'no-answer';
        if (error instanceof BodyTooLarge) return service.protocol.error(new ServiceError('RequestEntityTooLarge', error.message, 413));
        throw error;
      })
      .then((reply) => {
        if (reply === 'no-answer') return void incoming.socket.destroy();
        const { status, headers, body } = reply;
        const id = randomUUID();
        response.writeHead(status, { 'content-length': body.length, ...headers, 'x-amzn-requestid': id, 'x-amz-request-id': id });
        response.end(incoming.method === 'HEAD' ? undefined : body);
      })
      .catch(() => incoming.socket.destroy());
  });
  // A connection that the server closes while a client sends on it is an error that AWS would not cause.
  server.keepAliveTimeout = 0;
  return server;
}

/** The services, by what tells their requests apart. */
type StandIns = ReturnType<typeof standIns>;

function standIns({ resources, objectsFolder, ...rest }: ServicesOptions) {
  return {
    eventBridge: eventBridgeService({ ...resources, ...rest }),
    sqs: sqsService(rest),
    ses: sesService({ ...resources, ...rest }),
    lambda: lambdaService(rest),
    s3: s3Service({ ...rest, objects: new Objects(objectsFolder, resources.buckets) }),
  } satisfies Record<string, Service>;
}

async function answer(
  service: Service,
  request: ServiceRequest,
  flow: string | undefined,
  { callers, permissions, faults }: Pick<ServicesOptions, 'callers' | 'permissions' | 'faults'>,
): Promise<Reply> {
  const { protocol } = service;
  const denied = (message: string) => new ServiceError(protocol.accessDenied.code, message, protocol.accessDenied.status);
  try {
    if (!isFromHere(request.headers)) throw denied('This endpoint is for this machine only.');
    const signer = signerOf(request);
    if (signer === undefined) {
      throw new ServiceError('MissingAuthenticationToken', 'Request must contain a signature; any credentials will do here.', 403);
    }
    const operation = service.operationOf(request);
    const run = operation !== undefined && Object.hasOwn(service.operations, operation) && service.operations[operation];
    if (!run) {
      const known = Object.keys(service.operations).join(', ');
      throw new ServiceError('UnknownOperationException', `${operation ?? request.path} does not run here. There is ${known}.`);
    }
    const sessionToken = request.headers['x-amz-security-token'] as string | undefined;
    const client = callers.clientOf(signer, sessionToken);
    const check = (...needs: Need[]) => (client ? permissions.checkClient(client, ...needs) : permissions.check(flow, ...needs));
    if (flow !== undefined) faults.sees(request.headers['x-amzn-trace-id'] as string | undefined);
    const fault = service.faults && flow !== undefined ? faults.ofService(service.faults.name, operation, flow) : undefined;
    const refusal = fault && errorOf(fault, service);
    if (refusal) throw refusal;
    const reply = await run({
      ...request,
      flow,
      authorize(...needs) {
        const message = check(...needs);
        if (message !== undefined) throw denied(message);
      },
      isAllowed: (need) => check(need) === undefined,
    });
    return fault ? 'no-answer' : reply;
  } catch (error) {
    if (error instanceof SessionError) return protocol.error(new ServiceError(error.code, error.message, 403));
    return protocol.error(error instanceof ServiceError ? error : new ServiceError('InternalFailure', String(error), 500));
  }
}

/** What a fault makes a service answer; undefined for `timeout-after-commit`, which does the call. */
function errorOf(fault: ServiceFault, { faults, protocol }: Service): ServiceError | undefined {
  switch (fault.kind) {
    case 'throttle':
      return faults?.throttled;
    case 'internal-error':
      return faults?.internalError;
    case 'refused': {
      const { code, message = `Refused by a fault: ${fault.code}` } = fault;
      return new ServiceError(code, message, code === protocol.accessDenied.code ? protocol.accessDenied.status : /^(?:NoSuch|NotFound)/.test(code) ? 404 : 400);
    }
    case 'timeout-after-commit':
      return undefined;
  }
}

/** A target of another service is answered as JSON too, since its caller speaks that. */
const OTHER_TARGET: Service = {
  protocol: jsonProtocol('com.amazon.coral.service', '1.0'),
  maxBodyBytes: 1024 * 1024,
  operationOf: ({ headers }) => String(headers['x-amz-target']),
  operations: {},
};

function serviceOf({ headers, path }: ServiceHead, { eventBridge, sqs, ses, lambda, s3 }: StandIns): Service {
  const target = headers['x-amz-target'];
  if (target !== undefined) {
    const [service] = String(target).split('.');
    return service === 'AWSEvents' ? eventBridge : service === 'AmazonSQS' ? sqs : OTHER_TARGET;
  }
  if (path.startsWith('/v2/email/')) return ses;
  return path.startsWith('/2015-03-31/') ? lambda : s3;
}

/** The access key id of the signature. */
const signerOf = ({ headers }: ServiceRequest): string | undefined =>
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\//.exec(headers.authorization ?? '')?.[1];

type ServiceHead = Omit<ServiceRequest, 'body'>;

function headOf(incoming: IncomingMessage): ServiceHead {
  const [path = '/', query = ''] = (incoming.url ?? '/').split(/\?(.*)/s, 2);
  return { method: incoming.method ?? '', path, query: new URLSearchParams(query), headers: incoming.headers };
}
