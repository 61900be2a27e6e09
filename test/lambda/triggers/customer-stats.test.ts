import '../../support/flow-environment';
import type { Context, DynamoDBRecord } from 'aws-lambda';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import * as fc from 'fast-check';
import { countOrder, customerStats } from '../../../lambda/triggers/customer-stats';
import { dispatcher } from '../../../lambda/triggers/dispatcher';
import { effect } from '../../../lambda/triggers/effect';
import { type Change, readRecord } from '../../../lambda/triggers/stream-record';
import { rows, runs } from '../../support/complete';
import { Crash, type FaultScript, startTables } from '../../support/engine-tables';
import { written } from '../../support/samples';
import { invocation } from '../../support/shop';
import { streamRecord } from '../../support/stream-records';
import { LAYOUTS } from '../../support/synthesize-once';

type Tables = Awaited<ReturnType<typeof startTables>>;
type Entities = ReturnType<Tables['store']>['entities'];

/** An order, and what became of it. */
interface Life {
  orderId: string;
  totalMinor: number;
  currency: string;
  placedAt: string;
  fate: 'open' | 'moved' | 'cancelled' | 'deleted' | 'cancelled and deleted';
}

const PLACED_AT = '2026-11-25T10:00:00.000Z';
const life = (change: Partial<Life> = {}): Life => ({
  orderId: 'o1',
  totalMinor: 500,
  currency: 'EUR',
  placedAt: PLACED_AT,
  fate: 'open',
  ...change,
});

let customers = 0;
const newCustomer = () => `customer${++customers}`;

/** An order's id is its own, whoever's it is. */
const orderOf = (customerId: string, { orderId }: Pick<Life, 'orderId'>) => `${customerId}-${orderId}`;

/** The records of an order's life. */
function recordsOf(customerId: string, { fate, ...order }: Life): DynamoDBRecord[] {
  const as = (status: string) => written('Order', { customerId, ...order, orderId: orderOf(customerId, order), status });
  const placed = streamRecord({ after: as('Pending') });
  const moved = streamRecord({ before: as('Pending'), after: as('Processing') });
  const cancelled = streamRecord({ before: as('Pending'), after: as('Cancelled') });
  switch (fate) {
    case 'open':
      return [placed];
    case 'moved':
      return [placed, moved];
    case 'cancelled':
      return [placed, cancelled];
    case 'deleted':
      return [placed, moved, streamRecord({ before: as('Processing') })];
    case 'cancelled and deleted':
      return [placed, cancelled, streamRecord({ before: as('Cancelled') })];
  }
}

/** What the orders say, after all their records. */
function statsOf(orders: readonly Life[]) {
  const counting = orders.filter(({ fate }) => fate === 'open' || fate === 'moved');
  const spent: Record<string, number> = {};
  for (const { currency, totalMinor } of counting) spent[currency] = (spent[currency] ?? 0) + totalMinor;
  return { orders: counting.length, spent, lastOrderAt: orders.map(({ placedAt }) => placedAt).sort().at(-1) };
}

const read = (record: DynamoDBRecord) => readRecord(record, 'NEW_AND_OLD_IMAGES') as Change<'Order', 'NEW_AND_OLD_IMAGES'>;
async function deliver(entities: Entities, ...records: DynamoDBRecord[]): Promise<void> {
  for (const record of records) await countOrder(read(record), invocation(), entities);
}
async function found(userId: string, entities: Entities) {
  const { data } = await entities.CustomerStats.get({ userId }).go({ consistent: true });
  const { userId: _, countedSince: __, ...stats } = data ?? { userId, countedSince: undefined };
  return stats;
}
const onTransaction = (first: Awaited<ReturnType<FaultScript>>): FaultScript => (operation, nth) =>
  operation === 'TransactWriteItems' && nth <= 1 ? first : 'pass';

describe.each(rows(LAYOUTS, (layout) => layout === 'single-table'))('the statistics of a customer (%s)', (layout) => {
  let tables: Tables;
  let plain: Entities;
  beforeAll(async () => {
    tables = await startTables(layout);
    plain = tables.store().entities;
  });
  afterAll(() => tables.stop());

  test('the statistics count orders, and their sums by currency', async () => {
    const customer = newCustomer();
    const orders = [
      life({ orderId: 'o1', totalMinor: 500 }),
      life({ orderId: 'o2', totalMinor: 700, currency: 'JPY', placedAt: '2026-11-25T12:00:00.000Z', fate: 'moved' }),
      life({ orderId: 'o3', totalMinor: 11, placedAt: '2026-11-25T11:00:00.000Z' }),
    ];
    for (const order of orders) await deliver(plain, ...recordsOf(customer, order));
    expect(await found(customer, plain)).toEqual({ orders: 3, spent: { EUR: 511, JPY: 700 }, lastOrderAt: '2026-11-25T12:00:00.000Z' });
  });

  test.each(['cancelled', 'deleted', 'cancelled and deleted'] as const)('no more count an order that is %s', async (fate) => {
    const customer = newCustomer();
    await deliver(plain, ...recordsOf(customer, life({ orderId: 'o2', totalMinor: 30 })));
    const records = recordsOf(customer, life({ totalMinor: 40, fate }));
    await deliver(plain, records[0]!);
    expect(await found(customer, plain)).toMatchObject({ orders: 2, spent: { EUR: 70 } });
    await deliver(plain, ...records.slice(1));
    expect(await found(customer, plain)).toMatchObject({ orders: 1, spent: { EUR: 30 } });
  });

  test('the statistics name no currency of which nothing is left', async () => {
    const customer = newCustomer();
    await deliver(plain, ...recordsOf(customer, life({ fate: 'cancelled' })));
    expect(await found(customer, plain)).toEqual({ orders: 0, spent: {}, lastOrderAt: PLACED_AT });
  });

  test('miss nothing that they never had, and do not count it when it comes at last', async () => {
    const customer = newCustomer();
    const [placed, cancelled] = recordsOf(customer, life({ fate: 'cancelled' }));
    await deliver(plain, cancelled!);
    expect(await found(customer, plain)).toEqual({});
    await deliver(plain, placed!);
    expect(await found(customer, plain)).toEqual({ orders: 0, spent: {}, lastOrderAt: PLACED_AT });
  });

  test.each([
    ['a sum that is text', { spent: { EUR: '12' } }],
    ['a list', { spent: [] }],
    ['text', { spent: 'spoiled' }],
    ['no number of orders', { orders: undefined }],
  ])('are not counted on where somebody spoiled them: %s', async (_, spoiled) => {
    const customer = newCustomer();
    const { Item, TableName } = plain.CustomerStats.put({ userId: customer, orders: 1, spent: { EUR: 5 } }).params<{ Item: object; TableName: string }>();
    await tables.store().client.send(new PutCommand({ TableName, Item: { ...Item, ...spoiled } }));
    const [placed] = recordsOf(customer, life());
    await expect(deliver(plain, placed!)).rejects.toThrow(`The statistics of ${customer} in the table are not what the model says.`);
  });

  test('of an account that came back do not miss the orders of the one before, whatever is redriven late', async () => {
    const customer = newCustomer();
    const on = (day: number) => `2026-11-0${day}T10:00:00.000Z`;
    const [placedA, cancelledA] = recordsOf(customer, life({ orderId: 'a', placedAt: on(1), fate: 'cancelled' }));
    const [placedB, cancelledB] = recordsOf(customer, life({ orderId: 'b', placedAt: on(2), fate: 'cancelled' }));
    await deliver(plain, cancelledA!, placedB!);
    // The account goes, and comes back.
    await plain.CustomerStats.delete({ userId: customer }).go();
    await deliver(plain, ...recordsOf(customer, life({ orderId: 'c', placedAt: on(3), totalMinor: 7 })));
    await deliver(plain, placedA!, cancelledB!);
    expect(await found(customer, plain)).toMatchObject({ orders: 1, spent: { EUR: 7 } });
  });

  test('do not change by what changes neither status nor sum, and nothing is sent for it', async () => {
    const customer = newCustomer();
    const order = written('Order', { customerId: customer });
    const store = tables.store();
    await deliver(store.entities, streamRecord({ before: order, after: { ...order, version: 2 } }));
    expect(store.sent).toEqual([]);
  });

  test('an event counts once, however often it comes', async () => {
    const customer = newCustomer();
    const [placed, cancelled] = recordsOf(customer, life({ fate: 'cancelled' }));
    await deliver(plain, ...recordsOf(customer, life({ orderId: 'o2' })), placed!, placed!);
    expect(await found(customer, plain)).toMatchObject({ orders: 2, spent: { EUR: 1_000 } });
    await deliver(plain, cancelled!, placed!, cancelled!);
    expect(await found(customer, plain)).toMatchObject({ orders: 1, spent: { EUR: 500 } });
  });

  test('the marker is kept for two days', async () => {
    const [placed] = recordsOf(newCustomer(), life());
    const now = Date.UTC(2026, 10, 25, 10);
    await countOrder(read(placed!), { now, deadline: Date.now() + 10_000 }, plain);
    const { data } = await plain.ProcessedEvent.get({ effect: 'customer-stats', eventId: placed!.eventID! }).go({ consistent: true });
    expect(data).toMatchObject({ processedAt: '2026-11-25T10:00:00.000Z', expiresAt: now / 1_000 + 48 * 3_600 });
  });

  test.each<[string, FaultScript]>([
    ['its answer is lost', onTransaction({ kind: 'timeout-after-commit' })],
    ['it is refused with a 5xx', onTransaction({ kind: 'internal-error' })],
    ['the table is too busy', onTransaction({ kind: 'throttle' })],
    ['it collides on the marker', onTransaction({ kind: 'conflict', reasons: ['TransactionConflict', null] })],
    ['it collides on the statistics', onTransaction({ kind: 'conflict', reasons: [null, 'TransactionConflict'] })],
    ['the read is throttled', (operation, nth) => (operation === 'GetItem' && nth === 1 ? { kind: 'throttle' } : 'pass')],
  ])('count once when %s', async (_, script) => {
    const customer = newCustomer();
    await deliver(plain, ...recordsOf(customer, life({ orderId: 'o0' })));
    const [placed] = recordsOf(customer, life());
    const store = tables.store(script, { maxAttempts: 1 });
    await deliver(store.entities, placed!);
    expect(store.sent.length).toBeGreaterThan(2);
    await deliver(plain, placed!);
    expect(await found(customer, plain)).toMatchObject({ orders: 2, spent: { EUR: 1_000 } });
  });

  test.each(['first', 'later'] as const)('count an order that another order of the customer overtakes (%s)', async (which) => {
    const customer = newCustomer();
    await deliver(plain, ...(which === 'later' ? recordsOf(customer, life({ orderId: 'o0' })) : []));
    const [overtaking] = recordsOf(customer, life({ orderId: 'o2', totalMinor: 7 }));
    const store = tables.store(async (operation, nth) => {
      if (operation === 'TransactWriteItems' && nth === 1) await deliver(plain, overtaking!);
      return 'pass' as const;
    });
    await deliver(store.entities, ...recordsOf(customer, life({ totalMinor: 40 })));
    expect(store.sent).toEqual(['GetItem', 'TransactWriteItems', 'GetItem', 'TransactWriteItems']);
    const earlier = which === 'later' ? 1 : 0;
    expect(await found(customer, plain)).toMatchObject({ orders: 2 + earlier, spent: { EUR: 47 + 500 * earlier } });
  });

  test('know of the last order, though it came and was cancelled while another was counted', async () => {
    const customer = newCustomer();
    await deliver(plain, ...recordsOf(customer, life({ orderId: 'o0' })));
    const later = '2026-11-25T12:00:00.000Z';
    const overtaking = recordsOf(customer, life({ orderId: 'o2', placedAt: later, fate: 'cancelled' }));
    const store = tables.store(async (operation, nth) => {
      if (operation === 'TransactWriteItems' && nth === 1) await deliver(plain, ...overtaking);
      return 'pass' as const;
    });
    await deliver(store.entities, ...recordsOf(customer, life()));
    expect(await found(customer, plain)).toEqual({ orders: 2, spent: { EUR: 1_000 }, lastOrderAt: later });
  });

  test('are exact where others changed them and came to the same sums meanwhile', async () => {
    const customer = newCustomer();
    const first = recordsOf(customer, life({ orderId: 'o0', placedAt: '2026-11-25T10:04:00.000Z', fate: 'cancelled' }));
    const oldest = recordsOf(customer, life({ orderId: 'o1', placedAt: '2026-11-25T10:00:00.000Z', fate: 'cancelled' }));
    await deliver(plain, first[0]!);
    const store = tables.store(async (operation, nth) => {
      if (operation === 'TransactWriteItems' && nth === 1) await deliver(plain, oldest[0]!, first[1]!);
      return 'pass' as const;
    });
    await deliver(store.entities, ...recordsOf(customer, life({ orderId: 'o2', placedAt: '2026-11-25T10:05:00.000Z' })));
    expect(await found(customer, plain)).toMatchObject({ orders: 2, spent: { EUR: 1_000 } });
    await deliver(plain, oldest[1]!);
    expect(await found(customer, plain)).toMatchObject({ orders: 1, spent: { EUR: 500 } });
  });

  test('the statistics do not miss an order of an account that is gone', async () => {
    const customer = newCustomer();
    const [placed, cancelled] = recordsOf(customer, life({ fate: 'cancelled' }));
    await deliver(plain, placed!);
    await plain.CustomerStats.delete({ userId: customer }).go();
    const [next] = recordsOf(customer, life({ orderId: 'o2', totalMinor: 7, placedAt: '2026-11-25T12:00:00.000Z' }));
    await deliver(plain, next!, cancelled!);
    expect(await found(customer, plain)).toMatchObject({ orders: 1, spent: { EUR: 7 } });
  });

  test('throttled past the deadline it fails, and counts when the record comes again', async () => {
    const customer = newCustomer();
    const [placed] = recordsOf(customer, life());
    const store = tables.store((operation) => (operation === 'TransactWriteItems' ? { kind: 'throttle' } : 'pass'), { maxAttempts: 1 });
    const short = { now: Date.now(), deadline: Date.now() + 200 };
    await expect(countOrder(read(placed!), short, store.entities)).rejects.toMatchObject({ type: 'throttled' });
    expect(await found(customer, plain)).toEqual({});
    await deliver(plain, placed!);
    expect(await found(customer, plain)).toMatchObject({ orders: 1 });
  });

  test('count once when the process ends before or after any call, and the record comes again', async () => {
    for (const kind of ['crash-before', 'crash-after'] as const) {
      for (const call of [1, 2]) {
        const customer = newCustomer();
        const [placed, cancelled] = recordsOf(customer, life({ fate: 'cancelled' }));
        for (const [record, orders] of [[placed!, 1], [cancelled!, 0]] as const) {
          let calls = 0;
          const dying = tables.store(() => (++calls === call ? { kind } : 'pass'));
          await expect(deliver(dying.entities, record)).rejects.toThrow(Crash);
          expect(dying.sent).toHaveLength(call);
          await deliver(plain, record, record);
          expect(await found(customer, plain)).toMatchObject({ orders });
        }
      }
    }
  });

  describe('from records in any order', () => {
    const lives = fc
      .array(
        fc.record({
          totalMinor: fc.integer({ min: 1, max: 9_999 }),
          currency: fc.constantFrom('EUR', 'JPY'),
          placedAt: fc.integer({ min: 0, max: 5 }).map((minute) => new Date(Date.parse(PLACED_AT) + minute * 60_000).toISOString()),
          fate: fc.constantFrom('open', 'moved', 'cancelled', 'deleted', 'cancelled and deleted'),
        }),
        { minLength: 1, maxLength: 4 },
      )
      .map((list) => list.map((order, index): Life => ({ orderId: `o${index}`, ...order })));
    /** All records of some orders, some of them twice, in any order. */
    const deliveries = lives.chain((orders) => {
      const customer = newCustomer();
      const records = orders.flatMap((order) => recordsOf(customer, order));
      return fc.subarray(records).chain((again) => {
        const all = [...records, ...again];
        return fc.record({
          orders: fc.constant(orders),
          customer: fc.constant(customer),
          records: fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
        });
      });
    });

    /** The event ids of a run are its own: the marker of another run would hide a record of this one. */
    let count = 0;
    const ofRun = (record: DynamoDBRecord, run: number) => ({ ...record, eventID: `run${run}-${record.eventID}` });
    /** As are its customers. */
    const forgotten = async (customer: string, orders: Life[]) => {
      await plain.CustomerStats.delete({ userId: customer }).go();
      for (const order of orders) {
        await plain.ProcessedEvent.delete({ effect: 'customer-stats', eventId: `taken out ${orderOf(customer, order)}` }).go();
      }
    };

    test('records in any order and any number come to what the orders say', async () => {
      await fc.assert(
        fc.asyncProperty(deliveries, async ({ orders, customer, records }) => {
          const run = ++count;
          await forgotten(customer, orders);
          await deliver(plain, ...records.map((record) => ofRun(record, run)));
          expect(await found(customer, plain)).toEqual(statsOf(orders));
        }),
        { numRuns: runs(8, 40) },
      );
    });

    test('records in any order, by two dispatchers at once, come to what the orders say', async () => {
      jest.spyOn(process.stdout, 'write').mockReturnValue(true);
      const dispatchers = [tables.store(), tables.store()].map(({ entities }) =>
        dispatcher([
          effect({ ...customerStats, entity: 'Order', view: 'NEW_AND_OLD_IMAGES' }, (change, time) => countOrder(change, time, entities)),
        ]),
      );
      const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
      await fc.assert(
        fc.asyncProperty(deliveries, fc.nat(), async ({ orders, customer, records }, turn) => {
          const run = ++count;
          await forgotten(customer, orders);
          const all = records.map((record) => ofRun(record, run));
          const middle = turn % all.length;
          const turned = [...all.slice(middle), ...all.slice(0, middle)];
          const answers = await Promise.all(
            dispatchers.map((dispatch, index) => dispatch({ Records: index === 0 ? all : turned }, context)),
          );
          expect(answers).toEqual([{ batchItemFailures: [] }, { batchItemFailures: [] }]);
          expect(await found(customer, plain)).toEqual(statsOf(orders));
        }),
        { numRuns: runs(3, 12) },
      );
      jest.restoreAllMocks();
    });
  });
});
