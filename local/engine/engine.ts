import { randomInt } from 'node:crypto';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:net';
import { Agent, request } from 'node:http';
import { writeWhole } from '../state-file';
import { UserError } from '../user-error';
import { answerOf, ApiError } from './api';
import type { Item } from './change-log';
import { mendErrorBody, mendStatements, type WireError } from './mends';

/** An answer of the DynamoDB API, as it goes over the wire. */
export interface WireReply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** A DynamoDB-compatible engine that runs as a process of its own. */
export interface Engine {
  /** The name and version that a person reads. */
  readonly label: string;
  readonly warning: string | undefined;
  /** Where it serves, for a client that needs none of what the adapter mends. */
  readonly endpoint: string;
  /** Sends one call of the DynamoDB API, signed or not: engines check no signature. */
  send(headers: Record<string, string>, body: Buffer): Promise<WireReply>;
  /** Calls a listener after each call that may have written. */
  onWrite(listener: () => void): void;
  /** Deletes an item as TTL does: the record in the table's stream says so. */
  expire(table: string, key: Item, remove: () => Promise<void>): Promise<void>;
  /** Deletes the stream records of a table that are behind a sequence number and that need not be kept. */
  trimStream(table: string, behind: string): Promise<void>;
  /** Resolves when the process ends without having been stopped. */
  readonly crashed: Promise<string>;
  stop(): Promise<void>;
}

/** How to start an engine, and what it does unlike DynamoDB. */
export interface EngineKind {
  /** As `--engine` names it. */
  name: string;
  label: string;
  /**
   * @param host the address to listen on, for an engine that can choose
   * @param folder where its data is kept; undefined for an engine that forgets it when it ends
   */
  command(host: string, port: number, folder: string | undefined): { file: string; args: string[]; cwd?: string };
  /** What it prints once the port is its own: another process may have taken the port, and be what answers there. */
  listening?: RegExp;
  /** The account and region that it writes into every ARN. */
  arnScope: string;
  /** Rewrites a PartiQL statement into the form that it takes. */
  mendStatement?(statement: string): string;
  /** Gives an error the names that DynamoDB has for it. */
  mendError?(error: WireError): WireError;
  /** @param folder as of `command`; called when the engine serves */
  openStreams(folder: string | undefined, options: StreamsOptions): EngineStreams;
  /** Whether it can listen on one address only. */
  choosesHost: boolean;
  /** What a person must know who runs it. */
  warning?: string;
}

/** What an engine's streams need. */
export interface StreamsOptions {
  region: string;
  /** The store's time of a change, in epoch seconds, from the machine's. */
  timeOf(epochSeconds: number): number;
  /** Asks the engine itself. @throws ApiError */
  ask<Output>(operation: string, input: object): Promise<Output>;
}

/** DynamoDB Streams, with what hides how the engine's own differ. */
export interface EngineStreams {
  /** What DynamoDB answers; undefined where the engine answers rightly. @throws ApiError */
  answer(operation: string, input: object): Promise<object | undefined>;
  /** Hands on a call that makes, changes or describes a table, and corrects what the answer says of its stream. */
  ofTable?(operation: string, body: Buffer, pass: (body: Buffer) => Promise<WireReply>): Promise<WireReply>;
  /** As of `Engine`. */
  expire(table: string, key: Item, remove: () => Promise<void>): Promise<void>;
  trim(table: string, behind: string): Promise<void>;
  close(): void;
}

/**
 * Engines accept any signature, but not none. DynamoDB Local takes only letters and digits as an access key, and keeps
 * a database for each key and region unless told to share one.
 */
const SIGNATURE = {
  'x-amz-date': '20260101T000000Z',
  authorization:
    'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
};

/**
 * Starts an engine on a free loopback port and waits until it serves.
 * @param folder where its data is kept; undefined to keep it in memory
 * @param region the region that tables are to be in: engines write one of their own into ARNs
 * @param timeOf the store's time of a change, in epoch seconds, from the machine's
 * @param onRestart hears that an engine ended by itself and is started again on its data
 * @throws UserError when it ends or does not serve in time
 */
export async function startEngine(
  kind: EngineKind,
  folder: string | undefined,
  region: string,
  timeOf = (epochSeconds: number) => epochSeconds,
  onRestart: (text: string) => void = () => {},
): Promise<Engine> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await startOn(await freePort(), kind, folder, region, timeOf, onRestart);
    } catch (error) {
      // Another process may take the port between its choice and the start.
      if (attempt === 4 || !(error instanceof PortTaken)) throw error;
    }
  }
}

/** An engine that ends more often than this is not started again. */
const MOST_RESTARTS = 5;
const RESTARTS_WITHIN_MS = 10_000;

/**
 * The engine answers any web page, so it listens where no page finds it: one of 16 million addresses, and one of 20,000
 * ports. Linux has all of 127.0.0.0/8; other systems have 127.0.0.1 only.
 */
const hiddenAddress = () => `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
const PORT_WARNING = 'On this system the engine listens on 127.0.0.1, where a web page that scans ports can find it: open no page that you do not trust while it runs';

class PortTaken extends UserError {}

async function startOn(
  port: number,
  kind: EngineKind,
  folder: string | undefined,
  region: string,
  timeOf: (epochSeconds: number) => number,
  onRestart: (text: string) => void,
): Promise<Engine> {
  const note = folder === undefined ? undefined : join(folder, 'engine.pid');
  if (folder !== undefined && note !== undefined) {
    mkdirSync(folder, { recursive: true });
    endLeftover(note, folder);
  }
  const isHidden = kind.choosesHost && process.platform === 'linux';
  const host = isHidden ? hiddenAddress() : '127.0.0.1';
  const { file, args, cwd } = kind.command(host, port, folder);
  let output = '';
  const keep = (data: Buffer) => (output = (output + data.toString()).slice(-4_000));
  const launch = () => {
    // Detached, so that Ctrl-C in the terminal reaches only the platform, which then stops everything in order.
    const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH }, detached: true });
    const guard = killWithPlatform(child);
    child.on('exit', () => guard?.kill());
    if (note !== undefined && child.pid !== undefined) notePid(note, child.pid);
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const ended = new Promise<string>((done) => {
      child.on('error', (error) => done(error.message));
      child.on('exit', (code, signal) => done(`it ended with ${signal ?? `code ${code}`}`));
    });
    return { child, ended };
  };
  let running = launch();
  let isServing = false;
  let stopping = false;
  /** Starts it again whenever it ends. @returns why it is not started any more; never when it was stopped */
  const keepRunning = async (): Promise<string> => {
    for (let ends: number[] = []; ; ) {
      const reason = await running.ended;
      if (stopping) return new Promise(() => {});
      ends = [...ends, Date.now()].slice(-MOST_RESTARTS - 1);
      const endsAtOnce = ends.length > MOST_RESTARTS && Date.now() - (ends[0] as number) < RESTARTS_WITHIN_MS;
      // What it keeps in memory is gone with it.
      if (!isServing || folder === undefined || endsAtOnce) return `${kind.label}: ${reason}. ${output.trim()}`;
      onRestart(`${kind.label}: ${reason}. It is started again on its data; requests under way are answered 500.`);
      running = launch();
    }
  };
  const agent = new Agent({ keepAlive: true });
  const listeners: (() => void)[] = [];
  let streams: EngineStreams | undefined;
  const pass = async (headers: Record<string, string>, body: Buffer): Promise<WireReply> => {
    const here = `arn:aws:dynamodb:${region}:000000000000`;
    const [, service, operation = ''] = TARGET.exec(headers['x-amz-target'] ?? '') ?? [];
    const mended = kind.mendStatement ? mendStatements(operation, body, kind.mendStatement) : body;
    const reply = await post({ host, port }, agent, { ...headers, ...SIGNATURE }, replaceAll(mended, here, kind.arnScope));
    const answer = reply.status !== 200 && kind.mendError ? mendErrorBody(reply.body, kind.mendError) : reply.body;
    if (service === 'DynamoDB' && !READS.has(operation)) for (const listener of listeners) listener();
    return { ...reply, body: replaceAll(answer, kind.arnScope, here) };
  };
  const engine: Engine = {
    label: kind.label,
    warning: kind.warning ?? (isHidden ? undefined : PORT_WARNING),
    endpoint: `http://${host}:${port}`,
    crashed: keepRunning(),
    async send(headers, body) {
      const [, service, operation = ''] = TARGET.exec(headers['x-amz-target'] ?? '') ?? [];
      if (service === 'DynamoDB' && TABLE_CALLS.has(operation) && streams?.ofTable) return streams.ofTable(operation, body, (input) => pass(headers, input));
      if (service !== 'DynamoDBStreams' || !streams) return pass(headers, body);
      try {
        const answer = await streams.answer(operation, JSON.parse(body.toString('utf8')) as object);
        return answer ? reply(200, answer) : await pass(headers, body);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        return reply(400, { __type: `com.amazonaws.dynamodb.v20120810#${error.name}`, message: error.message });
      }
    },
    onWrite: (listener) => void listeners.push(listener),
    expire: (table, key, remove) => (streams ? streams.expire(table, key, remove) : remove()),
    trimStream: async (table, behind) => streams?.trim(table, behind),
    async stop() {
      stopping = true;
      streams?.close();
      running.child.kill('SIGTERM');
      // A process that is stopped hears no SIGTERM. What it acknowledged is on the disk.
      const forced = setTimeout(() => running.child.kill('SIGKILL'), END_MS);
      await running.ended;
      clearTimeout(forced);
      if (note !== undefined) rmSync(note, { force: true });
      agent.destroy();
    },
  };

  const deadline = Date.now() + 30_000;
  for (;;) {
    const isListening = kind.listening?.test(output) ?? true;
    const failure = await Promise.race([running.ended, isListening && serves(engine)]);
    if (failure === true) {
      const ask = async <Output>(operation: string, input: object) =>
        answerOf<Output>(await pass(streamsHeaders(operation), Buffer.from(JSON.stringify(input))));
      try {
        streams = kind.openStreams(folder, { region, timeOf, ask });
        isServing = true;
      } catch (error) {
        await engine.stop();
        throw error;
      }
      return engine;
    }
    if (typeof failure === 'string') {
      const message = `${kind.label} did not start: ${failure}. ${output.trim()}`;
      throw /in use/i.test(output) ? new PortTaken(message) : new UserError(message);
    }
    if (Date.now() > deadline) {
      await engine.stop();
      throw new UserError(`${kind.label} does not answer after 30 s. ${output.trim()}`);
    }
    await new Promise((done) => setTimeout(done, 5));
  }
}

const TARGET = /^(DynamoDB|DynamoDBStreams)_\d+\.(\w+)$/;

/** Operations that say something of a table's stream. */
const TABLE_CALLS = new Set(['CreateTable', 'DeleteTable', 'DescribeTable', 'UpdateTable']);

/** Operations that write nothing. Of a PartiQL statement it is not known. */
const READS = new Set(['BatchGetItem', 'DescribeTable', 'GetItem', 'ListTables', 'Query', 'Scan', 'TransactGetItems']);

const JSON_TYPE = 'application/x-amz-json-1.0';

const reply = (status: number, body: object): WireReply => ({
  status,
  headers: { 'content-type': JSON_TYPE },
  body: Buffer.from(JSON.stringify(body)),
});

const streamsHeaders = (operation: string) => ({ 'x-amz-target': `DynamoDBStreams_20120810.${operation}`, 'content-type': JSON_TYPE });

/** How long an engine has to end by itself. */
const END_MS = 2_000;

/** Without a note, as on a full disk, the next start cannot find this engine if it is left over. The engine runs all the same. */
function notePid(note: string, pid: number): void {
  try {
    writeWhole(note, String(pid));
  } catch {
    rmSync(note, { force: true });
  }
}

/** Ends an engine that an earlier platform left behind on the same data, as one that was killed together with its guard. */
function endLeftover(note: string, folder: string): void {
  const pid = existsSync(note) ? readFileSync(note, 'utf8') : '';
  if (!/^\d+$/.test(pid)) return;
  // The number alone may belong to another process by now.
  const { stdout } = spawnSync('ps', ['-o', 'args=', '-p', pid], { encoding: 'utf8' });
  if (stdout?.includes(folder)) process.kill(Number(pid), 'SIGKILL');
}

/** Ends the engine when this process dies in a way that runs no code of its own, as by `kill -9`. */
function killWithPlatform(child: ChildProcess): ChildProcess | undefined {
  if (process.platform === 'win32' || child.pid === undefined) return undefined;
  // The pipe to its standard input closes with this process, however that ends.
  const guard = spawn('/bin/sh', ['-c', `read -r _; kill -9 ${child.pid} 2>/dev/null`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: {},
  });
  guard.unref();
  return guard;
}

async function serves(engine: Engine): Promise<boolean> {
  try {
    const { status } = await engine.send(
      { 'x-amz-target': 'DynamoDB_20120810.ListTables', 'content-type': 'application/x-amz-json-1.0' },
      Buffer.from('{}'),
    );
    return status === 200;
  } catch {
    return false;
  }
}

function post(at: { host: string; port: number }, agent: Agent, headers: Record<string, string>, body: Buffer): Promise<WireReply> {
  return new Promise((done, fail) => {
    const outgoing = request(
      { ...at, method: 'POST', path: '/', agent, headers: { ...headers, 'content-length': body.length } },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () =>
          done({
            status: incoming.statusCode ?? 500,
            headers: incoming.headers as Record<string, string>,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

const replaceAll = (body: Buffer, from: string, to: string): Buffer =>
  body.includes(from) ? Buffer.from(body.toString('utf8').replaceAll(from, to)) : body;

/**
 * A free port below the ephemeral range: a connection to a port inside it can, before anybody listens there, be
 * connected to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) return port;
  }
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}
