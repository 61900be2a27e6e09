import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock';
import type { Engine } from '../engine/engine';
import type { StreamRecord } from '../engine/logged-streams';
import type { Pool } from '../functions/pool';
import type { FaultInjector } from '../gateway/faults';
import type { Permissions } from '../gateway/permissions';
import type { Outbox } from '../services/outbox';
import type { Queues } from '../services/queues';
import type { GlobalTable } from '../tables';
import { newTraceId } from '../trace-id';
import { UserError } from '../user-error';
import { Checkpoints } from './checkpoints';
import { consume, type ConsumerPorts, type ShardSource, type SourceRecord } from './consumer';
import { KINESIS_SHARD, kinesisChange, kinesisEvent } from './kinesis-destination';
import type { MappingSettings } from './mapping';
import { keepReading, Readers } from './readers';
import { TableStream } from './table-stream';

const TRIM_EVERY_MS = 60_000;

/** How long the end of the platform waits for invocations under way. */
const LAST_INVOCATIONS_MS = 2_000;

/** A killed consumer ends within these milliseconds: in the middle of a batch, or just after a short one. */
const KILL_WITHIN_MS = 30;

/** What Lambda needs on a stream, in the function's name. */
const READ_ACTIONS = {
  dynamodb: ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'],
  kinesis: ['DescribeStream', 'DescribeStreamSummary', 'GetRecords', 'GetShardIterator', 'ListShards'],
};

interface PumpOptions {
  engine: Engine;
  tables: readonly GlobalTable[];
  /** The tables' streams, by table. */
  streamArns: ReadonlyMap<string, string>;
  mappings: readonly MappingSettings[];
  pools: readonly Pool[];
  region: string;
  checkpointFile: string;
  clock: Clock;
  faults: FaultInjector;
  permissions: Permissions;
  queues: Queues;
  outbox: Outbox;
  /** What a person should read: a record that was given up, a read that failed. */
  onProblem(text: string): void;
}

/**
 * Reads the streams as the event source mappings of the templates say, and invokes their functions. What is written to a
 * table with a Kinesis Data Stream as destination goes there too.
 * @throws UserError where a function's role lacks what its mapping needs, as Lambda refuses the mapping
 */
export function startPump(options: PumpOptions): { stop(): Promise<void> } {
  const { engine, clock, faults, permissions, queues, outbox, onProblem } = options;
  const checkpoints = new Checkpoints(options.checkpointFile);
  const stopping = new AbortController();
  const readers = new Readers(checkpoints);
  const checkpoint = (reader: string): ConsumerPorts['checkpoint'] => ({
    get: () => checkpoints.get(reader),
    set: (sequenceNumber) => checkpoints.set(reader, sequenceNumber),
  });
  const running: Promise<void>[] = [];
  const keep = (read: () => Promise<void>) => running.push(keepReading(read, stopping.signal, onProblem));

  for (const settings of options.mappings) {
    const { id, eventSourceArn, functionName, onFailure } = settings;
    const pool = options.pools.find(({ fn }) => fn.arn === functionName || fn.functionName === functionName);
    if (!pool) throw new UserError(`The event source mapping ${id} invokes ${functionName}, which is no function here.`);
    const { fn } = pool;
    const { table, source } = sourceOf(settings, options);
    const service = eventSourceArn.split(':')[2] as keyof typeof READ_ACTIONS;
    const needs = READ_ACTIONS[service].map((action) => ({ action: `${service}:${action}`, resource: eventSourceArn }));
    if (onFailure !== undefined) needs.push({ action: 'sqs:SendMessage', resource: onFailure });
    const denied = permissions.check(fn.name, ...needs);
    if (denied !== undefined) throw new UserError(`Lambda would refuse the event source mapping ${id}. ${denied}`);
    if (!settings.enabled) continue;
    readers.add(table, id);
    pool.warm();

    const invoke = async (event: object) => {
      const [requestId, traceId, kill] = [randomUUID(), newTraceId(), new AbortController()];
      let [isKilled, hasCalled] = [false, false];
      const mayKill = (isNamed: boolean) => {
        if (isKilled || !faults.strikes('kill-consumer', fn.name, isNamed)) return;
        isKilled = true;
        setTimeout(() => kill.abort(), Math.random() * KILL_WITHIN_MS);
      };
      const unwatch = faults.onFirstCall(traceId, () => {
        hasCalled = true;
        mayKill(false);
      });
      mayKill(true);
      const result = await pool.invoke({ requestId, traceId, event: JSON.stringify(event), clockOffset: clock.offset, kill: kill.signal });
      unwatch();
      if (!isKilled) return { requestId, hasCalled, ...result };
      // It has answered by now, and nobody hears that.
      kill.abort();
      return { requestId, hasCalled, error: { errorType: 'Runtime.ExitError', errorMessage: 'Runtime exited with SIGKILL' } };
    };
    const ports: ConsumerPorts = {
      async invoke(event) {
        const { hasCalled, ...result } = await invoke(event);
        const isDue = (isNamed: boolean) => faults.strikes('duplicate-batch', fn.name, isNamed);
        return 'payload' in result && (isDue(true) || (hasCalled && isDue(false))) ? invoke(event) : result;
      },
      sendOnFailure(record) {
        queues.send(onFailure as string, JSON.stringify(record));
        return Promise.resolve();
      },
      checkpoint: checkpoint(id),
      now: Date.now,
      wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
      onDiscard(record, records) {
        // The queue's message says where the records are; a person here may see which.
        const items = records.map(({ event }) => ({ eventName: event.eventName, keys: (event.dynamodb as { Keys?: object } | undefined)?.Keys }));
        outbox.add({ kind: 'dead-letter', function: fn.name, queue: onFailure?.split(':').at(-1) ?? null, ...record, items });
        const named = items.slice(0, 3).map(({ eventName, keys }) => `${String(eventName)} ${JSON.stringify(keys ?? {})}`);
        onProblem(`${fn.name} gave up ${records.length === 1 ? 'a record' : `${records.length} records`}: ${named.join(', ')}`);
      },
      onError: (error) => stopping.signal.aborted || onProblem(`${fn.name} cannot read its stream: ${String(error)}`),
    };
    keep(async () => {
      const position = checkpoints.get(id);
      if (position !== undefined && !(await source.has(position))) {
        onProblem(`The checkpoint ${JSON.stringify(position)} of ${fn.name} is no position in its stream. The stream is read again from its oldest record.`);
        checkpoints.forget(id);
      }
      if (checkpoints.get(id) === undefined && settings.startingPosition === 'LATEST') {
        const latest = await source.latest();
        if (latest !== undefined) checkpoints.set(id, latest);
      }
      await consume(settings, fn.arn, source, ports, stopping.signal);
    });
  }

  const machineTime = (seconds: number) => clock.machineTime(seconds);
  for (const { TableName, streamArn, kinesisArn } of kinesisDestinations(options)) {
    const reader = `kinesis ${TableName}`;
    readers.add(TableName, reader);
    const source = new TableStream(engine, streamArn, machineTime, (record) => ({ ...kinesisChange(record, TableName) }));
    const note = (change: object) => outbox.add({ kind: 'stream', stream: kinesisArn.split('/')[1], record: change });
    keep(() => noteAll(source, checkpoint(reader), note, stopping.signal));
  }

  const trim = async () => {
    for (const [table, behind] of readers.behind()) await engine.trimStream(table, behind);
  };
  const trimming = setInterval(() => void trim().catch((error: unknown) => onProblem(`Old stream records stay: ${String(error)}`)), TRIM_EVERY_MS);

  return {
    async stop() {
      clearInterval(trimming);
      stopping.abort();
      await Promise.race([Promise.allSettled(running), sleep(LAST_INVOCATIONS_MS, undefined, { ref: false })]);
    },
  };
}

/** A stream that a mapping reads, and the table whose changes are in it. */
function sourceOf({ id, eventSourceArn }: MappingSettings, options: PumpOptions): { table: string; source: TableStream } {
  const { engine, streamArns, clock } = options;
  const machineTime = (seconds: number) => clock.machineTime(seconds);
  const own = [...streamArns].find(([, arn]) => arn === eventSourceArn);
  if (own) return { table: own[0], source: new TableStream(engine, eventSourceArn, machineTime) };
  const destination = kinesisDestinations(options).find(({ kinesisArn }) => kinesisArn === eventSourceArn);
  if (!destination) throw new UserError(`The event source mapping ${id} reads ${eventSourceArn}, which is no stream of a table here.`);
  const { TableName, streamArn } = destination;
  const toEvent = (record: StreamRecord) => kinesisEvent(record, TableName, eventSourceArn);
  return { table: TableName, source: new TableStream(engine, streamArn, machineTime, toEvent, KINESIS_SHARD) };
}

/** The tables of this region that write to a Kinesis stream. */
function kinesisDestinations({ tables, streamArns, region }: PumpOptions) {
  return tables.flatMap(({ TableName, Replicas = [] }) => {
    const kinesisArn = Replicas.find(({ Region }) => Region === region)?.KinesisStreamSpecification?.StreamArn;
    const streamArn = streamArns.get(TableName);
    return kinesisArn === undefined || streamArn === undefined ? [] : [{ TableName, streamArn, kinesisArn }];
  });
}

/** Notes every record of a stream once. */
async function noteAll(
  source: ShardSource,
  checkpoint: ConsumerPorts['checkpoint'],
  note: (event: SourceRecord['event']) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const page = await source.read(checkpoint.get(), 100);
    for (const { event } of page) note(event);
    const last = page.at(-1);
    if (last) checkpoint.set(last.sequenceNumber);
    else await source.changed(signal);
  }
}
