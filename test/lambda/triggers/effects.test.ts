import '../../support/flow-environment';
import type { DynamoDBRecord } from 'aws-lambda';
import { BUS_EVENTS, type BusEventType } from '../../../lambda/triggers/bus-events';
import { cartAbandoned } from '../../../lambda/triggers/cart-abandoned';
import { changedAttributes } from '../../../lambda/triggers/changed-attributes';
import type { Effect, EventName } from '../../../lambda/triggers/effect';
import { lowStockFlag } from '../../../lambda/triggers/low-stock-flag';
import { once } from '../../../lambda/triggers/once';
import { orderEvents } from '../../../lambda/triggers/order-events';
import { orderHistory } from '../../../lambda/triggers/order-history';
import { orderStep } from '../../../lambda/triggers/order-step';
import { priceHistory } from '../../../lambda/triggers/price-history';
import { type Change, readRecord } from '../../../lambda/triggers/stream-record';
import { userArchive } from '../../../lambda/triggers/user-archive';
import { userChanged } from '../../../lambda/triggers/user-changed';
import { greeting, welcomeMail } from '../../../lambda/triggers/welcome-mail';
import { Crash, startTables } from '../../support/engine-tables';
import { SAMPLES, written } from '../../support/samples';
import { ScriptedServices } from '../../support/scripted-services';
import { invocation } from '../../support/shop';
import { type ItemChange, streamRecord } from '../../support/stream-records';

const services = new ScriptedServices();
let tables: Awaited<ReturnType<typeof startTables>>;
let entities: ReturnType<(typeof tables)['store']>['entities'];

beforeAll(async () => {
  tables = await startTables();
  ({ entities } = tables.store());
  await services.start();
  // The effects have clients of their own, which look here when they first send.
  process.env.AWS_ENDPOINT_URL_DYNAMODB = tables.engine.endpoint;
});
afterAll(async () => {
  await services.stop();
  await tables.stop();
});
beforeEach(() => services.forget());

/** Runs an effect as the dispatcher does. */
async function run(effect: Effect, record: DynamoDBRecord): Promise<void> {
  if (!effect.on.includes(record.eventName as EventName)) throw new Error(`${effect.name} is not for ${record.eventName}`);
  await effect.run(readRecord(record, effect.view), invocation());
}

interface BusEntry {
  EventBusName: string;
  Source: string;
  DetailType: BusEventType;
  Time: number;
  Detail: string;
}

/** What the bus was sent: its entries, each with its detail as its type has it. */
function published() {
  const entries = services.received.flatMap(({ body }) => (JSON.parse(body) as { Entries: BusEntry[] }).Entries);
  return entries.map((entry) => ({ ...entry, Detail: BUS_EVENTS[entry.DetailType].parse(JSON.parse(entry.Detail)) }));
}

const order = (change: object = {}) => written('Order', change);
const placed = (more: Partial<ItemChange> = {}) => streamRecord({ after: order(), ...more });
const moved = (from: string, to: string, more: Partial<ItemChange> = {}) =>
  streamRecord({ before: order({ status: from }), after: order({ status: to, updatedAt: '2026-11-25T10:00:00.777Z' }), ...more });

describe('the steps of an order', () => {
  const step = (record: DynamoDBRecord) => orderStep(readRecord(record, 'NEW_AND_OLD_IMAGES') as Change<'Order', 'NEW_AND_OLD_IMAGES'>);

  test.each<[string, DynamoDBRecord, object | undefined]>([
    ['a new one', placed(), { type: 'OrderPlaced', to: 'Pending' }],
    ['one that moves', moved('Pending', 'Processing'), { type: 'OrderStatusChanged', from: 'Pending', to: 'Processing' }],
    ['one that is cancelled', moved('Processing', 'Cancelled'), { type: 'OrderCancelled', from: 'Processing', to: 'Cancelled' }],
    ['one that keeps its status', moved('Pending', 'Pending'), undefined],
    ['one that is deleted', streamRecord({ before: order({ status: 'Delivered' }) }), { type: 'OrderDeleted', from: 'Delivered' }],
  ])('%s', (_, record, expected) => expect(step(record)).toEqual(expected));
});

describe('the attributes that changed', () => {
  test.each([
    [{ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }, []],
    [{ b: 1, a: 1, c: 1 }, { b: 2, a: 2, c: 1 }, ['a', 'b']],
    [{ a: 1 }, { b: 1 }, ['a', 'b']],
    [{ m: { x: { y: 1 } } }, { m: { x: { y: 2 } } }, ['m']],
    [{ n: 1 }, { n: '1' }, ['n']],
    [{ big: { value: '12345678901234567890' } }, { big: { value: '12345678901234567891' } }, ['big']],
    [{}, {}, []],
  ])('%j to %j', (before, after, expected) => expect(changedAttributes(before, after)).toEqual(expected));
});

describe('the history of an order', () => {
  const history = async (orderId: string) => {
    const { data } = await entities.OrderEvent.query.primary({ customerId: SAMPLES.Order.customerId, orderId }).go({ consistent: true });
    return data.map(({ customerId: _, orderId: __, ...event }) => event);
  };
  const of = (orderId: string, status: string, updatedAt: string) => order({ orderId, status, updatedAt });

  test('has each step once, at the time of the change, in whatever order the records come', async () => {
    const [first, second, third] = ['2026-11-25T10:00:00.100Z', '2026-11-25T10:00:01.200Z', '2026-11-25T10:00:02.000Z'];
    const records = [
      streamRecord({ after: of('h1', 'Pending', first!), eventId: 'e1' }),
      streamRecord({ before: of('h1', 'Pending', first!), after: of('h1', 'Cancelled', second!), eventId: 'e2' }),
      streamRecord({ before: of('h1', 'Cancelled', second!), eventId: 'e3', at: '2026-11-25T10:00:02.900Z' }),
    ];
    for (const record of [records[2]!, records[0]!, records[1]!, ...records]) await run(orderHistory, record);
    expect(await history('h1')).toEqual([
      { at: first, eventId: 'e1', type: 'OrderPlaced', to: 'Pending' },
      { at: second, eventId: 'e2', type: 'OrderCancelled', from: 'Pending', to: 'Cancelled' },
      { at: third, eventId: 'e3', type: 'OrderDeleted', from: 'Cancelled' },
    ]);
  });

  test('has no step for what leaves the status as it was', async () => {
    const time = '2026-11-25T10:00:00.100Z';
    await run(orderHistory, streamRecord({ before: of('h2', 'Pending', time), after: of('h2', 'Pending', '2026-11-25T10:00:05.000Z') }));
    expect(await history('h2')).toEqual([]);
  });
});

describe('the price history', () => {
  const product = (productId: string, priceMinor: number, updatedAt: string, currency = 'EUR') =>
    written('Product', { productId, priceMinor, updatedAt, currency });
  const [then, now] = ['2026-11-25T09:00:00.000Z', '2026-11-25T10:00:00.123Z'];
  const changes = async (productId: string) =>
    (await entities.PriceChange.query.primary({ productId }).go({ consistent: true })).data.map(({ productId: _, ...change }) => change);

  test('has each move of a price once', async () => {
    const [up, down] = [
      streamRecord({ before: product('p1', 7, then), after: product('p1', 9, now) }),
      streamRecord({ before: product('p1', 9, now), after: product('p1', 8, '2026-11-25T10:00:01.000Z', 'JPY') }),
    ];
    for (const record of [down, up, down, up]) await run(priceHistory, record);
    expect(await changes('p1')).toEqual([
      { changedAt: now, fromMinor: 7, toMinor: 9, currency: 'EUR' },
      { changedAt: '2026-11-25T10:00:01.000Z', fromMinor: 9, toMinor: 8, currency: 'JPY' },
    ]);
  });

  test('has a move of the currency alone, and no other change', async () => {
    await run(priceHistory, streamRecord({ before: product('p2', 7, then), after: product('p2', 7, now) }));
    expect(await changes('p2')).toEqual([]);
    await run(priceHistory, streamRecord({ before: product('p2', 7, then), after: product('p2', 7, now, 'JPY') }));
    expect(await changes('p2')).toEqual([{ changedAt: now, fromMinor: 7, toMinor: 7, currency: 'JPY' }]);
  });

  test('goes by the record where who wrote past the API left the item\'s time as it was: changes of one second are two', async () => {
    const at = '2026-11-25T10:00:03.456Z';
    const up = streamRecord({ before: product('p3', 7, then), after: product('p3', 9, then), at });
    const down = streamRecord({ before: product('p3', 9, then), after: product('p3', 8, then), at });
    for (const record of [up, down, up]) await run(priceHistory, record);
    const found = await changes('p3');
    expect(found).toMatchObject([{ toMinor: 9 }, { toMinor: 8 }]);
    for (const { changedAt } of found) expect(changedAt).toMatch(/^2026-11-25T10:00:03\.\d{3}Z$/);
  });
});

describe('the flag of what is low', () => {
  const at = '2026-11-25T10:00:00.000Z';
  const FLAG = { lowFlag: 'low' as const, restockSince: at };
  interface StockItem {
    productId: string;
    stock: number;
    restockAt?: number;
    lowFlag?: 'low';
    restockSince?: string;
  }
  const keep = (stock: StockItem) => entities.Stock.put({ priceMinor: 7, currency: 'EUR', ...stock }).go();
  /** Runs the record of a stock. @returns what is kept then */
  async function flag(stock: StockItem) {
    await run(lowStockFlag, streamRecord({ after: written('Stock', { lowFlag: undefined, restockSince: undefined, ...stock }), at }));
    const { data } = await entities.Stock.get({ productId: stock.productId }).go({ consistent: true });
    return data && { stock: data.stock, flag: data.lowFlag, since: data.restockSince };
  }
  /** Keeps a stock and runs its record. */
  async function change(stock: StockItem) {
    await keep(stock);
    return flag(stock);
  }

  test.each([
    ['at its threshold', 's1', { stock: 5, restockAt: 5 }, true],
    ['above it', 's2', { stock: 6, restockAt: 5 }, false],
    ['sold out, with a threshold of none', 's3', { stock: 0, restockAt: 0 }, true],
    ['without a threshold', 's4', { stock: 0 }, false],
  ])('%s', async (_, productId, stock, isLow) => {
    expect(await change({ productId, ...stock })).toEqual({ stock: stock.stock, ...(isLow && { flag: 'low', since: at }) });
  });

  test.each([
    ['restocked', 's5', { stock: 6, restockAt: 5 }],
    ['given a lower threshold', 's6', { stock: 6, restockAt: 5 }],
    ['of which the threshold is gone', 's7', { stock: 0 }],
  ])('goes from what was %s', async (_, productId, stock) => {
    expect(await change({ productId, ...stock, ...FLAG })).toEqual({ stock: stock.stock });
  });

  test('that is right stays, with its time', async () => {
    const since = { lowFlag: 'low' as const, restockSince: '2026-11-25T01:00:00.000Z' };
    expect(await change({ productId: 's8', stock: 1, restockAt: 5, ...since })).toMatchObject({ flag: 'low', since: since.restockSince });
  });

  test('is in the index of what is low, and out of it', async () => {
    // The index holds the keys only.
    const low = async () =>
      JSON.stringify((await entities.Stock.query.lowStock({ lowFlag: 'low' }).go({ data: 'raw', pages: 'all' })).data);
    await change({ productId: 's9', stock: 5, restockAt: 5 });
    expect(await low()).toContain('productId_s9"');
    await change({ productId: 's9', stock: 9, restockAt: 5, ...FLAG });
    expect(await low()).not.toContain('productId_s9"');
  });

  test('is left to the record of a later move: stock and threshold are as this one has them, or it writes nothing', async () => {
    await keep({ productId: 's10', stock: 9, restockAt: 5 });
    expect(await flag({ productId: 's10', stock: 4, restockAt: 5 })).toMatchObject({ stock: 9, flag: undefined });
    expect(await flag({ productId: 's10', stock: 9, restockAt: 20 })).toMatchObject({ stock: 9, flag: undefined });
    // The product was as low before, and is flagged since then.
    const earlier = { lowFlag: 'low' as const, restockSince: '2026-11-25T01:00:00.000Z' };
    await keep({ productId: 's10', stock: 4, restockAt: 5, ...earlier });
    expect(await flag({ productId: 's10', stock: 4, restockAt: 5 })).toMatchObject({ since: earlier.restockSince });
    await keep({ productId: 's10', stock: 4, restockAt: 5, ...FLAG });
    expect(await flag({ productId: 's10', stock: 9, restockAt: 5, ...FLAG })).toMatchObject({ stock: 4, flag: 'low' });
    expect(await flag({ productId: 's10', stock: 4, ...FLAG })).toMatchObject({ stock: 4, flag: 'low' });
  });

  test('comes to the same for records that come twice and in any order, and a product that is gone stays so', async () => {
    await keep({ productId: 's11', stock: 2, restockAt: 5 });
    for (const stock of [9, 2, 7, 2, 9]) await flag({ productId: 's11', stock, restockAt: 5 });
    expect(await flag({ productId: 's11', stock: 2, restockAt: 5 })).toMatchObject({ stock: 2, flag: 'low', since: at });
    expect(await flag({ productId: 's12', stock: 0, restockAt: 5 })).toBeNull();
  });
});

describe('the welcome mail', () => {
  const signedUp = (eventId: string) => streamRecord({ after: written('User', { name: 'Änn', email: 'ann@example.com' }), eventId });
  const marker = async (eventId: string) =>
    (await entities.ProcessedEvent.get({ effect: 'welcome-mail', eventId }).go({ consistent: true })).data;

  test('goes once to who signed up, however often the record comes', async () => {
    for (const _delivery of [1, 2, 3]) await run(welcomeMail, signedUp('m1'));
    expect(services.received.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /v2/email/outbound-emails']);
    const mail = JSON.parse(services.received[0]!.body) as { Content: { Simple: { Body: { Text: { Data: string } } } } };
    expect(mail).toMatchObject({ FromEmailAddress: 'shop@example.com', Destination: { ToAddresses: ['ann@example.com'] } });
    expect(mail.Content.Simple.Body.Text.Data).toContain('Hello Änn,');
    expect(await marker('m1')).toMatchObject({ effect: 'welcome-mail' });
  });

  test.each([
    'Ann', 'Änn', "Sinéad O'Connor", 'Jean-Luc P. Godard', 'J.R.R. Tolkien', "'t Hooft", 'Martin Luther King Jr.', '山田 太郎', 'अमित', 'محمد', 'Zoe\u0308',
    'x'.repeat(60),
    '𠀀'.repeat(60),
  ])('greets by the name %j', (name) => expect(greeting(name)).toBe(`Hello ${name},`));

  test.each([
    'Ann\n\nYour account is locked', 'Ann\r\nBcc: all@example.com', 'Ann\u2028Bob', 'Ann\tBob', 'Ann\u0085Bob', 'Ann\n', '\nAnn', 'Ann\0',
    'https://evil.example', 'evil.example', 'Visit www.evil.example now', 'e.vil', 'пример.рф', 'भ.भारत', 'ann@example.com', 'call 0800 123', 'a/b', '<b>Ann</b>',
    'Ann, your order', 'Ann!', 'Ann (locked)', 'Ann: pay', 'Ann\u202eevil', 'Ann\u200b', 'Ann\u00a0Bob', '🙂', ' ', '...', "-'.", '\u0301', '',
    'x'.repeat(61),
    `Ann ${'.'.repeat(196)}`,
  ])('greets without the name %j', (name) => expect(greeting(name)).toBe('Hello,'));

  test('has nothing in it that the user wrote, but for a name', async () => {
    const after = written('User', { name: 'Ann\n\nPay at https://evil.example', email: 'ann@example.com', phone: 'evil', preferences: { a: 'evil' } });
    await run(welcomeMail, streamRecord({ after, eventId: 'm9' }));
    const mail = JSON.parse(services.received[0]!.body) as { Content: { Simple: { Body: { Text: { Data: string } } } } };
    expect(mail.Content.Simple.Body.Text.Data).toMatch(/^Hello,\n\nthank you/);
    expect(services.received[0]!.body).not.toMatch(/evil|Ann/);
  });

  test('goes for each who signs up', async () => {
    for (const eventId of ['m2', 'm3']) await run(welcomeMail, signedUp(eventId));
    expect(services.received).toHaveLength(2);
  });

  test('that the service refuses is not marked, and goes when the record comes again', async () => {
    services.answers = [{ status: 400, body: { __type: 'MessageRejected', message: 'not verified' } }];
    await expect(run(welcomeMail, signedUp('m4'))).rejects.toThrow('not verified');
    expect(await marker('m4')).toBeNull();
    await run(welcomeMail, signedUp('m4'));
    expect(services.received).toHaveLength(2);
    expect(await marker('m4')).not.toBeNull();
  });

  test('does not name in its error whom it did not reach, since that is logged', async () => {
    const message = 'Email address is not verified. The following identities failed the check in region US-EAST-1: ann@example.com';
    services.answers = [{ status: 400, body: { __type: 'MessageRejected', message } }];
    await expect(run(welcomeMail, signedUp('m5'))).rejects.toThrow(/^Email address .* US-EAST-1: the recipient$/);
  });
});

describe('what is done once for an event', () => {
  const twice = async (eventId: string, first: ReturnType<(typeof tables)['store']>) => {
    let acts = 0;
    const act = async () => void acts++;
    await expect(once('act', eventId, invocation(), act, first.entities)).rejects.toThrow(Crash);
    const afterCrash = acts;
    for (const _delivery of [1, 2]) await once('act', eventId, invocation(), act, entities);
    return [afterCrash, acts];
  };

  test('is done twice after a crash between it and its marker', async () => {
    const dying = tables.store((operation) => (operation === 'PutItem' ? { kind: 'crash-before' } : 'pass'));
    expect(await twice('o1', dying)).toEqual([1, 2]);
  });

  test('is done once when the crash comes before it, or behind the marker', async () => {
    const early = tables.store((operation) => (operation === 'GetItem' ? { kind: 'crash-before' } : 'pass'));
    const late = tables.store((operation) => (operation === 'PutItem' ? { kind: 'crash-after' } : 'pass'));
    expect(await twice('o2', early)).toEqual([0, 1]);
    expect(await twice('o3', late)).toEqual([1, 1]);
  });

  test.each(['throttle', 'timeout-after-commit', 'internal-error'] as const)('is done once when each call meets %s', async (kind) => {
    let acts = 0;
    const store = tables.store((_, nth) => (nth === 1 ? { kind } : 'pass'), { maxAttempts: 1 });
    await once('act', `o4-${kind}`, invocation(), async () => void acts++, store.entities);
    expect([acts, store.sent]).toEqual([1, ['GetItem', 'GetItem', 'PutItem', 'PutItem']]);
  });

  test('is an event of one effect: another does its own', async () => {
    const acts: string[] = [];
    for (const effect of ['one', 'two', 'one']) await once(effect, 'o5', invocation(), async () => void acts.push(effect), entities);
    expect(acts).toEqual(['one', 'two']);
  });
});

describe('the events on the bus', () => {
  const at = '2026-11-25T10:00:00.000Z';
  const common = { schemaVersion: '1', eventId: 'b1', at };
  const more = { eventId: 'b1', at: '2026-11-25T10:00:00.900Z' };
  const { orderId, customerId, placedAt, totalMinor, currency, lines } = SAMPLES.Order;
  const user = (change: object) => written('User', change);
  const cart = { before: written('CartItem'), ...more };

  test.each<[BusEventType, Effect, DynamoDBRecord, object]>([
    ['OrderPlaced', orderEvents, placed(more), { orderId, customerId, placedAt, totalMinor, currency, lines }],
    ['OrderStatusChanged', orderEvents, moved('Pending', 'Processing', more), { orderId, customerId, from: 'Pending', to: 'Processing' }],
    ['OrderCancelled', orderEvents, moved('Pending', 'Cancelled', more), { orderId, customerId, from: 'Pending', totalMinor, currency }],
    [
      'UserChanged',
      userChanged,
      streamRecord({ before: user({ phone: '1' }), after: user({ name: 'B', version: 2, updatedAt: at, preferences: { a: 1 } }), ...more }),
      { userId: SAMPLES.User.userId, changed: ['name', 'phone', 'preferences'] },
    ],
    [
      'CartAbandoned',
      cartAbandoned,
      streamRecord({ ...cart, isExpiry: true }),
      { userId: 'Ann', productId: 'Tea', quantity: 1, addedAt: SAMPLES.CartItem.addedAt },
    ],
  ])('%s: the same each time', async (type, effect, record, detail) => {
    await run(effect, record);
    await run(effect, record);
    const entry = { EventBusName: 'store', Source: 'store', DetailType: type, Time: Date.parse(at) / 1_000 };
    const event = { ...entry, Detail: { ...common, ...detail } };
    expect(published()).toEqual([event, event]);
  });

  test.each<[string, Effect, DynamoDBRecord]>([
    ['an order that keeps its status', orderEvents, moved('Pending', 'Pending')],
    [
      'a profile of which only version and time moved',
      userChanged,
      streamRecord({ before: user({}), after: user({ version: 2, updatedAt: at }) }),
    ],
    ['a product that was taken out of a cart by hand', cartAbandoned, streamRecord(cart)],
  ])('none for %s', async (_, effect, record) => {
    await run(effect, record);
    expect(services.received).toEqual([]);
  });

  test('one that the bus does not take fails the effect, though the call succeeds', async () => {
    const body = { FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure', ErrorMessage: 'later' }] };
    services.answers = [{ status: 200, body }];
    await expect(run(orderEvents, placed())).rejects.toThrow('The event bus did not take OrderPlaced: InternalFailure later');
    await run(orderEvents, placed());
    expect(published()).toHaveLength(2);
  });

  test('a call that is refused fails the effect', async () => {
    services.answers = [{ status: 400, body: { __type: 'ResourceNotFoundException', message: 'no such bus' } }];
    await expect(run(orderEvents, placed())).rejects.toThrow('no such bus');
  });
});

describe('the archive of profiles', () => {
  const gone = (userId: string, eventId = 'a1') =>
    streamRecord({ before: written('User', { userId, preferences: { a: [1] } }), eventId, at: '2026-11-25T10:00:00.000Z' });
  /** Where a user's profile goes: the key of the object. */
  async function keyOf(userId: string, eventId?: string) {
    services.received.length = 0;
    await run(userArchive, gone(userId, eventId));
    const path = services.received[0]!.path.replace(/\?.*/, '');
    expect(path).toMatch(/^\/archive\//);
    return decodeURIComponent(path.slice('/archive/'.length));
  }

  test('has the whole profile, at the same key each time', async () => {
    await run(userArchive, gone('Ann'));
    await run(userArchive, gone('Ann'));
    const [first, second] = services.received;
    expect(second).toEqual(first);
    expect(first).toMatchObject({ method: 'PUT', type: 'application/json' });
    expect(first!.path).toMatch(/^\/archive\/users\/Ann\/a1\.json/);
    const user = { ...SAMPLES.User, userId: 'Ann', preferences: { a: [1] } };
    expect(JSON.parse(first!.body)).toEqual({ eventId: 'a1', removedAt: '2026-11-25T10:00:00.000Z', user });
  });

  test('has one object for each time that a user went', async () => {
    expect(await keyOf('Ann', 'a2')).not.toBe(await keyOf('Ann', 'a3'));
  });

  test.each(['a/b', '../../other', 'a b', 'a%2Fb', 'Ünï', '日本', '#1_$x', 'a?b=c&d', "it's", 'auth0|1', 'a\\b', 'a\nb'])(
    'keeps within its user\'s folder whose id is %j',
    async (userId) => {
      const key = await keyOf(userId);
      expect(key).toMatch(/^users\/[^/]+\/a1\.json$/);
      expect(key.split('/').map(decodeURIComponent)[1]).toBe(userId);
    },
  );

  test.each(['.', '..'])('has no path segment that clients resolve: an id of %j', async (userId) => {
    const key = await keyOf(userId);
    expect(key.split('/')).not.toContain(userId);
  });

  /** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html: a key has 1,024 bytes at most; an id has 512. */
  test.each([
    ['日', 170],
    ['|', 512],
  ])('has a key that S3 takes, however long the id: %s, %i times', async (character, times) => {
    expect(Buffer.byteLength(await keyOf(character.repeat(times), 'e'.repeat(32)))).toBeLessThanOrEqual(1_024);
  });

  test('that is refused fails the effect', async () => {
    services.answers = [{ status: 403, body: {} }];
    await expect(run(userArchive, gone('Ann'))).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
  });
});

test.each([
  ['mail', welcomeMail, streamRecord({ after: written('User') })],
  ['event', orderEvents, streamRecord({ after: written('Order') })],
  ['object', userArchive, streamRecord({ before: written('User') })],
])('what nobody answers is given up at the deadline, not when the SDK has tried all it may: %s', async (_, subject, record) => {
  services.answers = ['none'];
  const soon = { now: Date.now(), deadline: Date.now() + 150 };
  await expect(subject.run(readRecord({ ...record, eventID: `late-${subject.name}` }, subject.view), soon)).rejects.toMatchObject({ name: 'AbortError' });
});
