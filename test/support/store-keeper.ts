import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Environment, type Invocation, type LocalFunction, type RunningEnvironment } from '../../local/functions/environment';
import { type KeptEnvironments, type Platform, startPlatform } from '../../local/platform';
import type { Call } from '../../local/gateway/call';
import { engineUnderTest } from './engine';
import type { Wanted, Watch, Watched } from './lent-stores';

/**
 * A process beside jest that lends stores to the suites. Each store is a platform of its own, with an empty engine; but the
 * processes of its functions have served another suite before, since their start is most of what a store costs.
 *
 * `POST / {assembly, region, watch}` is answered with lines of JSON: the store's addresses, then what is watched of it, each call
 * of DynamoDB and each line that a function prints. The store runs until the answer is closed; the keeper ends with its standard
 * input.
 */
const root = mkdtempSync(join(tmpdir(), 'store-keeper-'));
const places: Place[] = [];

/** Two cores are no faster with more of a function's processes, and two are as many as it takes to collide. */
const POOL_SIZE = { soon: 2, most: 3 };

/** What is the same for all stores of a place: the functions have it in their variables, or it is dear to make. */
const KEPT_FILES = ['secrets.json', 'issuer.pem'];

/** One store at a time of one assembly in one region, and the processes of its functions. */
class Place implements KeptEnvironments {
  readonly size = POOL_SIZE;
  private readonly folder = mkdtempSync(join(root, 'place-'));
  private readonly fronts = { dynamodb: front(), services: front() };
  private readonly idle = new Map<string, Environment[]>();
  private platform: Platform | undefined;
  private note: (line: Watched) => void = () => {};
  isTaken = true;

  constructor(readonly assembly: string, readonly region: string) {}

  async open(watch: Watch, note: (line: Watched) => void): Promise<Platform> {
    this.note = watch === 'output' ? note : () => {};
    for (const folder of readdirSync(this.folder)) {
      for (const file of readdirSync(join(this.folder, folder))) {
        if (!KEPT_FILES.includes(file)) rmSync(join(this.folder, folder, file), { recursive: true });
      }
    }
    await Promise.all(Object.values(this.fronts).map(({ ready }) => ready));
    this.platform = await startPlatform({
      assembly: Promise.resolve(this.assembly),
      stateFolder: join(this.folder, 'store'),
      fresh: false,
      port: 0,
      engine: engineUnderTest(),
      region: this.region,
      onRequest: () => {},
      onFunctionOutput: () => {},
      onStreamProblem: () => {},
      ...(watch === 'calls' && { onDynamoDbCall: (call: Call) => note({ call }) }),
      kept: this,
    });
    return this.platform;
  }

  async close(): Promise<void> {
    await this.platform?.stop();
    this.platform = undefined;
    this.note = () => {};
  }

  async end(): Promise<void> {
    await this.close();
    const environments = [...this.idle.values()].flat();
    for (const environment of environments) environment.stop();
    await Promise.all(environments.map(({ ended }) => ended));
  }

  start(fn: LocalFunction, endpoints: Readonly<Record<string, string>>): RunningEnvironment {
    const key = JSON.stringify([fn.functionName, fn.variables]);
    const idle = this.idle.get(key) ?? [];
    this.idle.set(key, idle);
    return lent(idle.pop() ?? new Environment(fn, endpoints, ({ name }, text) => this.note({ output: [name, text] })), idle);
  }

  serve(what: 'dynamodb' | 'services', server: Server): string {
    return this.fronts[what].show(server);
  }
}

/** An environment that goes back to the idle ones where it would be stopped, unless it is at work. */
function lent(environment: Environment, idle: Environment[]): RunningEnvironment {
  let atWork = 0;
  let isBack = false;
  return {
    get usable() {
      return environment.usable && !isBack;
    },
    async invoke(invocation: Invocation) {
      atWork++;
      try {
        return await environment.invoke(invocation);
      } finally {
        atWork--;
      }
    },
    stop() {
      if (isBack) return;
      isBack = true;
      if (environment.usable && atWork === 0) idle.push(environment);
      else environment.stop();
    },
  };
}

/** An address that stays, and shows one server after the other. */
function front() {
  let shown: Server | undefined;
  const server = createServer((request, response) => {
    if (!shown?.emit('request', request, response)) response.destroy();
  });
  server.keepAliveTimeout = 0;
  const ready = new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    ready,
    show(next: Server): string {
      shown = next;
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
  };
}

const keeper = createServer((request, response) => {
  void (async () => {
    const { assembly, region, watch } = JSON.parse(await text(request)) as Wanted;
    let place = places.find((candidate) => candidate.assembly === assembly && candidate.region === region && !candidate.isTaken);
    if (!place) places.push((place = new Place(assembly, region)));
    place.isTaken = true;
    const send = (line: object) => void response.write(`${JSON.stringify(line)}\n`);
    const closed = new Promise((done) => response.on('close', done));
    try {
      const { url, dynamodb, services } = await place.open(watch, send);
      send({ url, dynamodb, services });
      await closed;
      await place.close();
      place.isTaken = false;
    } catch (error) {
      // A place that cannot be opened, or left, is given to nobody else.
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end((error as Error).message);
    }
  })();
});
keeper.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${(keeper.address() as AddressInfo).port}\n`));

async function end(): Promise<void> {
  await Promise.all(places.map((place) => place.end()));
  rmSync(root, { recursive: true, force: true });
  process.exit();
}
process.stdin.on('end', () => void end()).resume();
