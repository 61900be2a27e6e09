import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type HttpRequest, HttpResponse } from '@smithy/core/protocols';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { createStore } from '../../lambda/model/store';
import { noteConsumedCapacity } from '../../lambda/shared/consumed-capacity';
import { SDK_RETRY } from '../../lambda/shared/sdk-retry';
import { noteWrites } from '../../lambda/shared/sent-writes';
import { startEngine } from '../../local/engine/engine';
import { findEngine } from '../../local/engine/find-engine';
import type { Call, Next, Reply } from '../../local/gateway/call';
import { effectOf } from '../../local/gateway/effects';
import type { CallFault, Fault } from '../../local/gateway/fault';
import { FaultInjector } from '../../local/gateway/faults';
import { TableKeys } from '../../local/table-keys';
import { ensureTable, type GlobalTable } from '../../local/tables';
import { engineUnderTest } from './engine';
import type { Layout } from './synthesize-once';
import { resourcesOf } from './templates';

/** What happens to one call: it passes, it meets a fault of the platform's format, or the process ends before or after it. */
export type Happening = 'pass' | CallFault | { kind: 'crash-before' } | { kind: 'crash-after' };

/** Says what happens to a call, and may do something before; `nth` counts the calls of the operation from 1. */
export type FaultScript = (operation: string, nth: number) => Happening | Promise<Happening>;

/** The end of the process: neither the SDK nor a flow's own retries go on after it. */
export class Crash extends Error {
  readonly $metadata = { httpStatusCode: 400 };

  /** ElectroDB wraps what the client throws. */
  static override [Symbol.hasInstance](error: unknown): boolean {
    return Object.prototype.isPrototypeOf.call(Crash.prototype, error as object) || (error instanceof Error && error.cause instanceof Crash);
  }
}

const REGION = 'us-east-1';

/** The store's tables on an engine, with the real SDK before them and faults between the two. */
export async function startTables(layout: Layout = 'per-domain') {
  const kind = findEngine(engineUnderTest());
  const startEmpty = () => startEngine(kind, undefined, REGION);
  const engine = await startEmpty();
  const tables = resourcesOf(layout, 'AWS::DynamoDB::GlobalTable').map(({ Properties }) => Properties as unknown as GlobalTable);
  const keys = new TableKeys(tables);
  await Promise.all(tables.map((table) => ensureTable(engine, table, false)));
  const ended: (() => unknown)[] = [];
  return {
    engine,
    tables,
    /**
     * The model with a client whose calls meet the faults: those of a list, as `POST /_local/faults` takes them, or what
     * a script says of each call. And the operations and ClientRequestTokens that it sent, and the ids of what it was
     * answered, in their order; and by token the bodies that it sent with it.
     */
    store(faults: readonly Fault[] | FaultScript = [], { maxAttempts = SDK_RETRY.maxAttempts }: { maxAttempts?: number } = {}) {
      const injector = new FaultInjector(keys, engine, startEmpty);
      const handler = new FaultHandler(
        typeof faults === 'function' ? faults : () => 'pass',
        Promise.all(typeof faults === 'function' ? [] : faults.map((fault) => injector.add(fault))),
        (call) => injector.step(call, ({ headers, input }) => engine.send(headers, Buffer.from(JSON.stringify(input)))),
        keys,
      );
      const dynamodb = new DynamoDBClient({
        region: REGION,
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        maxAttempts,
        requestHandler: handler,
      });
      noteWrites(dynamodb);
      noteConsumedCapacity(dynamodb);
      ended.push(() => dynamodb.destroy(), () => injector.end());
      const table = (domain: string) => `store-dev-${layout === 'single-table' ? 'Store' : domain}`;
      const names = { users: table('Users'), products: table('Products'), orders: table('Orders') };
      const client = DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });
      const { sent, tokens, bodies, requestIds } = handler;
      // It makes of the model what is used, and most tests use little.
      return Object.assign(createStore(names, client), { client, dynamodb, injector, sent, tokens, bodies, requestIds });
    },
    /** Serves the engine, with what its adapter mends, to clients that a suite does not make itself. @returns the endpoint */
    async serve(): Promise<string> {
      const server = createServer((request, response) => {
        void buffer(request)
          .then((body) => engine.send(request.headers as Record<string, string>, body))
          .then(({ status, headers, body }) => {
            const { 'content-length': _, connection: __, ...kept } = headers;
            response.writeHead(status, kept).end(body);
          });
      });
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      ended.push(() => {
        server.close();
        server.closeAllConnections();
      });
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    async stop() {
      for (const end of ended) await end();
      await engine.stop();
    },
  };
}

/** The SDK's way to the engine. */
class FaultHandler {
  readonly sent: string[] = [];
  readonly tokens: string[] = [];
  readonly bodies = new Map<string, Set<string>>();
  readonly requestIds: string[] = [];

  constructor(
    private readonly script: FaultScript,
    private readonly ready: Promise<unknown>,
    private readonly send: Next,
    private readonly keys: TableKeys,
  ) {
    ready.catch(() => {});
  }

  /** As the SDK's own handler, it gives up a call when the caller does. */
  async handle(request: HttpRequest, { abortSignal }: Parameters<NodeHttpHandler['handle']>[1] = {}) {
    const signal = abortSignal as AbortSignal | undefined;
    let abort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }));
      signal?.addEventListener('abort', abort);
    });
    return Promise.race([this.meetAll(request), aborted]).finally(() => signal?.removeEventListener('abort', abort));
  }

  private async meetAll({ headers, body }: HttpRequest) {
    await this.ready;
    const operation = (headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    this.sent.push(operation);
    const text = new TextDecoder().decode(body as Uint8Array);
    const input = JSON.parse(text) as Record<string, unknown>;
    if (typeof input.ClientRequestToken === 'string') {
      this.tokens.push(input.ClientRequestToken);
      this.bodies.set(input.ClientRequestToken, (this.bodies.get(input.ClientRequestToken) ?? new Set()).add(text));
    }
    const call: Call = { operation, headers, input, accessKeyId: 'test', region: REGION, traceId: undefined, function: 'tested' };
    const happening = await this.script(operation, this.sent.filter((entry) => entry === operation).length);
    const requestId = randomUUID();
    const answered = answer(await this.meet(happening, call), requestId);
    this.requestIds.push(requestId);
    return answered;
  }

  private async meet(happening: Happening, call: Call): Promise<Reply> {
    if (happening === 'pass') return this.send(call);
    if (happening.kind === 'crash-before') throw new Crash();
    if (happening.kind === 'crash-after') {
      await this.send(call);
      throw new Crash();
    }
    return (effectOf(happening, call, this.keys) ?? ((next) => next(call)))(this.send);
  }
}

/** Every answer of DynamoDB has an id, also that of an error. */
function answer(reply: Reply, requestId: string) {
  // As the SDK's own handler tells of a connection that breaks.
  if (reply === 'no-answer') throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' });
  const { status, headers, body } = reply;
  return { response: new HttpResponse({ statusCode: status, headers: { ...headers, 'x-amzn-requestid': requestId }, body: Readable.from([body]) }) };
}
