import type { WireReply } from '../engine/engine';
import type { Call, Step } from './call';

/** What is kept of one call. */
export interface TraceEntry {
  at: string;
  /** The flow, or null for a call from outside. */
  function: string | null;
  operation: string;
  table: string | null;
  index?: string;
  /** Capacity units, as the engine counts them; null where it does not say. */
  units: number | null;
  ms: number;
  /** The API request that the call belongs to, or its own id for a call from outside. */
  requestId: string | null;
  /** `ok`, or the name of the error. */
  outcome: string;
}

const KEPT = 10_000;

/** The last calls that passed the gateway. */
export class Trace {
  private readonly entries: TraceEntry[] = [];

  add(entry: TraceEntry): void {
    this.entries.push(entry);
    if (this.entries.length > KEPT * 1.1) this.entries.splice(0, this.entries.length - KEPT);
  }

  /** Newest first. */
  list(requestId: string | undefined): TraceEntry[] {
    return this.entries.filter((entry) => requestId === undefined || entry.requestId === requestId).reverse();
  }
}

/** Measures each call: operation, table, index, consumed capacity, time and outcome. */
export function meter(trace: Trace, now: () => number): Step {
  return async (call, next) => {
    const started = performance.now();
    const asked = call.input.ReturnConsumedCapacity;
    const countable = REPORTS_CAPACITY.has(call.operation);
    if (countable && (asked === undefined || asked === 'NONE')) call.input.ReturnConsumedCapacity = 'TOTAL';
    const reply = await next(call);
    const body = readJson(reply);
    const index = call.input.IndexName;
    trace.add({
      at: new Date(now()).toISOString(),
      function: call.function ?? null,
      operation: call.operation,
      table: tablesOf(call),
      ...(typeof index === 'string' && { index }),
      units: units(body.ConsumedCapacity),
      ms: Math.round((performance.now() - started) * 100) / 100,
      requestId: call.requestId ?? reply.headers['x-amzn-requestid'] ?? null,
      outcome: reply.status === 200 ? 'ok' : String(body.__type ?? reply.status).replace(/^.*#/, ''),
    });
    if (!countable || call.input.ReturnConsumedCapacity === asked || body.ConsumedCapacity === undefined) return reply;
    const { ConsumedCapacity: _, ...answer } = body;
    return { ...reply, body: Buffer.from(JSON.stringify(answer)) };
  };
}

const REPORTS_CAPACITY = new Set([
  'BatchExecuteStatement',
  'BatchGetItem',
  'BatchWriteItem',
  'DeleteItem',
  'ExecuteStatement',
  'ExecuteTransaction',
  'GetItem',
  'PutItem',
  'Query',
  'Scan',
  'TransactGetItems',
  'TransactWriteItems',
  'UpdateItem',
]);

function readJson({ body }: WireReply): Record<string, unknown> {
  try {
    return JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The tables of a call, joined where it names several. */
function tablesOf({ input }: Call): string | null {
  const names = new Set<string>();
  if (typeof input.TableName === 'string') names.add(input.TableName);
  for (const table of Object.keys((input.RequestItems as object | undefined) ?? {})) names.add(table);
  for (const item of (input.TransactItems as Record<string, { TableName?: string }>[] | undefined) ?? []) {
    for (const { TableName } of Object.values(item)) if (TableName) names.add(TableName);
  }
  return names.size > 0 ? [...names].join(', ') : null;
}

function units(consumed: unknown): number | null {
  const list = (Array.isArray(consumed) ? consumed : [consumed]) as ({ CapacityUnits?: number } | undefined)[];
  const counted = list.filter((entry) => entry?.CapacityUnits !== undefined);
  return counted.length > 0 ? counted.reduce((sum, entry) => sum + (entry?.CapacityUnits ?? 0), 0) : null;
}
