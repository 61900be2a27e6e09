import type { _Record as StreamRecord, AttributeValue, StreamViewType } from '@aws-sdk/client-dynamodb-streams';
import { createConversions, type Entity, type Schema } from 'electrodb';
import { createStore } from '#model/store';
import { ownerOf } from '../../../tools/tail/entities';
import { readRecord } from '../../../tools/tail/entry';
import { asJson, asText } from '../../../tools/tail/render';

type Image = Record<string, AttributeValue>;

const KEYS: Image = { pk: { S: '$store#customerId_c1' }, sk: { S: '$Order_1#placedAt_2026-11-25T10:00:00.000Z#orderId_o1' } };
const HIDDEN: Image = { ...KEYS, gsi1pk: { S: 'x' }, lsi1sk: { S: 'x' }, __edb_e__: { S: 'Order' }, __edb_v__: { S: '1' } };
const HEAD = '2026-11-25T10:00:01Z';
const ORDER = 'Order customerId=c1 placedAt=2026-11-25T10:00:00.000Z orderId=o1';

const record = (
  eventName: 'INSERT' | 'MODIFY' | 'REMOVE',
  images: { from?: Image; to?: Image },
  more: Partial<StreamRecord> & { view?: StreamViewType; Keys?: Image } = {},
): StreamRecord => ({
  eventID: 'e1',
  eventName,
  ...(more.userIdentity && { userIdentity: more.userIdentity }),
  dynamodb: {
    ApproximateCreationDateTime: new Date('2026-11-25T10:00:01Z'),
    Keys: more.Keys ?? KEYS,
    ...(images.from && { OldImage: images.from }),
    ...(images.to && { NewImage: images.to }),
    SequenceNumber: '100000000000000000001',
    StreamViewType: more.view ?? 'NEW_AND_OLD_IMAGES',
  },
});

const text = (it: StreamRecord) => asText(readRecord(it, 'T', 's'), false);
const order = (image: Image): Image => ({ ...HIDDEN, ...image });
/** The lines below the first one, of a change of one attribute. */
const lines = (from: AttributeValue | undefined, to: AttributeValue | undefined) =>
  text(record('MODIFY', { from: order(from ? { a: from } : {}), to: order(to ? { a: to } : {}) })).trimEnd().split('\n').slice(1).map((line) => line.trim());

test('an insert, a change and a removal are shown with their attributes', () => {
  const from = order({ name: { S: 'Ann' }, priceMinor: { N: '100' }, phone: { S: '+44' } });
  const to = order({ name: { S: 'Ann' }, priceMinor: { N: '120' }, note: { NULL: true } });
  expect(text(record('INSERT', { to }))).toBe(`${HEAD} INSERT ${ORDER}\n  + name "Ann"\n  + note null\n  + priceMinor 120\n`);
  expect(text(record('MODIFY', { from, to }))).toBe(`${HEAD} MODIFY ${ORDER}\n  + note null\n  - phone "+44"\n  ~ priceMinor 100 -> 120\n`);
  expect(text(record('REMOVE', { from }))).toBe(`${HEAD} REMOVE ${ORDER}\n  - name "Ann"\n  - phone "+44"\n  - priceMinor 100\n`);
});

test.each<[string, Partial<StreamRecord>, string]>([
  ['time to live', { userIdentity: { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' } }, 'REMOVE (expired) Order'],
  ['another service', { userIdentity: { Type: 'Service', PrincipalId: 'other.amazonaws.com' } }, 'REMOVE Order'],
])('a removal by %s', (_by, more, head) => {
  expect(text(record('REMOVE', { from: order({}) }, more))).toContain(head);
});

describe('view types', () => {
  const image = order({ name: { S: 'Ann' } });
  test.each<['INSERT' | 'MODIFY' | 'REMOVE', StreamViewType, { from?: Image; to?: Image }, string]>([
    ['INSERT', 'KEYS_ONLY', {}, `INSERT ${ORDER}\n`],
    ['MODIFY', 'KEYS_ONLY', {}, `MODIFY ${ORDER}\n`],
    ['REMOVE', 'KEYS_ONLY', {}, `REMOVE ${ORDER}\n`],
    ['INSERT', 'NEW_IMAGE', { to: image }, `INSERT ${ORDER}\n  + name "Ann"\n`],
    ['MODIFY', 'NEW_IMAGE', { to: image }, `MODIFY ${ORDER} (as it is now; what changed is not in the stream)\n  = name "Ann"\n`],
    ['REMOVE', 'NEW_IMAGE', {}, `REMOVE ${ORDER}\n`],
    ['INSERT', 'OLD_IMAGE', {}, `INSERT ${ORDER}\n`],
    ['MODIFY', 'OLD_IMAGE', { from: image }, `MODIFY ${ORDER} (as it was; what changed is not in the stream)\n  = name "Ann"\n`],
    ['REMOVE', 'OLD_IMAGE', { from: image }, `REMOVE ${ORDER}\n  - name "Ann"\n`],
  ])('%s is shown with what a stream of %s has', (eventName, view, images, expected) => {
    expect(text(record(eventName, images, { view }))).toBe(`${HEAD} ${expected}`);
  });
});

test.each<[string, AttributeValue | undefined, AttributeValue | undefined, string[]]>([
  ['38 digits', { N: '12345678901234567890123456789012345678' }, { N: '12345678901234567890123456789012345679' }, [
    '~ a 12345678901234567890123456789012345678 -> 12345678901234567890123456789012345679',
  ]],
  ['another type', { N: '1' }, { S: '1' }, ['~ a 1 -> "1"']],
  ['true to false', { BOOL: true }, { BOOL: false }, ['~ a true -> false']],
  ['a set of texts', { SS: ['a', 'b', 'c'] }, { SS: ['c', 'd', 'a'] }, ['- a "b"', '+ a "d"']],
  ['a set of numbers', { NS: ['1', '2'] }, { NS: ['2'] }, ['- a 1']],
  ['a set of binaries', { BS: [Buffer.from('a')] }, { BS: [Buffer.from('a'), Buffer.from('bc')] }, ['+ a <2 bytes>']],
  ['a set in another order', { SS: ['a', 'b'] }, { SS: ['b', 'a'] }, []],
  ['a new set', undefined, { NS: ['1', '2'] }, ['+ a {1, 2}']],
  ['binaries', { B: Buffer.from('abc') }, { B: Buffer.from('abcd') }, ['~ a <3 bytes> -> <4 bytes>']],
  ['binaries of one length', { B: Buffer.from('abc') }, { B: Buffer.from('abd') }, ['~ a <3 bytes> -> <3 bytes>']],
  ['equal binaries', { B: Buffer.from('abc') }, { B: new Uint8Array([97, 98, 99]) }, []],
  ['a place in a list', { L: [{ M: { quantity: { N: '1' }, name: { S: 'x' } } }] }, { L: [{ M: { quantity: { N: '2' }, name: { S: 'x' } } }] }, [
    '~ a[0].quantity 1 -> 2',
  ]],
  ['a longer list', { L: [{ N: '1' }] }, { L: [{ N: '1' }, { L: [{ S: 'x' }] }] }, ['+ a[1][0] "x"']],
  ['a map that goes', { M: { b: { N: '1' }, 'c.d': { N: '2' } } }, undefined, ['- a.b 1', '- a["c.d"] 2']],
  ['a map that was a text', { S: 'x' }, { M: { b: { N: '1' } } }, ['- a "x"', '+ a.b 1']],
  ['a list that was a map', { M: { b: { N: '1' } } }, { L: [{ N: '1' }] }, ['- a.b 1', '+ a[0] 1']],
  ['an empty map', undefined, { M: {} }, ['+ a {}']],
  ['an empty list that was an empty map', { M: {} }, { L: [] }, ['- a {}', '+ a []']],
  ['a map that becomes empty', { M: { b: { N: '1' } } }, { M: {} }, ['- a.b 1']],
  ['a set that becomes a list', { SS: ['x'] }, { L: [{ S: 'x' }] }, ['- a {"x"}', '+ a[0] "x"']],
  ['what a terminal would obey', undefined, { S: '\u001b[2J\u009b2J\u202e' }, ['+ a "\\u001b[2J\\u009b2J\\u202e"']],
  ['a long text', undefined, { S: '😀'.repeat(200) }, [`+ a "${'😀'.repeat(120)}"... (400 characters)`]],
])('the change of %s is shown', (_name, from, to, expected) => {
  expect(lines(from, to)).toEqual(expected);
});

test('an item that is none of the store is shown with all its attributes', () => {
  const Keys: Image = { pk: { N: '7' }, 'sort key': { B: Buffer.from('ab') } };
  expect(text(record('INSERT', { to: { ...Keys, gsi1pk: { S: 'mine' } } }, { Keys }))).toBe(
    `${HEAD} INSERT pk=7 "sort key"=<2 bytes>\n  + gsi1pk "mine"\n`,
  );
});

test('a terminal has colours', () => {
  expect(asText(readRecord(record('INSERT', { to: order({ a: { N: '1' } }) }), 'T', 's'), true)).toContain('  \u001b[32m+ a 1\u001b[0m\n');
});

test('a record as JSON has its keys, its changes and both images', () => {
  const from = order({ tags: { SS: ['a'] }, bytes: { B: Buffer.from('abc') } });
  const to = order({ n: { N: '12345678901234567890123456789012345678' }, bytes: { B: Buffer.from('abd') }, tags: { SS: ['a'] } });
  const line = asJson(readRecord(record('MODIFY', { from, to }), 'T', 'shard-1'));
  expect(line.endsWith('}\n')).toBe(true);
  expect(JSON.parse(line)).toEqual({
    eventID: 'e1',
    eventName: 'MODIFY',
    sequenceNumber: '100000000000000000001',
    shardId: 'shard-1',
    at: '2026-11-25T10:00:01Z',
    table: 'T',
    entity: 'Order',
    keys: KEYS,
    changes: [
      { path: 'bytes', from: { B: 'YWJj' }, to: { B: 'YWJk' } },
      { path: 'n', to: { N: '12345678901234567890123456789012345678' } },
    ],
    newImage: { ...to, bytes: { B: 'YWJk' } },
    oldImage: { ...from, bytes: { B: 'YWJj' } },
    ttl: false,
  });
});

type AnyEntity = Entity<string, string, string, Schema<string, string, string>>;
const { entities } = createStore({ users: 'users', products: 'products', orders: 'orders' });

test.each(Object.entries(entities as unknown as Record<string, AnyEntity>))('%s is known by its keys alone', (name, entity) => {
  const { pk, sk } = (entity.schema.indexes as unknown as Record<string, Record<'pk' | 'sk', { composite: string[] }>>).primary!;
  const composite = Object.fromEntries([...pk.composite, ...sk.composite].map((attribute) => [attribute, `a ${attribute}`]));
  const keys = createConversions(entity).byAccessPattern.primary!.fromComposite.toKeys(composite) as Record<'pk' | 'sk', string>;
  expect(ownerOf({ pk: { S: keys.pk }, sk: { S: keys.sk } }, undefined)).toEqual({
    name,
    domain: entity.getTableName(),
    key: Object.entries(composite),
  });
});
