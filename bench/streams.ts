/**
 * What the streams cost on this machine: a write to a table of 50,000 writes against one to a fresh table, both in one run
 * and in turns; and how long it takes from a write to its effect.
 *
 *   npm run bench
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { ulid } from 'ulid';
import { createStore } from '../lambda/model/store';

const PROJECT = resolve(__dirname, '..');

const AGE = Number(process.env.BENCH_WRITES ?? 50_000);
const ROUNDS = 20;
const WRITES_A_ROUND = 50;
const EFFECTS = 60;

const MAX_RATIO = 2;
const MAX_EFFECT_MS = 60;

interface Running {
  url: string;
  client: DynamoDBDocumentClient;
  stop(): Promise<void>;
}

/** Starts the platform as `npm start` does, on data of its own. */
async function start(folder: string): Promise<Running> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--require', 'tsx/cjs', 'local/main.ts', '--port', '0', '--state', folder],
    { cwd: PROJECT, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  const url = await new Promise<string>((done, fail) => {
    child.stdout?.on('data', (data: Buffer) => {
      output += data.toString();
      const [, found] = /ready: (\S+)/.exec(output) ?? [];
      if (found) done(found);
    });
    child.on('exit', () => fail(new Error(`The platform ended: ${output}`)));
  });
  const { dynamodb } = (await (await fetch(`${url}/_local/health`)).json()) as { dynamodb: string };
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'local' };
  return {
    url,
    client: DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint: dynamodb, region: 'us-east-1', credentials })),
    async stop() {
      const ended = new Promise((done) => child.on('exit', done));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

const { CartItem, Order } = createStore({ users: 'store-dev-Users', products: 'store-dev-Products', orders: 'store-dev-Orders' }).entities;

/** Writes an item whose record concerns no effect, so that the write alone is measured. */
const write = async ({ client }: Running, productId: string) => {
  const item = { userId: 'bench', productId, quantity: 1, addedAt: new Date().toISOString(), putId: ulid(), expiresAt: 4_000_000_000 };
  await client.send(new PutCommand(CartItem.put(item).params()));
};

async function age(store: Running, writes: number): Promise<void> {
  let left = writes;
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (left-- > 0) {
        await write(store, `p${left}`);
        if (left % 10_000 === 0) console.log(`  ${writes - left} of ${writes} writes`);
      }
    }),
  );
}

async function timeOf(act: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

/** From a write to the moment when its event is on the bus, in milliseconds. */
async function toEffect({ url, client }: Running): Promise<number> {
  const orderId = ulid();
  const at = new Date().toISOString();
  const order = {
    customerId: 'bench',
    orderId,
    placedAt: at,
    status: 'Pending' as const,
    statusShard: 0,
    lines: [{ productId: 'p', name: 'P', priceMinor: 1, quantity: 1 }],
    totalMinor: 1,
    currency: 'EUR',
    updatedAt: at,
    version: 1,
  };
  const written = Date.now();
  await client.send(new PutCommand(Order.put(order).params()));
  for (;;) {
    const { items } = (await (await fetch(`${url}/_local/outbox?kind=event`)).json()) as { items: { at: string; detail: { orderId?: string } }[] };
    const sent = items.find(({ detail }) => detail.orderId === orderId);
    if (sent) return Date.parse(sent.at) - written;
    await new Promise((done) => setTimeout(done, 5));
  }
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
const at90 = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.9)] as number;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'store-bench-'));
  const running: Running[] = [];
  try {
    console.log(`\nStreams: ${AGE} writes to one table ...`);
    const old = await start(join(folder, 'old'));
    running.push(old);
    await age(old, AGE);
    const fresh = await start(join(folder, 'fresh'));
    running.push(fresh);

    const times = { old: [] as number[], fresh: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, store] of Object.entries({ old, fresh }) as ['old' | 'fresh', Running][]) {
        for (let index = 0; index < WRITES_A_ROUND; index++) times[name].push(await timeOf(() => write(store, `r${round}-${index}`)));
      }
    }
    const effects: number[] = [];
    for (let index = 0; index < EFFECTS; index++) effects.push(await toEffect(old));

    const ms = (value: number) => `${value.toFixed(2)} ms`;
    console.log(`  a write, fresh table            ${ms(median(times.fresh))} median, ${ms(at90(times.fresh))} p90`);
    console.log(`  a write, after ${String(AGE).padEnd(6)} writes    ${ms(median(times.old))} median, ${ms(at90(times.old))} p90`);
    const ratio = median(times.old) / median(times.fresh);
    console.log(`  ratio                           ${ratio.toFixed(2)} (at most ${MAX_RATIO})`);
    console.log(`  from a write to its effect      ${median(effects).toFixed(0)} ms median (at most ${MAX_EFFECT_MS}), ${at90(effects).toFixed(0)} ms p90`);
    if (ratio > MAX_RATIO || median(effects) > MAX_EFFECT_MS) process.exitCode = 1;
  } finally {
    for (const store of running) await store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

// The notice would stand between the figures.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

void main();
