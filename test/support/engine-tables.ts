import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { HttpResponse } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { createStore } from '../../lambda/model/store';
import { SDK_RETRY } from '../../lambda/shared/sdk-retry';
import { startEngine } from '../../local/engine/engine';
import { findEngine } from '../../local/engine/find-engine';
import { ensureTable, type GlobalTable } from '../../local/tables';
import { resourcesOf } from './templates';

/**
 * What happens to one call: it passes, it is answered without being done (a batch with everything unprocessed), or it
 * is done and its answer is lost.
 */
export type Fault = 'pass' | 'lose-answer' | 'unprocessed' | { status: number; type: string; reasons?: (string | null)[] };

/** Says what happens to a call, and may do something before; `nth` counts the calls of the operation from 1. */
export type FaultScript = (operation: string, nth: number) => Fault | Promise<Fault>;

/** The store's tables on an engine, with the real SDK before them and a script of faults between the two. */
export async function startTables() {
  const folder = mkdtempSync(join(tmpdir(), 'store-engine-'));
  const engine = await startEngine(findEngine(undefined), folder, 'us-east-1');
  const tables = resourcesOf('per-domain', 'AWS::DynamoDB::GlobalTable').map(({ Properties }) => Properties as unknown as GlobalTable);
  await Promise.all(tables.map((table) => ensureTable(engine, table, false)));
  const clients: DynamoDBClient[] = [];
  return {
    engine,
    tables,
    /** The model with a client whose calls meet the script; and the operations that it sent, in their order. */
    store(script: FaultScript = () => 'pass') {
      const handler = new FaultHandler(script);
      const client = new DynamoDBClient({
        endpoint: engine.endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
        maxAttempts: SDK_RETRY.maxAttempts,
        requestHandler: handler,
      });
      clients.push(client);
      const names = { users: 'store-dev-Users', products: 'store-dev-Products', orders: 'store-dev-Orders' };
      const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
      return { ...createStore(names, documents), sent: handler.sent, tokens: handler.tokens };
    },
    async stop() {
      for (const client of clients) client.destroy();
      await engine.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

class FaultHandler extends NodeHttpHandler {
  readonly sent: string[] = [];
  readonly tokens: string[] = [];

  constructor(private readonly script: FaultScript) {
    super();
  }

  override async handle(...[request, options]: Parameters<NodeHttpHandler['handle']>) {
    const operation = (request.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    this.sent.push(operation);
    const input = JSON.parse(new TextDecoder().decode(request.body as Uint8Array)) as Record<string, unknown>;
    if (typeof input.ClientRequestToken === 'string') this.tokens.push(input.ClientRequestToken);
    const fault = await this.script(operation, this.sent.filter((entry) => entry === operation).length);
    if (fault === 'pass') return super.handle(request, options);
    if (fault === 'lose-answer') {
      await super.handle(request, options);
      throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' });
    }
    if (fault === 'unprocessed') return answer(200, { Responses: {}, UnprocessedKeys: input.RequestItems });
    const reasons = fault.reasons?.map((Code) => ({ Code: Code ?? 'None' }));
    const __type = `com.amazonaws.dynamodb.v20120810#${fault.type}`;
    return answer(fault.status, { __type, message: fault.type, CancellationReasons: reasons });
  }
}

const answer = (statusCode: number, body: object) => ({
  response: new HttpResponse({
    statusCode,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: Readable.from([Buffer.from(JSON.stringify(body))]),
  }),
});
