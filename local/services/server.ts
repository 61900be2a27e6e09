import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { FaultInjector } from '../gateway/faults';
import type { ServiceFault } from '../gateway/fault';
import type { Reply } from '../gateway/call';
import type { ServiceName } from '../gateway/operations';
import { SessionError } from '../gateway/client-sessions';
import type { Callers } from '../gateway/gateway';
import type { Need } from '../iam/policy';
import type { Permissions } from '../gateway/permissions';
import { isFromHere } from '../loopback';
import { BodyTooLarge, IncompleteRequest, readBody } from '../request-body';
import type { AsyncInvocations } from './async-invocations';
import { eventBridgeService } from './event-bridge';
import { type DescribedFunction, type Invoke, lambdaService } from './lambda';
import { Objects } from './objects';
import type { Outbox } from './outbox';
import type { Queues } from './queues';
import type { ServiceResources } from './read-services';
import { s3Service } from './s3';
import { jsonProtocol, MOST_JSON_BYTES, type Protocol, restJson, type Service, ServiceError, type ServiceRequest, type StandIn } from './service';
import { sesService } from './ses';
import { sqsService } from './sqs';
import { formOperation, isForm, stsService } from './sts';

interface ServicesOptions {
  region: string;
  resources: ServiceResources;
  /** Those that can be invoked. */
  functions: readonly DescribedFunction[];
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
 * The endpoint of this machine for SES, SQS, EventBridge, S3, Lambda and STS. A caller with an access key of no function and no
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
        const flow = callers.functionOf(signatureOf(request).signer ?? '');
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
    events: eventBridgeService({ ...resources, ...rest }),
    sqs: sqsService(rest),
    sts: stsService(),
    ses: sesService({ ...resources, ...rest }),
    lambda: lambdaService(rest),
    s3: s3Service({ ...rest, objects: new Objects(objectsFolder, resources.buckets) }),
  } satisfies { [Name in ServiceName]: StandIn<Name> };
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
    const { signer } = signatureOf(request);
    if (signer === undefined) {
      throw new ServiceError('MissingAuthenticationToken', 'Request must contain a signature; any credentials will do here.', 403);
    }
    const operation = service.operationOf(request);
    const run = operation !== undefined && Object.hasOwn(service.operations, operation) && service.operations[operation];
    if (!run) {
      const known = Object.keys(service.operations);
      const there = known.length > 0 ? `Of this service there is ${known.sort().join(', ')}.` : 'There are EventBridge, Lambda, S3, SES, SQS and STS; DynamoDB has an endpoint of its own.';
      throw new ServiceError('UnknownOperationException', `${operation ?? `${request.method} ${request.path}`} does not run here. ${there}`);
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

/** A service that does not run here is answered in the protocol that its caller speaks. */
const notHere = (protocol: Protocol, operationOf: Service['operationOf']): Service => ({ protocol, maxBodyBytes: MOST_JSON_BYTES, operationOf, operations: {} });

function serviceOf(head: ServiceHead, { events, sqs, ses, sts, lambda, s3 }: StandIns): Service {
  const { headers, method, path } = head;
  const target = headers['x-amz-target'];
  if (target !== undefined) {
    const [service] = String(target).split('.');
    return service === 'AWSEvents' ? events : service === 'AmazonSQS' ? sqs : notHere(jsonProtocol('com.amazon.coral.service', '1.0'), () => String(target));
  }
  const { service } = signatureOf(head);
  if (isForm(head)) return service === 'sts' ? sts : notHere(sts.protocol, (request) => `${formOperation(request)} of ${service}`);
  if (path.startsWith('/v2/email/')) return ses;
  if (path.startsWith('/2015-03-31/')) return lambda;
  return NOT_HERE.test(service) ? notHere(restJson, () => `${method} ${path} of ${service}`) : s3;
}

/** Services with a path, as those above; whatever else is signed is taken for S3, which has every path. */
const NOT_HERE = /^(?!s3$|any$)[a-z][a-z0-9-]+$/;

/** Who signed, and for which service. */
function signatureOf({ headers }: ServiceHead): { signer: string | undefined; service: string } {
  const [, signer, service = ''] = /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(?:[^/,]*\/[^/,]*\/([^/,]*))?/.exec(headers.authorization ?? '') ?? [];
  return { signer, service };
}

type ServiceHead = Omit<ServiceRequest, 'body'>;

function headOf(incoming: IncomingMessage): ServiceHead {
  const [path = '/', query = ''] = (incoming.url ?? '/').split(/\?(.*)/s, 2);
  return { method: incoming.method ?? '', path, query: new URLSearchParams(query), headers: incoming.headers };
}
