import type { WireReply } from '../engine/engine';
import type { Reply, Step } from './call';
import { OPERATIONS } from './operations';
import { type Target, targetsIfReadable } from './targets';

/** What is kept of one call. */
export interface TraceEntry {
  at: string;
  /** The flow, or null for a call from outside. */
  function: string | null;
  operation: string;
  /** Whose replica it was signed for. */
  region: string;
  table: string | null;
  index?: string;
  /** Capacity units, as the engine counts them; null where it does not say. */
  units: number | null;
  ms: number;
  /** The API request that the call belongs to, or its own id for a call from outside. */
  requestId: string | null;
  /** `ok`, the name of the error, or `no-answer`. */
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
    const body = reply === 'no-answer' ? {} : readJson(reply);
    const targets = targetsIfReadable(call);
    const index = targets.find((target) => target.index !== undefined)?.index;
    trace.add({
      at: new Date(now()).toISOString(),
      function: call.function ?? null,
      operation: call.operation,
      region: call.region,
      table: tablesOf(targets),
      ...(index !== undefined && { index }),
      units: units(body.ConsumedCapacity),
      ms: Math.round((performance.now() - started) * 100) / 100,
      requestId: call.requestId ?? (reply === 'no-answer' ? undefined : reply.headers['x-amzn-requestid']) ?? null,
      outcome: outcomeOf(reply, body),
    });
    const isAsItWas = !countable || call.input.ReturnConsumedCapacity === asked || body.ConsumedCapacity === undefined;
    if (isAsItWas || reply === 'no-answer') return reply;
    const { ConsumedCapacity: _, ...answer } = body;
    return { ...reply, body: Buffer.from(JSON.stringify(answer)) };
  };
}

const REPORTS_CAPACITY = new Set<string>(OPERATIONS);

function outcomeOf(reply: Reply, body: Record<string, unknown>): string {
  if (reply === 'no-answer') return reply;
  return reply.status === 200 ? 'ok' : String(body.__type ?? reply.status).replace(/^.*#/, '');
}

function readJson({ body }: WireReply): Record<string, unknown> {
  try {
    return JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The tables of a call, joined where it names several. */
const tablesOf = (targets: Target[]): string | null =>
  [...new Set(targets.flatMap(({ table }) => (table === undefined ? [] : [table])))].join(', ') || null;

function units(consumed: unknown): number | null {
  const list = (Array.isArray(consumed) ? consumed : [consumed]) as ({ CapacityUnits?: number } | undefined)[];
  const counted = list.filter((entry) => entry?.CapacityUnits !== undefined);
  return counted.length > 0 ? counted.reduce((sum, entry) => sum + (entry?.CapacityUnits ?? 0), 0) : null;
}
