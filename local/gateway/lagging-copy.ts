import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { callApi } from '../engine/api';
import type { Engine, WireReply } from '../engine/engine';
import { keyOf } from '../partiql/statement';
import type { TableKeys } from '../table-keys';
import { ensureTable } from '../tables';
import type { Call } from './call';
import { targetsIfReadable } from './targets';

type Item = Record<string, AttributeValue>;

/** An item as it was after a write; without `Item` it was deleted. */
interface Image {
  TableName: string;
  Key: Item;
  Item?: Item | undefined;
}

const SCAN_LIMIT = 500;
const BATCH_LIMIT = 25;

/**
 * The tables as they were some time ago, on an engine of their own: where indexes are read that lag behind. No engine
 * lets an index lag; in DynamoDB every global index does.
 */
export class LaggingCopy {
  /** Resolves when it holds what the tables held. */
  readonly ready: Promise<void>;
  /** The images are read one after another, so that those of one item are in the order in which it was written. */
  private reading: Promise<void>;
  private applying: Promise<void> = Promise.resolve();
  private readonly due: Image[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopped = false;
  private failure: unknown;

  constructor(
    private readonly source: Engine,
    private readonly copy: Promise<Engine>,
    private readonly keys: TableKeys,
    private readonly lagMs: number,
  ) {
    this.ready = this.load();
    this.reading = this.ready.catch(() => {});
  }

  /** Follows a write that was done. */
  follow(call: Call): void {
    for (const written of writtenKeys(call, this.keys)) {
      this.reading = this.reading.then(() => this.capture(written)).catch((error: unknown) => this.fail(error));
    }
  }

  /** @throws Error when it could not follow a write */
  async read(call: Call): Promise<WireReply> {
    await this.ready;
    if (this.failure !== undefined) throw this.failure;
    return (await this.copy).send(call.headers, Buffer.from(JSON.stringify(call.input)));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    await this.reading;
    await this.applying;
    await this.copy.then((engine) => engine.stop()).catch(() => {});
  }

  private async load(): Promise<void> {
    const copy = await this.copy;
    for (const table of this.keys.tables) {
      const { TableName } = table;
      await ensureTable(copy, table, false);
      let start: Item | undefined;
      do {
        const page: { Items: Item[]; LastEvaluatedKey?: Item } = await callApi(this.source, 'Scan', {
          TableName,
          ConsistentRead: true,
          Limit: SCAN_LIMIT,
          ...(start && { ExclusiveStartKey: start }),
        });
        const puts = page.Items.map((Item) => ({ PutRequest: { Item } }));
        for (let at = 0; at < puts.length; at += BATCH_LIMIT) {
          await callApi(copy, 'BatchWriteItem', { RequestItems: { [TableName]: puts.slice(at, at + BATCH_LIMIT) } });
        }
        start = page.LastEvaluatedKey;
      } while (start && !this.stopped);
    }
  }

  private async capture({ TableName, Key }: Image): Promise<void> {
    if (this.stopped) return;
    const { Item } = await callApi<{ Item?: Item }>(this.source, 'GetItem', { TableName, Key, ConsistentRead: true });
    this.due.push({ TableName, Key, Item });
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      // All wait the same time, so whose turn it is has waited longest.
      const image = this.due.shift();
      if (image) this.applying = this.applying.then(() => this.apply(image)).catch((error: unknown) => this.fail(error));
    }, this.lagMs);
    this.timers.add(timer);
  }

  private async apply({ TableName, Key, Item }: Image): Promise<void> {
    if (this.stopped) return;
    const copy = await this.copy;
    await (Item ? callApi(copy, 'PutItem', { TableName, Item }) : callApi(copy, 'DeleteItem', { TableName, Key }));
  }

  private fail(error: unknown): void {
    if (!this.stopped) this.failure ??= error;
  }
}

/** Whether a call reads a global index of a table, and nothing else. */
export function readsGlobalIndex(call: Call, keys: TableKeys): boolean {
  const targets = targetsIfReadable(call);
  return targets.length > 0 && targets.every(({ table, index }) => index !== undefined && keys.globalIndexes(table ?? '').includes(index));
}

/** The keys of what a call writes. */
function writtenKeys(call: Call, keys: TableKeys): Image[] {
  const { TableName, Item, Key, RequestItems, TransactItems } = call.input as WriteRequest;
  const entries: WriteEntry[] = [
    { TableName, Item, Key: WITH_KEY.has(call.operation) ? Key : undefined },
    ...Object.entries(call.operation === 'BatchWriteItem' ? (RequestItems ?? {}) : {}).flatMap(([TableName, requests]) =>
      requests.flatMap((request) => Object.values(request).map((write) => ({ TableName, ...write }))),
    ),
    ...(TransactItems ?? []).flatMap(({ Put, Update, Delete }) => [Put, Update, Delete].filter((write) => write !== undefined)),
    ...targetsIfReadable(call).flatMap(({ statement, table }) =>
      statement && statement.kind !== 'SELECT' ? [{ TableName: table, Key: keyOf(statement, keys.primaryKey(statement.table) ?? []) }] : [],
    ),
  ];
  return entries.flatMap(({ TableName, Item, Key }) => {
    const names = TableName === undefined ? undefined : keys.primaryKey(TableName);
    const written = Item ?? Key;
    if (TableName === undefined || !names || !written) return [];
    return [{ TableName, Key: Object.fromEntries(names.flatMap((name) => (written[name] ? [[name, written[name]]] : []))) }];
  });
}

const WITH_KEY = new Set(['UpdateItem', 'DeleteItem']);

interface WriteEntry {
  TableName?: string | undefined;
  Item?: Item | undefined;
  Key?: Item | undefined;
}

interface WriteRequest extends WriteEntry {
  RequestItems?: Record<string, Record<'PutRequest' | 'DeleteRequest', WriteEntry>[]>;
  TransactItems?: Partial<Record<'Put' | 'Update' | 'Delete', WriteEntry>>[];
}
