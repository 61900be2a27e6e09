import type { Engine } from '../engine/engine';
import type { TableKeys } from '../table-keys';
import type { Call, Next, Reply, Step } from './call';
import { type Effect, effectOf } from './effects';
import { type ConsumerFault, type Fault, operationsOf, type ServiceFault, serviceOf } from './fault';
import { LaggingCopy, readsGlobalIndex } from './lagging-copy';
import type { FaultyServiceName } from './operations';
import { isWrite } from './targets';

/** A fault with its id and the number of calls that it hit. */
export type InjectedFault = { id: string; injected: number } & Fault;

interface ActiveFault {
  id: string;
  fault: Fault;
  /** Calls that it would have hit. */
  met: number;
  injected: number;
  /** Of `gsi-lag`. */
  copy?: LaggingCopy;
}

const LAG_SECONDS = 5;

/** Injects faults into the calls of functions, and lets everybody else's pass. */
export class FaultInjector {
  private active: ActiveFault[] = [];
  private readonly firstCalls = new Map<string, () => void>();
  private lastId = 0;

  /** @param startCopy starts an empty engine for the tables as `gsi-lag` shows them */
  constructor(
    private readonly keys: TableKeys,
    private readonly engine: Engine,
    private readonly startCopy: () => Promise<Engine>,
  ) {}

  /** Resolves when it is in force. */
  async add(fault: Fault): Promise<InjectedFault> {
    const entry: ActiveFault = { id: String(++this.lastId), fault, met: 0, injected: 0 };
    if (fault.kind === 'gsi-lag') {
      entry.copy = new LaggingCopy(this.engine, this.startCopy(), this.keys, (fault.seconds ?? LAG_SECONDS) * 1_000);
    }
    this.active.push(entry);
    try {
      await entry.copy?.ready;
    } catch (error) {
      this.active = this.active.filter((other) => other !== entry);
      throw error;
    }
    return shown(entry);
  }

  list(): InjectedFault[] {
    return this.active.map(shown);
  }

  /**
   * Whether a fault hits the delivery of a batch to a function: one that names it or, unless `isNamed`, one that names none. The latter
   * waits for a consumer that calls DynamoDB or another service: a batch that nothing follows from would use it up unseen.
   */
  strikes(kind: ConsumerFault['kind'], functionName: string, isNamed: boolean): boolean {
    return this.active.some((entry) => {
      if (entry.fault.kind !== kind || entry.fault.function !== (isNamed ? functionName : undefined) || !isDue(entry)) return false;
      entry.injected++;
      return true;
    });
  }

  /** Tells `listener` of the first call that the invocation with this trace id makes. @returns ends that */
  onFirstCall(traceId: string, listener: () => void): () => void {
    this.firstCalls.set(traceId, listener);
    return () => this.firstCalls.delete(traceId);
  }

  /** A function calls DynamoDB or another service. */
  sees(traceId: string | undefined): void {
    const listener = traceId === undefined ? undefined : this.firstCalls.get(traceId);
    if (!listener) return;
    this.firstCalls.delete(traceId as string);
    listener();
  }

  /** The first fault that hits a function's call of a service beside DynamoDB; undefined where none does. */
  ofService(service: FaultyServiceName, operation: string, functionName: string): ServiceFault | undefined {
    for (const entry of this.active) {
      const { fault } = entry;
      if (serviceOf(fault) !== service || (fault.function ?? functionName) !== functionName) continue;
      if (!operationsOf(fault).includes(operation) || !isDue(entry)) continue;
      entry.injected++;
      return fault as ServiceFault;
    }
    return undefined;
  }

  /** Ends the fault with this id, or all of them. @returns how many there were */
  async end(id?: string): Promise<number> {
    const ended = this.active.filter((entry) => id === undefined || entry.id === id);
    this.active = this.active.filter((entry) => !ended.includes(entry));
    await Promise.all(ended.map(({ copy }) => copy?.stop()));
    return ended.length;
  }

  readonly step: Step = (call, next) => {
    this.sees(call.traceId);
    const done: Next = async (call) => {
      const reply = await next(call);
      if (reply !== 'no-answer' && reply.status === 200) for (const { copy } of this.active) copy?.follow(call);
      return reply;
    };
    return (this.hit(call) ?? ((next) => next(call)))(done);
  };

  /** The effect of the first fault that answers the call; else the copy that it reads from; undefined where none hits it. */
  private hit(call: Call): Effect | undefined {
    let lagging: Effect | undefined;
    for (const entry of this.active) {
      const { fault, copy } = entry;
      if (!this.concerns(fault, call) || !isDue(entry)) continue;
      const effect = effectOfFault(fault, copy, call, this.keys);
      if (!effect) continue;
      entry.injected++;
      if (fault.kind !== 'gsi-lag') return effect;
      lagging ??= effect;
    }
    return lagging;
  }

  private concerns(fault: Fault, call: Call): boolean {
    if (call.function === undefined || (fault.function ?? call.function) !== call.function) return false;
    if (serviceOf(fault) !== undefined || !operationsOf(fault).includes(call.operation)) return false;
    if (fault.kind === 'gsi-lag') return readsGlobalIndex(call, this.keys);
    return fault.kind !== 'timeout-after-commit' || fault.operation !== undefined || isWrite(call);
  }
}

/** Whether it is a fault's turn, by its `after`, `count` and `rate`; the rate of `unprocessed` is of items. Counts the turn. */
function isDue(entry: ActiveFault): boolean {
  const { after = 0, count = Infinity, rate = 1, kind } = entry.fault;
  return ++entry.met > after && entry.injected < count && (kind === 'unprocessed' || Math.random() < rate);
}

function effectOfFault(fault: Fault, copy: LaggingCopy | undefined, call: Call, keys: TableKeys): Effect | undefined {
  switch (fault.kind) {
    case 'gsi-lag':
      return copy && ((): Promise<Reply> => copy.read(call));
    case 'duplicate-batch':
    case 'kill-consumer':
    case 'refused':
      return undefined;
    default:
      return effectOf(fault, call, keys);
  }
}

const shown = ({ id, fault, injected }: ActiveFault): InjectedFault => ({ id, ...fault, injected });
