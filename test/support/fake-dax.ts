import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { DaxMethods } from '../../lambda/shared/dax-client';

/** Where the client keeps what it knows of its nodes. */
interface HasCluster {
  readonly _cluster: object;
}

/** The real client, also where a suite puts this one in its place; and parts of it that its package does not export. */
const { DaxDocument } = jest.requireActual<{ DaxDocument: new (config: object, cluster: object) => DaxMethods & HasCluster }>('@amazon-dax-sdk/lib-dax');
const DaxClientError = require('@amazon-dax-sdk/client-dax/src/DaxClientError') as new (message: string, code: string, retryable?: boolean) => Error;
const DaxServiceError = require('@amazon-dax-sdk/client-dax/src/DaxServiceError') as new (
  message: string,
  code: string,
  retryable: undefined,
  requestId: string,
  statusCode: number,
  codeSeq: number[],
  cancellationReasons?: object[],
) => Error;

/**
 * What happens to a call:
 * - it is served;
 * - `no-route`: no node can be reached, so nothing is sent;
 * - `connection-lost`, `answer-lost`: the connection breaks before, or after, it was done;
 * - `hangs`, `hangs-after`: nothing ever comes, and it was not done, or was;
 * - `unavailable`: the node answers 500; `not-allowed`: it answers 400 for what only concerns the cluster;
 * - `defect`: the client's own code fails, as it does on an answer that it cannot read.
 */
export type DaxHappening = 'served' | 'no-route' | 'connection-lost' | 'answer-lost' | 'hangs' | 'hangs-after' | 'unavailable' | 'not-allowed' | 'defect';

export interface DaxCall {
  operation: string;
  // As the client sends it; the tests say by their expectations what must be in it.
  input: any; // oxlint-disable-line typescript/no-explicit-any
}

const COMMANDS = {
  getItem: GetItemCommand,
  batchGetItem: BatchGetItemCommand,
  query: QueryCommand,
  scan: ScanCommand,
  putItem: PutItemCommand,
  updateItem: UpdateItemCommand,
  deleteItem: DeleteItemCommand,
  batchWriteItem: BatchWriteItemCommand,
  transactWriteItems: TransactWriteItemsCommand,
};
type Operation = keyof typeof COMMANDS;

/** The last number of the code sequence by which a node tells the client of an exception of DynamoDB. */
const CODES: Record<string, number> = {
  ProvisionedThroughputExceededException: 40,
  ResourceNotFoundException: 41,
  ConditionalCheckFailedException: 43,
  ValidationException: 46,
  InternalServerError: 47,
  ItemCollectionSizeLimitExceededException: 48,
  ThrottlingException: 50,
  TransactionCanceledException: 58,
  RequestLimitExceeded: 61,
};

type Key = Record<string, object>;
type Item = Record<string, object>;

/**
 * A DAX cluster of one node in front of an engine: the real client with its marshalling, its retries and its errors, but for the
 * wire. It caches as AWS describes: items by their key, also those that are not there; queries by their parameters; writes go to
 * DynamoDB first and then into the items.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.consistency.html
 */
export class FakeDax {
  readonly calls: DaxCall[] = [];
  private readonly items = new Map<string, { item: Item | undefined; until: number }>();
  private readonly queries = new Map<string, { output: object; until: number }>();
  private readonly fills: Promise<unknown>[] = [];
  private time = 0;

  constructor(
    private readonly dynamodb: DynamoDBClient,
    readonly ttl = { recordMs: 300_000, queryMs: 60_000 },
    /** Says what happens to a call; `nth` counts the calls of the operation from 1. */
    public script: (operation: string, nth: number) => DaxHappening = () => 'served',
    /** Whether the client has looked for its nodes; until then there is no route. */
    public isStarted = true,
  ) {
    // What a cluster consumes is no function's, but for what it tells in its answers.
    dynamodb.middlewareStack.remove('noteConsumedCapacity');
  }

  /** A `DaxDocument` of the real library. */
  connect(config: object = { endpoint: 'dax://127.0.0.1:8111', maxRetries: 0, readRetries: 1 }): DaxMethods & HasCluster {
    const client = new DaxDocument(config, this.cluster());
    const method = (name: keyof DaxMethods) => (params: object) => client[name](params).catch(unwrapped);
    return {
      _cluster: client._cluster,
      get: method('get'),
      batchGet: method('batchGet'),
      query: method('query'),
      scan: method('scan'),
      put: method('put'),
      update: method('update'),
      delete: method('delete'),
      batchWrite: method('batchWrite'),
      transactWrite: method('transactWrite'),
    };
  }

  /** Lets time go by for what is cached. */
  advance(ms: number): void {
    this.time += ms;
  }

  /** Resolves when what was read in the background is cached. */
  async settled(): Promise<void> {
    await Promise.all(this.fills.splice(0));
  }

  /** The operations that were sent, in their order. */
  get sent(): string[] {
    return this.calls.map(({ operation }) => operation);
  }

  /** What the client asks of its cluster. */
  private cluster() {
    const node = Object.fromEntries((Object.keys(COMMANDS) as Operation[]).map((operation) => [operation, (input: object) => this.meet(operation, input)]));
    return {
      startup() {},
      close() {},
      startupComplete: () => this.isStarted,
      waitForRoutesRebuilt: () => new Promise((done) => setTimeout(done, 5)),
      readClient: () => this.route(node),
      leaderClient: () => this.route(node),
    };
  }

  private route<Node>(node: Node): Node {
    if (!this.isStarted) throw new DaxClientError('No endpoints available', 'NoRouteException', true);
    return node;
  }

  private async meet(operation: Operation, input: object): Promise<object> {
    this.calls.push({ operation, input: structuredClone(input) });
    const nth = this.sent.filter((entry) => entry === operation).length;
    const lost = (code: string) => new DaxClientError('Connection is closed by server', code, true);
    switch (this.script(operation, nth)) {
      case 'no-route':
        throw new DaxClientError('No endpoints available', 'NoRouteException', true);
      case 'connection-lost':
        throw lost('ConnectionException');
      case 'hangs':
        return new Promise(() => {});
      case 'unavailable':
        throw new DaxServiceError('Internal error', 'InternalServerError', undefined, 'r1', 500, [4, 37, 38, 39, 47]);
      case 'not-allowed':
        throw new DaxServiceError('User is not authorized to perform: dax:GetItem', 'AccessDeniedException', undefined, 'r1', 400, [4, 23, 31, 34]);
      case 'defect':
        throw new TypeError("Cannot read properties of undefined (reading 'length')");
      case 'answer-lost':
        await this.serve(operation, input);
        throw lost('EndOfStreamException');
      case 'hangs-after':
        await this.serve(operation, input);
        return new Promise(() => {});
      default:
        return this.serve(operation, input).catch((error: unknown) => {
          throw asServiceError(error);
        });
    }
  }

  private async serve(operation: Operation, input: Record<string, any>): Promise<object> { // oxlint-disable-line typescript/no-explicit-any
    switch (operation) {
      case 'getItem': {
        if (input.ConsistentRead) return this.send(operation, input);
        const known = this.known(input.TableName, input.Key);
        if (known) return known.item ? { Item: known.item } : {};
        const output = (await this.send(operation, input)) as { Item?: Item };
        this.keep(input.TableName, input.Key, output.Item);
        return output;
      }
      case 'batchGetItem':
        return this.batchGet(input.RequestItems, input.ReturnConsumedCapacity);
      case 'query':
      case 'scan': {
        if (input.ConsistentRead) return this.send(operation, input);
        const parameters = JSON.stringify([operation, input]);
        const known = this.queries.get(parameters);
        if (known && known.until > this.time) return known.output;
        const output = await this.send(operation, input);
        const { ConsumedCapacity: _, ...cached } = output as { ConsumedCapacity?: object };
        this.queries.set(parameters, { output: cached, until: this.time + this.ttl.queryMs });
        return output;
      }
      case 'batchWriteItem': {
        const output = (await this.send(operation, input)) as { UnprocessedItems?: Record<string, object[]> };
        for (const [table, requests] of Object.entries(input.RequestItems as Record<string, Record<string, { Item?: Item; Key?: Key }>[]>)) {
          const left = JSON.stringify(output.UnprocessedItems?.[table] ?? []);
          for (const { PutRequest, DeleteRequest } of requests) {
            if (left.includes(JSON.stringify(PutRequest ?? DeleteRequest))) continue;
            this.keep(table, keyOf(PutRequest?.Item ?? DeleteRequest?.Key ?? {}), PutRequest?.Item);
          }
        }
        return output;
      }
      case 'transactWriteItems': {
        // The client drops nothing here: reasons with their items come back.
        const output = await this.send(operation, input);
        const written = (input.TransactItems as Record<string, { TableName: string; Key?: Key; Item?: Item }>[]).flatMap((action) => Object.values(action));
        this.fills.push(Promise.all(written.map(({ TableName, Key, Item }) => this.fill(TableName, Key ?? keyOf(Item ?? {})))));
        return output;
      }
      default: {
        // The client never encodes it for a single write.
        const { ReturnValuesOnConditionCheckFailure: _, ...sent } = input;
        const output = await this.send(operation, sent);
        await this.fill(input.TableName, input.Key ?? keyOf(input.Item));
        return output;
      }
    }
  }

  private async batchGet(requestItems: Record<string, { Keys: Key[]; ConsistentRead?: boolean }>, ReturnConsumedCapacity: string): Promise<object> {
    const Responses: Record<string, Item[]> = {};
    const UnprocessedKeys: Record<string, object> = {};
    const ConsumedCapacity: object[] = [];
    for (const [table, request] of Object.entries(requestItems)) {
      const found = request.Keys.map((key) => ({ key, known: request.ConsistentRead ? undefined : this.known(table, key) }));
      Responses[table] = found.flatMap(({ known }) => (known?.item ? [known.item] : []));
      const asked = found.flatMap(({ key, known }) => (known ? [] : [key]));
      if (asked.length === 0) continue;
      const output = (await this.send('batchGetItem', { ReturnConsumedCapacity, RequestItems: { [table]: { ...request, Keys: asked } } })) as {
        ConsumedCapacity?: object[];
        Responses?: Record<string, Item[]>;
        UnprocessedKeys?: Record<string, { Keys: Key[] }>;
      };
      ConsumedCapacity.push(...(output.ConsumedCapacity ?? []));
      const items = output.Responses?.[table] ?? [];
      Responses[table].push(...items);
      const unprocessed = output.UnprocessedKeys?.[table]?.Keys ?? [];
      if (unprocessed.length > 0) UnprocessedKeys[table] = output.UnprocessedKeys?.[table] as object;
      const byKey = new Map(items.map((item) => [JSON.stringify(keyOf(item)), item]));
      for (const key of asked) {
        if (!unprocessed.some((left) => JSON.stringify(keyOf(left)) === JSON.stringify(keyOf(key)))) this.keep(table, key, byKey.get(JSON.stringify(keyOf(key))));
      }
    }
    return { Responses, UnprocessedKeys, ConsumedCapacity };
  }

  private known(table: string, key: Key) {
    const entry = this.items.get(JSON.stringify([table, keyOf(key)]));
    return entry && entry.until > this.time ? entry : undefined;
  }

  private keep(table: string, key: Key, item: Item | undefined): void {
    this.items.set(JSON.stringify([table, keyOf(key)]), { item, until: this.time + this.ttl.recordMs });
  }

  private async fill(table: string, key: Key): Promise<void> {
    const { Item } = (await this.send('getItem', { TableName: table, Key: key, ConsistentRead: true })) as { Item?: Item };
    this.keep(table, key, Item);
  }

  private send(operation: Operation, input: object): Promise<object> {
    const Command = COMMANDS[operation] as unknown as new (input: object) => never;
    return this.dynamodb.send(new Command(input)) as Promise<object>;
  }
}

/** The client throws by Node's `emit('error')`, which wraps what is no Error of Node's own; those of jest's modules are not. */
function unwrapped(error: unknown): never {
  throw (error as { context?: unknown }).context ?? error;
}

/** The key of an item, in one order. */
const keyOf = ({ pk, sk }: Item): Key => ({ pk: pk as object, sk: sk as object });

/** An error of DynamoDB as the client's decoder makes it: what is absent in a reason is null. */
function asServiceError(error: unknown): unknown {
  const { name, message, $metadata, CancellationReasons } = error as Error & {
    $metadata?: { httpStatusCode?: number };
    CancellationReasons?: { Code?: string; Message?: string; Item?: object }[];
  };
  const status = $metadata?.httpStatusCode;
  if (status === undefined) return error;
  const reasons = CancellationReasons?.map(({ Code, Message = null, Item = null }) => ({ Item, Code, Message }));
  return new DaxServiceError(message, name, undefined, 'r1', status, [4, 37, 38, 39, CODES[name] ?? 0], reasons);
}
