import '../support/flow-environment';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { createStore } from '../../lambda/model/store';
import type { Effect } from '../../lambda/triggers/effect';
import { type Flow, FLOWS } from '../../lib/flows';
import { EFFECTS } from '../../lib/triggers';
import { type CallFault, operationsOf } from '../../local/gateway/fault';
import { capturedOutput } from '../support/captured-output';
import { isComplete } from '../support/complete';
import { type Happening, startTables } from '../support/engine-tables';
import { FLOW_CASES, type FlowCall, type FlowName } from '../support/flow-cases';
import { written } from '../support/samples';
import { type ItemChange, streamRecord } from '../support/stream-records';

const FAULTS = {
  'lost answer': { kind: 'timeout-after-commit' },
  conflict: { kind: 'conflict' },
  throttle: { kind: 'throttle' },
  'internal error': { kind: 'internal-error' },
} as const satisfies Record<string, CallFault>;
type FaultName = keyof typeof FAULTS;
const NAMES = Object.keys(FAULTS) as FaultName[];

/**
 * What comes after the second fault: the call passes; the deadline is over, and what is called all the same passes; or it is over and
 * the second fault stays.
 */
const ENDINGS = ['passes', 'late', 'stays'] as const;

/** The tries of the SDK, of which a flow's own retries see the last: as deployed, and none. */
const ATTEMPTS = [4, 1];

interface Plan {
  /** Which tries meet them, counted from 1 over all calls of the request. */
  at: readonly [number, number];
  faults: readonly [FaultName, FaultName];
  ending: (typeof ENDINGS)[number];
  attempts: number;
}

const WAYS = NAMES.flatMap((first) =>
  NAMES.flatMap((second) => ENDINGS.flatMap((ending) => ATTEMPTS.map((attempts) => ({ faults: [first, second] as const, ending, attempts })))),
);

/** Of all sequences every 29th, which comes by each way and by each two tries: all of them take minutes. */
const COMPLETE_STEP = 29;

/**
 * Sequences of two faults: two for each two tries that follow each other, a lost answer before a conflict, and any other, in another way
 * at each place. In the complete run a part of all sequences, at any two tries of a request, in any way.
 */
function plansOf(calls: number, seed: number): Plan[] {
  const tries = Array.from({ length: calls }, (_, index) => index + 1);
  if (isComplete) {
    const all = tries.flatMap((i) => [...tries.filter((j) => j > i), calls + 1].flatMap((j) => WAYS.map((way) => ({ at: [i, j] as const, ...way }))));
    return all.filter((_, index) => index % COMPLETE_STEP === seed % COMPLETE_STEP);
  }
  const isFirstOfAll = ({ faults: [first, second] }: (typeof WAYS)[number]) => first === 'lost answer' && second === 'conflict';
  return tries.flatMap((i) =>
    [WAYS.filter(isFirstOfAll), WAYS].map((ways) => ({ at: [i, i + 1] as const, ...ways[((i + seed) * 7) % ways.length]! })),
  );
}

/** An item as DynamoDB answers it. */
type Item = Record<string, { S?: string }>;
interface DocumentClient {
  send(command: object, options?: object): Promise<object>;
}
type Answer = { status: number | undefined; headers: unknown; body: Record<string, unknown> };

const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems', 'ExecuteTransaction']);

/** Text that is the same for the same attributes: an engine gives them in any order. */
const canonical = (value: unknown) =>
  JSON.stringify(value, (_, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? Object.fromEntries(Object.entries(entry).sort()) : entry,
  );
/** Without ids that are made of a time and chance, and the shards that follow from them; all else that a request makes follows from its time. */
const withoutChance = (value: unknown) =>
  canonical(value)
    .replace(/[0-7][0-9A-HJKMNP-TV-Z]{25}/g, 'ULID')
    .replace(/(statusShard(?:_|":\{"N":"))\d+/g, '$1N');

describe('two faults of DynamoDB, at any two tries of a request', () => {
  const TABLES = ['Users', 'Products', 'Orders'].map((domain) => `store-dev-${domain}`);
  const start = Math.floor(Date.now() / 1_000) * 1_000;
  /** When a request or an effect comes: a cart's item has been counted by then. */
  const asked = start + 60_000;
  let clock = start;
  let tables: Awaited<ReturnType<typeof startTables>>;
  let runs = 0;
  const clients = new Map<number, ReturnType<(typeof tables)['store']>>();
  /** What happens to a try, of the request that runs. */
  let script = (_operation: string): Happening => 'pass';
  let client: ReturnType<(typeof tables)['store']>;
  capturedOutput();

  beforeAll(async () => {
    tables = await startTables();
    // The functions share a store that is made once; the client below it is new with the tokens of its retries.
    const forwarding = { send: (command: object, options?: object) => (client.client as DocumentClient).send(command, options) };
    const [users, products, orders] = TABLES as [string, string, string];
    jest.doMock('../../lambda/shared/store', () => ({ store: createStore({ users, products, orders }, forwarding), client: forwarding }));
  });
  afterAll(() => tables.stop());
  beforeEach(() => {
    // Nothing waits: a retry comes at once.
    jest.spyOn(Math, 'random').mockReturnValue(0);
    jest.spyOn(Date, 'now').mockImplementation(() => clock);
  });

  /** The SDK gives up its retries when a client has met many faults, so none meets too many. */
  function useClient(attempts: number): void {
    if (runs++ % 10 === 0) clients.clear();
    client = clients.get(attempts) ?? tables.store((operation) => script(operation), { maxAttempts: attempts });
    clients.set(attempts, client);
    client.bodies.clear();
  }

  async function invoke({ flow, path, query, body, headers = {}, sub = 'ann' }: FlowCall): Promise<Answer> {
    const { entry, route, who } = (FLOWS as readonly Flow[]).find(({ name }) => name === flow) as Flow;
    const { handler } = require(`../../lambda/${entry}`) as {
      handler: (event: object, context: object) => Promise<APIGatewayProxyStructuredResultV2>;
    };
    const { email } = (body ?? {}) as { email?: string };
    const isAdmin = who === 'admin' || (who === 'self or admin' && sub !== 'ann');
    const claims = { sub, 'cognito:groups': isAdmin ? '[admin]' : '', ...(email && { email, email_verified: 'true' }) };
    const event = {
      routeKey: route,
      headers,
      ...(path && { pathParameters: path }),
      ...(query && { queryStringParameters: query }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
      requestContext: { requestId: 'r', authorizer: { jwt: { claims } } },
    };
    const answer = await handler(event, { getRemainingTimeInMillis: () => 20_000 });
    return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(answer.body ?? 'null') as Answer['body'] };
  }

  interface Stored {
    table: string;
    item: Item;
  }
  const keyOf = ({ table, item: { pk, sk } }: Stored) => canonical([table, pk, sk]);
  const sorted = (items: Stored[]) => items.map(withoutChance).sort().join('\n');

  /** Asks the engine itself. */
  async function ask<Output>(operation: string, input: object): Promise<Output> {
    const headers = { 'x-amz-target': `DynamoDB_20120810.${operation}`, 'content-type': 'application/x-amz-json-1.0' };
    const { status, body } = await tables.engine.send(headers, Buffer.from(JSON.stringify(input)));
    if (status !== 200) throw new Error(body.toString());
    return JSON.parse(body.toString()) as Output;
  }

  /** What the tables hold, as it was seen last: nobody else writes to them. */
  let held: Stored[] = [];
  async function stored(): Promise<Stored[]> {
    const pages = await Promise.all(TABLES.map((TableName) => ask<{ Items: Item[] }>('Scan', { TableName, ConsistentRead: true })));
    held = pages.flatMap(({ Items }, index) => Items.map((item) => ({ table: TABLES[index]!, item })));
    return held;
  }

  /** Makes the tables hold these items and no other. */
  async function restore(items: Stored[]): Promise<void> {
    const found = new Map(held.map((entry) => [keyOf(entry), entry]));
    for (const entry of items) {
      const { table: TableName, item: Item } = entry;
      if (canonical(found.get(keyOf(entry))) !== canonical(entry)) await ask('PutItem', { TableName, Item });
      found.delete(keyOf(entry));
    }
    for (const { table: TableName, item: { pk, sk } } of found.values()) await ask('DeleteItem', { TableName, Key: { pk, sk } });
    held = items;
  }

  /** Makes what a case needs. @returns the items, and the last answer */
  async function prepare(before: readonly FlowCall[] = [], without?: string) {
    clock = start;
    script = () => 'pass';
    await restore([]);
    let made: Answer['body'] = {};
    for (const call of before) {
      useClient(4);
      const answer = await invoke(call);
      if ((answer.status ?? 500) >= 300) throw new Error(`${call.flow}: ${JSON.stringify(answer)}`);
      made = answer.body;
    }
    const items = (await stored()).filter(({ item }) => without === undefined || item.__edb_e__?.S !== without);
    await restore(items);
    return { items, made };
  }

  /** Does something from the same items, with two faults. */
  async function meet<Result>(items: Stored[], plan: Plan | undefined, act: () => Promise<Result>) {
    await restore(items);
    useClient(plan?.attempts ?? 4);
    clock = asked;
    let tries = 0;
    let [hasWritten, isWriteLost] = [false, false];
    script = (operation) => {
      const nth = ++tries;
      hasWritten ||= WRITES.has(operation);
      if (!plan) return 'pass';
      const { at: [first, second], faults, ending } = plan;
      if (nth === second && ending !== 'passes') clock += 60_000;
      const name = nth === first ? faults[0] : nth === second || (nth > second && ending === 'stays') ? faults[1] : undefined;
      if (name === undefined || !operationsOf(FAULTS[name]).includes(operation)) return 'pass';
      isWriteLost ||= WRITES.has(operation) && (name === 'lost answer' || name === 'internal error');
      return FAULTS[name];
    };
    const result = await act();
    script = () => 'pass';
    return { result, tries, hasWritten, isWriteLost, isSame: [...client.bodies.values()].every(({ size }) => size === 1), after: sorted(await stored()) };
  }

  const cases = Object.entries(FLOW_CASES).flatMap(([flow, list]) => list.map((one, index) => [flow as FlowName, index, one] as const));
  test.each(cases)('%s (%d): the answer is right, or says that the outcome is unknown', async (flow, index, { before, without, request, inSteps = false }) => {
    const { items, made } = await prepare(before, without);
    const call = { flow, ...(typeof request === 'function' ? request(made) : request) };
    const undone = sorted(items);
    const whole = await meet(items, undefined, () => invoke(call));
    expect(whole.result.status).toBeLessThan(500);
    const expected = withoutChance(whole.result);

    const wrong: string[] = [];
    for (const plan of plansOf(whole.tries, index + FLOWS.findIndex(({ name }) => name === flow))) {
      const { result: answer, isWriteLost, isSame, after } = await meet(items, plan, () => invoke(call));
      const { status, body } = answer;
      const isDone = after === whole.after;
      const isUndone = after === undone;
      const right = (): boolean => {
        if (!isSame) return false;
        if (withoutChance(answer) === expected) return isDone;
        // A batch tells what it did not do.
        const { failed, unread } = body as { failed?: { reason: string }[]; unread?: unknown[] };
        if (status === 200 && failed?.every(({ reason }) => reason.startsWith('unprocessed: '))) return inSteps && plan.ending !== 'passes';
        if (status === 200 && unread) return isUndone && plan.ending !== 'passes';
        if (status !== 503 || (answer.headers as Record<string, string>)['retry-after'] === undefined) return false;
        // A request has time, and a flow that writes tries again by itself; one that reads leaves it to the SDK.
        if (plan.ending === 'passes' && (whole.hasWritten || plan.attempts > 1)) return false;
        if (body.type === 'outcome-unknown') return whole.hasWritten && (isUndone ? isWriteLost : isDone || inSteps);
        return (body.type === 'throttled' || body.type === 'unavailable') && isUndone;
      };
      if (!right()) wrong.push(`${JSON.stringify(plan)}: ${status} ${JSON.stringify(body)} ${isDone ? 'done' : isUndone ? 'undone' : after}`);
    }
    expect(wrong).toEqual([]);
  }, 600_000);

  /** Of each effect that writes to DynamoDB and sends nothing: what must be there, and the change that it is told. */
  const EFFECT_CASES: Record<string, { before?: readonly FlowCall[]; change: (items: Map<string, Record<string, unknown>>) => ItemChange }> = {
    'account-clean-up': {
      before: [
        { flow: 'create-session', path: { userId: 'ann' } },
        { flow: 'put-cart-item', path: { userId: 'ann', productId: 'tea' }, body: { quantity: 1 } },
      ],
      change: () => ({ before: written('User', { userId: 'ann' }), at: new Date(start + 1_000).toISOString() }),
    },
    'price-history': {
      before: FLOW_CASES['get-product'][0]!.before!,
      change: (items) => ({ before: items.get('Product')!, after: { ...items.get('Product'), priceMinor: 9 } }),
    },
    'low-stock-flag': {
      before: [
        { flow: 'create-product', body: { productId: 'tea', name: 'Tea', category: 'Drinks', priceMinor: 7, currency: 'EUR', stock: 10, restockAt: 9 } },
        { flow: 'adjust-stock', body: { productId: 'tea', delta: -5, reason: 'count' } },
      ],
      change: (items) => ({ before: { ...items.get('Stock'), stock: 10 }, after: items.get('Stock')! }),
    },
    'order-history': { before: FLOW_CASES['get-order'][0]!.before!, change: (items) => ({ after: items.get('Order')! }) },
    'customer-stats': { before: FLOW_CASES['get-order'][0]!.before!, change: (items) => ({ after: items.get('Order')! }) },
  };

  test('every effect that writes to DynamoDB only has a case', () => {
    expect(Object.keys(EFFECT_CASES).sort()).toEqual(EFFECTS.filter(({ sends }) => sends.length === 0).map(({ name }) => name).sort());
  });

  test.each(Object.entries(EFFECT_CASES))('%s is done once, at once or when its record comes again', async (name, { before, change }) => {
    const { stream, view } = EFFECTS.find((effect) => effect.name === name)!;
    const { readRecord } = require('../../lambda/triggers/stream-record') as typeof import('../../lambda/triggers/stream-record');
    const effects = Object.values(require(`../../lambda/triggers/${stream}`) as Record<string, readonly Effect[]>).find(Array.isArray)!;
    const effect = effects.find((one) => one.name === name)!;
    const { items } = await prepare(before);
    const record = streamRecord(change(new Map(items.map(({ item }) => [String(item.__edb_e__?.S), unmarshall(item as never)]))));
    const run = () => effect.run(readRecord(record, view), { now: asked, deadline: asked + 10_000 });
    const whole = await meet(items, undefined, run);
    expect(whole.after).not.toBe(sorted(items));

    const wrong: string[] = [];
    for (const plan of plansOf(whole.tries, EFFECTS.findIndex((one) => one.name === name))) {
      const faulty = await meet(items, plan, () => run().then(() => 'done', (error: unknown) => String(error)));
      if (faulty.result !== 'done') await run();
      const after = sorted(await stored());
      if (after !== whole.after || !faulty.isSame || (plan.ending === 'passes' && faulty.result !== 'done')) {
        wrong.push(`${JSON.stringify(plan)}: ${faulty.result} ${after}`);
      }
    }
    expect(wrong).toEqual([]);
  }, 600_000);
});
