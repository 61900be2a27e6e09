import { mkdtempSync, rmSync } from 'node:fs';
import { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assembly, Resource, Stack } from '../../../local/assembly';
import type { InvocationResult } from '../../../local/functions/environment';
import { ClientSessions } from '../../../local/gateway/client-sessions';
import { FaultInjector } from '../../../local/gateway/faults';
import { Permissions } from '../../../local/gateway/permissions';
import type { PolicyStatement } from '../../../local/iam/policy';
import { Resolver } from '../../../local/resolve';
import { AsyncInvocations } from '../../../local/services/async-invocations';
import { Outbox } from '../../../local/services/outbox';
import { Queues } from '../../../local/services/queues';
import { readServices, type ServiceResources } from '../../../local/services/read-services';
import { createServices } from '../../../local/services/server';
import { TableKeys } from '../../../local/table-keys';

export const REGION = 'eu-west-1';
export const FUNCTION_ARN = `arn:aws:lambda:${REGION}:000000000000:function:store-refund`;
const FUNCTION = {
  arn: FUNCTION_ARN,
  functionName: 'store-refund',
  handler: 'index.handler',
  runtime: 'nodejs24.x',
  architectures: ['arm64'],
  memoryMb: 512,
  timeoutMs: 20_000,
  variables: { TABLE: 'store' },
};
export const queueArn = (name: string) => `arn:aws:sqs:${REGION}:000000000000:${name}`;

/** Resources of a template by logical id: type and properties. */
export type Template = Record<string, [type: string, properties: Record<string, unknown>]>;

export function resourcesOf(template: Template): ServiceResources {
  const stack: Stack = { name: 'store', region: REGION, template: {} };
  const elsewhere: Stack = { name: 'store', region: 'us-west-2', template: {} };
  const resources = Object.entries(template).map(([logicalId, [type, properties]]): Resource => ({ stack, logicalId, type, properties }));
  resources.push({ stack: elsewhere, logicalId: 'Elsewhere', type: 'AWS::S3::Bucket', properties: { BucketName: 'elsewhere' } });
  const assembly: Assembly = { stacks: [stack, elsewhere], resources, assetFolder: () => '' };
  const resolver = new Resolver(assembly, () => '');
  return readServices(assembly, resolver, REGION, [FUNCTION_ARN]);
}

/** The services of a template, for the real clients of the SDK, and what a test sees of them. */
export interface StartedServices {
  url: string;
  /** What a client is made with: the owner of the machine, and the function of the flow `flow`. */
  owner: ClientOptions;
  flow: ClientOptions;
  /** Gives credentials to signed-in clients. */
  sessions: ClientSessions;
  permissions: Permissions;
  faults: FaultInjector;
  outbox: Outbox;
  queues: Queues;
  folder: string;
  /** The invocations of functions, and what each comes to; a test may change that. */
  invocations: { arn: string; payload: string; tail?: boolean }[];
  outcome: { now: () => Promise<InvocationResult> };
  asyncInvocations: AsyncInvocations;
  dropped: string[];
  /** The time of the functions and of the data. */
  clock: { ms: number };
  stop(): Promise<void>;
}

interface ClientOptions {
  region: string;
  /** A test is not in the time of the functions, so that a client would take a denial for its wrong clock, and try again. */
  maxAttempts: 1;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

const options = (accessKeyId: string): ClientOptions => ({
  region: REGION,
  maxAttempts: 1,
  credentials: { accessKeyId, secretAccessKey: 'any' },
});

/** Only `gsi-lag` asks it. */
const NO_ENGINE = undefined as never;

/** @param statements of the role of the flow `flow`, which has the function FUNCTION_ARN */
export async function startServices(template: Template, statements: PolicyStatement[] = [], onFailureQueues: string[] = []): Promise<StartedServices> {
  const resources = resourcesOf(template);
  const folder = mkdtempSync(join(tmpdir(), 'store-services-'));
  const clock = { ms: Date.parse('2026-05-01T10:00:00.250Z') };
  const now = () => clock.ms;
  const outbox = new Outbox(join(folder, 'outbox.jsonl'), now);
  const queues = new Queues(join(folder, 'queues.jsonl'), resources.queues, now);
  const invocations: StartedServices['invocations'] = [];
  const outcome: StartedServices['outcome'] = { now: () => Promise.resolve({ payload: 'null' }) };
  const invoke = (arn: string, payload: string, tail?: boolean) => {
    invocations.push({ arn, payload, ...(tail && { tail }) });
    return outcome.now();
  };
  const dropped: string[] = [];
  const asyncInvocations = new AsyncInvocations(invoke, (line) => dropped.push(line), () => Promise.resolve());
  const role = { name: 'store-Role', statements };
  const permissions = new Permissions([{ name: 'flow', functionName: 'store-refund', role }], new TableKeys([]));
  const sessions = new ClientSessions(now);
  const faults = new FaultInjector(new TableKeys([]), NO_ENGINE, () => Promise.resolve(NO_ENGINE));
  const server = createServices({
    region: REGION,
    resources,
    functions: [FUNCTION],
    invoke,
    asyncInvocations,
    callers: {
      functionOf: (accessKeyId) => (accessKeyId === 'ASIAFLOW' ? 'flow' : undefined),
      clientOf: (accessKeyId, sessionToken) => sessions.find(accessKeyId, sessionToken),
    },
    permissions,
    faults,
    outbox,
    queues,
    onFailureQueues: new Set(onFailureQueues),
    objectsFolder: join(folder, 'objects'),
    now,
  });
  const url = await listen(server);
  // As the functions find it.
  for (const service of ['SESV2', 'EVENTBRIDGE', 'S3', 'SQS', 'LAMBDA']) process.env[`AWS_ENDPOINT_URL_${service}`] = url;
  return {
    url,
    owner: options('AKIAOWNER'),
    flow: options('ASIAFLOW'),
    sessions,
    permissions,
    faults,
    outbox,
    queues,
    folder,
    invocations,
    outcome,
    asyncInvocations,
    dropped,
    clock,
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      rmSync(folder, { recursive: true });
    },
  };
}

function listen(server: Server): Promise<string> {
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

export const allow = (action: string, resource: string): PolicyStatement => ({
  effect: 'Allow',
  actions: [action],
  resources: [resource],
  conditions: [],
});

type SdkError = Error & { $metadata?: { httpStatusCode?: number } };

/** The error that a promise ends with; its name is `none` where there is none. */
export async function failure(promise: Promise<unknown>): Promise<{ name: string; message: string; status: number | undefined }> {
  const error = await promise.then(
    (): SdkError => ({ name: 'none', message: '' }),
    (thrown: SdkError) => thrown,
  );
  return { name: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
}
