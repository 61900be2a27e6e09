import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet } from 'jose';
import { HttpApi, type RequestLogEntry } from './api/http-api';
import { Issuer, type TokenClaims, verifyToken } from './api/issuer';
import { readRoutes } from './api/read-routes';
import { type Assembly, readAssembly } from './assembly';
import { Clock } from './clock';
import { type EngineKind, isFree, startEngine } from './engine/engine';
import { type EngineName, findEngine } from './engine/find-engine';
import { Environment, type LocalFunction, type RunningEnvironment } from './functions/environment';
import { Pool, type PoolSize } from './functions/pool';
import { readFunction } from './functions/read-function';
import { ClientSessions, TagError } from './gateway/client-sessions';
import { FaultInjector } from './gateway/faults';
import type { Call } from './gateway/call';
import { type Callers, createGateway } from './gateway/gateway';
import { Trace } from './gateway/meter';
import { Permissions } from './gateway/permissions';
import { refuseResourcePolicies, roleReader } from './iam/roles';
import { readIdentityPool } from './identity-pool';
import { notEmulated } from './inventory';
import { handleLocal, LocalProblem } from './local-endpoints';
import { Resolver } from './resolve';
import { secretReader } from './secrets';
import { AsyncInvocations } from './services/async-invocations';
import { Outbox } from './services/outbox';
import { Queues } from './services/queues';
import { readServices } from './services/read-services';
import { createServices } from './services/server';
import { type State, takeState } from './state';
import { readMapping } from './streams/mapping';
import { startPump } from './streams/pump';
import { sweep } from './sweeper';
import { TableKeys } from './table-keys';
import { ensureTable, type GlobalTable } from './tables';
import { newTraceId } from './trace-id';
import { UserError } from './user-error';

export interface PlatformOptions {
  /** The folder of the cloud assembly; awaited, so that the engine starts while the app synthesizes. */
  assembly: Promise<string>;
  /** Where data is kept; the engine's name is added, since each reads only its own files. */
  stateFolder: string;
  fresh: boolean;
  port: number;
  engine: EngineName | undefined;
  /** The region whose API and functions run. Consumers are those of the home region, where the tables' stack is. */
  region: string;
  onRequest(entry: RequestLogEntry): void;
  /** What the functions print. */
  onFunctionOutput(flow: string, text: string): void;
  /** What a person should know of the streams: a record that was given up, a read that failed. */
  onStreamProblem(text: string): void;
  onEngineRestart?: ((text: string) => void) | undefined;
  /** What is changed of a table of an earlier start. */
  onTableUpdate?: ((text: string) => void) | undefined;
  /** Each call of DynamoDB that a function makes. */
  onDynamoDbCall?: ((call: Call) => void) | undefined;
  /** Execution environments of somebody who keeps them beyond this platform. New ones unless given. */
  kept?: KeptEnvironments | undefined;
}

/** Execution environments that outlive a platform, and serve the next one in its place. */
export interface KeptEnvironments {
  readonly size: PoolSize;
  start(fn: LocalFunction, endpoints: Readonly<Record<string, string>>): RunningEnvironment;
  /** Serves at the address that the environments know. @returns the address */
  serve(what: 'dynamodb' | 'services', server: Server): string;
}

export interface Platform {
  /** The HTTP API. */
  url: string;
  /** The DynamoDB endpoint. */
  dynamodb: string;
  /** The endpoint of the stand-ins for SES, SQS, EventBridge, S3 and Lambda. */
  services: string;
  /** Where the tables' stack is, and the consumers of their streams. */
  homeRegion: string;
  engine: string;
  /** What a person must know who runs this engine. */
  warning: string | undefined;
  /** How far ahead of the machine's time the store's was at start. */
  aheadSeconds: number;
  notEmulated: string[];
  stateFolder: string;
  /** Issues a token, as `POST /_local/tokens` does. */
  token(claims: TokenClaims): Promise<string>;
  /** Resolves with the reason when something that it needs has ended. */
  failed: Promise<string>;
  /** What each function may do and has done on DynamoDB, and what it was denied. */
  permissions(): ReturnType<Permissions['list']>;
  stop(): Promise<void>;
}

/** Execution environments of one function: more at work at once would only share the cores. */
const POOL_SIZE = { soon: 3, most: 8 };

const SWEEP_EVERY_MS = 60_000;

/**
 * Runs a synthesized cloud assembly on this machine: its tables on an engine, its functions in processes, its HTTP API
 * on loopback. Everything that it starts ends with it.
 * @throws UserError for what a person can mend
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { port } = options;
  for (const [part, number] of Object.entries(port === 0 ? {} : portsFrom(port))) {
    if (await isFree(number)) continue;
    throw new UserError(`Port ${number} (${part}) is in use. Choose others: npm start -- --port ${(port + 10) % LAST_PORT}`);
  }
  const engine = findEngine(options.engine);
  const state = await takeState(`${options.stateFolder}-${engine.name}`, options.fresh);
  const started: { stop(): Promise<void> | void }[] = [{ stop: () => state.release() }];
  const stop = async () => {
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  try {
    return await start(options, engine, state, started, stop);
  } catch (error) {
    await stop();
    state.discard();
    throw error;
  }
}

async function start(
  options: PlatformOptions,
  engineKind: EngineKind,
  state: State,
  started: { stop(): Promise<void> | void }[],
  stop: () => Promise<void>,
): Promise<Platform> {
  const clock = new Clock(state.file('clock.json'));
  const assembly = readAssembly(await options.assembly);
  const { homeRegion, regions } = tableRegions(assembly, options.region);
  const starting = startEngine(engineKind, state.file('data'), homeRegion, (seconds) => clock.at(seconds), options.onEngineRestart);
  // Registered at once: what else is awaited may fail before the engine is up.
  started.push({ stop: () => starting.then((engine) => engine.stop()).catch(() => {}) });
  const [engine, issuer] = await Promise.all([starting, Issuer.open(state.file('issuer.pem'))]);

  const resolver = new Resolver(assembly, secretReader(assembly, state.file('secrets.json')));
  const inRegion = (region: string, type: string) =>
    assembly.resources.filter((resource) => resource.type === type && resource.stack.region === region);
  const here = (type: string) => inRegion(options.region, type);
  const atHome = (type: string) => inRegion(homeRegion, type);
  refuseResourcePolicies(atHome('AWS::DynamoDB::GlobalTable'));
  const tables = atHome('AWS::DynamoDB::GlobalTable').map((resource) => resolver.properties<GlobalTable>(resource));
  await Promise.all(
    tables.map(async (table) => {
      const streamArn = await ensureTable(engine, table, true, options.onTableUpdate);
      if (streamArn !== undefined) resolver.streamArns.set(table.TableName, streamArn);
    }),
  );

  const trace = new Trace();
  const readRole = roleReader(assembly, resolver);
  // Another region's API writes to tables whose streams are read at home.
  const consumers = new Set(atHome('AWS::Lambda::EventSourceMapping').map(({ stack }) => stack));
  const deployed = assembly.resources.filter(
    ({ type, stack }) => type === 'AWS::Lambda::Function' && (stack.region === options.region || consumers.has(stack)),
  );
  const functions = deployed.map((resource) => ({
    ...readFunction(resource, resolver, assembly),
    role: readRole(resource, resource.properties.Role),
  }));
  const keys = new TableKeys(tables);
  const permissions = new Permissions(functions, keys);
  const faults = new FaultInjector(keys, engine, () => startEngine(engineKind, undefined, homeRegion));
  started.push({ stop: async () => void (await faults.end()) });
  const byAccessKey = new Map(functions.map((fn) => [fn.accessKeyId, fn.name]));
  const identityPool = readIdentityPool(assembly, resolver, readRole);
  const sessions = new ClientSessions(() => clock.now());
  let api: HttpApi | undefined;
  const callers: Callers = {
    functionOf: (accessKeyId) => byAccessKey.get(accessKeyId),
    clientOf: (accessKeyId, sessionToken) => sessions.find(accessKeyId, sessionToken),
    requestOf: (traceId) => api?.requestOf(traceId),
  };
  const gateway = createGateway({
    callers,
    // One engine is every replica: what is written in one region is in all at once.
    engines: new Map(regions.map((region) => [region, engine])),
    homeRegion,
    trace,
    clock,
    permissions,
    onCall: options.onDynamoDbCall,
    faults,
  });
  const { kept } = options;
  const dynamodb = kept?.serve('dynamodb', gateway) ?? (await listen(gateway, portsFrom(options.port).DynamoDB));
  started.push({ stop: () => close(gateway) });

  const resources = readServices(assembly, resolver, homeRegion, functions.map(({ arn }) => arn));
  const mappings = atHome('AWS::Lambda::EventSourceMapping').map((resource) => readMapping(resource.logicalId, resolver.properties(resource)));
  const now = () => clock.now();
  const outbox = new Outbox(state.file('outbox.jsonl'), now);
  // On the machine's time, as the streams: what waits there does not end when the store's clock is moved.
  const queues = new Queues(state.file('queues.jsonl'), resources.queues, Date.now);
  const invoke = async (arn: string, event: string, tail?: boolean) => {
    const pool = pools.find(({ fn }) => fn.arn === arn) as Pool;
    return pool.invoke({ requestId: randomUUID(), traceId: newTraceId(), event, clockOffset: clock.offset, ...(tail && { tail }) });
  };
  const asyncInvocations = new AsyncInvocations(invoke, options.onStreamProblem);
  const standIns = createServices({
    region: homeRegion,
    resources,
    functions,
    invoke,
    asyncInvocations,
    callers,
    permissions,
    faults,
    outbox,
    queues,
    onFailureQueues: new Set(mappings.flatMap(({ onFailure }) => onFailure ?? [])),
    objectsFolder: state.file('objects'),
    now,
  });
  const services = kept?.serve('services', standIns) ?? (await listen(standIns, portsFrom(options.port)['other services']));
  started.push({ stop: () => close(standIns) });

  const endpoints = {
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_ENDPOINT_URL_EVENTBRIDGE: services,
    AWS_ENDPOINT_URL_LAMBDA: services,
    AWS_ENDPOINT_URL_S3: services,
    AWS_ENDPOINT_URL_SESV2: services,
    AWS_ENDPOINT_URL_SQS: services,
  };
  const pools = functions.map(
    (fn) =>
      new Pool(
        fn,
        kept?.size ?? POOL_SIZE,
        (started) =>
          kept?.start(started, endpoints) ?? new Environment(started, endpoints, (fn, text) => options.onFunctionOutput(fn.name, text)),
      ),
  );
  started.push({ stop: () => pools.forEach((pool) => pool.stop()) });

  const routes = readRoutes(here, resolver, pools);
  const [httpApi] = here('AWS::ApiGatewayV2::Api');
  if (!httpApi) throw new UserError(`The assembly has no HTTP API in ${options.region}.`);
  const publicKeys = createLocalJWKSet(issuer.jwks);
  api = new HttpApi({
    apiId: resolver.ref(httpApi),
    routes,
    keys: publicKeys,
    clockOffset: () => clock.offset,
    corsOrigins: resolver.properties<{ CorsConfiguration?: { AllowOrigins?: string[] } }>(httpApi).CorsConfiguration?.AllowOrigins ?? [],
    onRequest: options.onRequest,
  });
  const authorizer = routes.find(({ target }) => target.authorizer)?.target.authorizer ?? { issuer: '', audience: [] };
  const token = (claims: TokenClaims) => issuer.token(authorizer, claims);

  const credentials = async (given: string) => {
    if (!identityPool) throw new LocalProblem(404, 'not-found', 'The templates have no identity pool: the stack Access is left out.');
    const claims = await verifyToken(given, identityPool.provider, publicKeys);
    try {
      return claims && sessions.issue(identityPool, claims);
    } catch (error) {
      throw error instanceof TagError ? new LocalProblem(400, 'invalid-input', `token: ${error.message}`) : error;
    }
  };

  const pump = startPump({
    engine,
    tables,
    streamArns: resolver.streamArns,
    mappings,
    pools,
    region: homeRegion,
    checkpointFile: state.file('checkpoints.json'),
    clock,
    faults,
    permissions,
    queues,
    outbox,
    onProblem: options.onStreamProblem,
  });
  started.push(pump);

  const sweepAll = async () => {
    for (const table of tables) await sweep(engine, table, clock);
  };
  const sweeping = setInterval(() => void sweepAll().catch(() => {}), SWEEP_EVERY_MS);
  started.push({ stop: () => clearInterval(sweeping) });

  const server = createServer((request, response) => {
    if (!(request.url ?? '').startsWith('/_local/')) return void (api as HttpApi).handle(request, response);
    return void handleLocal(request, response, {
      health: () => ({ status: 'ok', pid: process.pid, region: options.region, homeRegion, engine: engine.label, dynamodb, services }),
      jwks: () => issuer.jwks,
      token,
      credentials,
      trace: (requestId) => trace.list(requestId),
      permissions: () => permissions.list(),
      outbox: (kind) => outbox.list(kind),
      functions: functions.map(({ name }) => name),
      faults,
      async moveClock(seconds) {
        try {
          if (seconds === undefined) clock.reset();
          else clock.advance(seconds);
        } catch (error) {
          throw error instanceof RangeError ? new LocalProblem(400, 'invalid-input', `advanceSeconds: ${error.message}`) : error;
        }
        await sweepAll();
        return { now: new Date(clock.now()).toISOString(), aheadSeconds: clock.offset / 1_000 };
      },
    });
  });
  server.keepAliveTimeout = 65_000;
  const url = await listen(server, options.port);
  started.push({ stop: () => close(server) });
  state.publish(url);
  return {
    url,
    dynamodb,
    services,
    homeRegion,
    engine: engine.label,
    warning: engine.warning,
    aheadSeconds: clock.offset / 1_000,
    notEmulated: notEmulated(assembly.resources),
    stateFolder: state.folder,
    token,
    failed: engine.crashed,
    permissions: () => permissions.list(),
    stop,
  };
}

/**
 * The region of the tables' stack, and those of their replicas.
 * @throws UserError where the region to run is none of them
 */
function tableRegions({ resources }: Assembly, region: string): { homeRegion: string; regions: string[] } {
  const tables = resources.filter(({ type }) => type === 'AWS::DynamoDB::GlobalTable');
  const [table] = tables;
  if (!table) throw new UserError('The assembly has no tables.');
  const regions = tables.flatMap(({ properties }) => (properties as unknown as GlobalTable).Replicas?.map(({ Region }) => Region) ?? []);
  if (!regions.includes(region)) {
    throw new UserError(`The assembly has no tables in ${region}; its regions: ${[...new Set(regions)].join(', ')}.`);
  }
  return { homeRegion: table.stack.region, regions: [...new Set(regions)] };
}

/** The ports follow from the API's, so that tools keep their settings. With 0, each server gets any free port. */
const portsFrom = (port: number) => ({ API: port, DynamoDB: port && port + 1, 'other services': port && port + 2 });

/** The API's port that leaves room for the others. */
export const LAST_PORT = 65_533;

function listen(server: Server, port: number): Promise<string> {
  return new Promise((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(error.code === 'EADDRINUSE' ? new UserError(`Port ${port} is in use. Choose another with --port.`) : error),
    );
    server.listen(port, '127.0.0.1', () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}
