import '../../support/flow-environment';
import type { AttributeValue, DynamoDBRecord } from 'aws-lambda';
import { BadRecord, type Change, readRecord, type StreamView } from '../../../lambda/triggers/stream-record';
import { ENTITY_NAMES, SAMPLES, written } from '../../support/samples';
import { type ItemChange, streamRecord } from '../../support/stream-records';

const VIEWS: StreamView[] = ['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES'];
const [before, after] = [written('CartItem', { quantity: 1 }), written('CartItem', { quantity: 2 })];
const CHANGES = { INSERT: { after }, MODIFY: { before, after }, REMOVE: { before } } satisfies Record<string, ItemChange>;
const [oldImage, newImage] = [{ ...SAMPLES.CartItem, quantity: 1 }, { ...SAMPLES.CartItem, quantity: 2 }];

describe('the images', () => {
  test.each([
    ['KEYS_ONLY', 'INSERT', {}],
    ['KEYS_ONLY', 'MODIFY', {}],
    ['KEYS_ONLY', 'REMOVE', { isExpiry: false }],
    ['NEW_IMAGE', 'INSERT', { newImage }],
    ['NEW_IMAGE', 'MODIFY', { newImage }],
    ['NEW_IMAGE', 'REMOVE', { isExpiry: false }],
    ['OLD_IMAGE', 'INSERT', {}],
    ['OLD_IMAGE', 'MODIFY', { oldImage }],
    ['OLD_IMAGE', 'REMOVE', { oldImage, isExpiry: false }],
    ['NEW_AND_OLD_IMAGES', 'INSERT', { newImage }],
    ['NEW_AND_OLD_IMAGES', 'MODIFY', { newImage, oldImage }],
    ['NEW_AND_OLD_IMAGES', 'REMOVE', { oldImage, isExpiry: false }],
  ] as const)('of %s: a record of %s', (view, eventName, images) => {
    const at = '2026-11-25T10:00:00.000Z';
    const record = streamRecord({ ...CHANGES[eventName], view, at, eventId: 'e1' });
    const expected = {
      eventId: 'e1',
      sequenceNumber: record.dynamodb!.SequenceNumber,
      at,
      entity: 'CartItem',
      keys: { pk: before.pk, sk: before.sk },
      eventName,
      ...images,
    };
    expect(readRecord(record, view)).toEqual(expected);
    // Of a stream that holds both, the view leaves out what is not its own.
    const whole = { ...record, dynamodb: { ...streamRecord(CHANGES[eventName]).dynamodb, ...record.dynamodb } };
    expect(readRecord(whole, view)).toEqual(expected);
  });

  test.each(VIEWS)('a REMOVE by TTL says so (%s)', (view) => {
    const expired = readRecord(streamRecord({ before, view, isExpiry: true }), view);
    expect(expired).toMatchObject({ eventName: 'REMOVE', isExpiry: true });
    const userIdentity = { type: 'Service', principalId: 'replication.dynamodb.amazonaws.com' };
    expect(readRecord({ ...streamRecord({ before, view }), userIdentity }, view)).toMatchObject({ isExpiry: false });
  });

  test('the types have what the view has', () => {
    const keys = readRecord(streamRecord(CHANGES.MODIFY), 'KEYS_ONLY') as Change<'CartItem', 'KEYS_ONLY'>;
    const both = readRecord(streamRecord(CHANGES.MODIFY), 'NEW_AND_OLD_IMAGES') as Change<'CartItem', 'NEW_AND_OLD_IMAGES'>;
    const read = {
      keys: () => [
        // @ts-expect-error: a stream of keys has no image
        keys.newImage,
        // @ts-expect-error: nor an old one
        keys.oldImage,
      ],
      removed: (change: Extract<typeof both, { eventName: 'REMOVE' }>) => [
        change.oldImage.quantity,
        // @ts-expect-error: what is removed has no new image
        change.newImage,
      ],
      inserted: (change: Extract<typeof both, { eventName: 'INSERT' }>) => [
        change.newImage.quantity,
        // @ts-expect-error: what is new has no old image
        change.oldImage,
        // @ts-expect-error: and did not expire
        change.isExpiry,
      ],
      // @ts-expect-error: it may be a REMOVE
      any: () => both.newImage,
      old: (change: Extract<Change<'CartItem', 'OLD_IMAGE'>, { eventName: 'MODIFY' }>) => [
        change.oldImage.quantity,
        // @ts-expect-error: the view has the old image only
        change.newImage,
      ],
      // @ts-expect-error: no attribute of the entity
      entity: (change: Extract<typeof both, { eventName: 'INSERT' }>) => change.newImage.email,
    };
    expect(read.keys()).toEqual([undefined, undefined]);
    expect(read.any()).toMatchObject({ quantity: 2 });
  });
});

describe('every entity of the model', () => {
  test.each(ENTITY_NAMES)('%s: from its image, and from its keys only', (name) => {
    const item = written(name);
    expect(readRecord(streamRecord({ after: item }), 'NEW_IMAGE')).toMatchObject({ entity: name, newImage: SAMPLES[name] });
    expect(readRecord(streamRecord({ before: item }), 'OLD_IMAGE')).toMatchObject({ entity: name, oldImage: SAMPLES[name] });
    expect(readRecord(streamRecord({ after: item, view: 'KEYS_ONLY' }), 'KEYS_ONLY')).toMatchObject({
      entity: name,
      keys: { pk: item.pk, sk: item.sk },
    });
  });

  test('has no attribute that is the store\'s own in its image', () => {
    const { newImage } = readRecord(streamRecord({ after: written('Order') }), 'NEW_IMAGE') as { newImage: object };
    expect(Object.keys(newImage).sort()).toEqual(Object.keys(SAMPLES.Order).sort());
  });
});

describe('the types of DynamoDB', () => {
  const read = (change: object) => {
    const { newImage } = readRecord(streamRecord({ after: written('Product', change) }), 'NEW_IMAGE') as Extract<
      Change<'Product', 'NEW_IMAGE'>,
      { eventName: 'INSERT' }
    >;
    return newImage;
  };
  const [thumbnail, digest] = [Buffer.from([0, 255, 128]).toString('base64'), Buffer.from('digest').toString('base64')];

  test('sets are lists, as the model has them', () => {
    expect(read({ tags: ['hot', 'new'], sizes: [38, 39] })).toMatchObject({ tags: ['hot', 'new'], sizes: [38, 39] });
  });

  test('binaries go in as bytes and come as base64', () => {
    const record = streamRecord({ after: written('Product', { thumbnail, imageDigests: [digest, thumbnail] }) });
    expect(record.dynamodb!.NewImage).toMatchObject({ thumbnail: { B: thumbnail }, imageDigests: { BS: [digest, thumbnail] } });
    expect(readRecord(record, 'NEW_IMAGE')).toMatchObject({ newImage: { thumbnail, imageDigests: [digest, thumbnail] } });
  });

  test('NULL, lists and nested maps', () => {
    const dimensions = { box: { height: 1.5, labels: ['a', { b: null, c: true }], empty: {}, none: [] } };
    expect(read({ discontinuedAt: null, images: ['a', 'b'], dimensions })).toMatchObject({
      discontinuedAt: null,
      images: ['a', 'b'],
      dimensions,
    });
  });

  test('binaries within maps and lists are bytes', () => {
    const { raw, set } = read({ dimensions: { raw: [Buffer.from('x')], set: new Set([Buffer.from('y')]) } }).dimensions as {
      raw: Uint8Array[];
      set: Set<Uint8Array>;
    };
    expect([...raw, ...set].map((bytes) => Buffer.from(bytes).toString())).toEqual(['x', 'y']);
  });

  test.each(['12345678901234567890123456789012345678', '0.1234567890123456789012345678901234567', '-9007199254740993', '1E+100'])(
    'a number that JavaScript has not exactly is kept to the digit: %s',
    (number) => {
      const record = streamRecord({ after: written('User', { preferences: {} }) });
      record.dynamodb!.NewImage!.preferences = { M: { number: { N: number }, plain: { N: '9007199254740991' } } };
      const { newImage } = readRecord(record, 'NEW_IMAGE') as { newImage: { preferences: { number: unknown; plain: number } } };
      expect(newImage.preferences).toEqual({ number: { value: number }, plain: 9007199254740991 });
    },
  );
});

describe('a record that no code here can work with is refused by its name', () => {
  const order = written('Order');
  const refusal = (record: DynamoDBRecord, view: StreamView = 'NEW_AND_OLD_IMAGES') => {
    try {
      readRecord(record, view);
    } catch (error) {
      return error;
    }
    return undefined;
  };
  /** The record of an order, with another image. */
  const withImage = (change: Record<string, AttributeValue | undefined>, keep: Partial<ItemChange> = {}) => {
    const record = streamRecord({ after: order, eventId: 'bad', ...keep });
    const image = Object.entries({ ...record.dynamodb!.NewImage, ...change }).filter(([, value]) => value !== undefined);
    return { ...record, dynamodb: { ...record.dynamodb, NewImage: Object.fromEntries(image) as Record<string, AttributeValue> } };
  };
  const withView = (view: StreamView, change: ItemChange = { after: order }) => streamRecord({ ...change, eventId: 'bad', view });
  const withKeys = (sk: string) => {
    const record = withView('KEYS_ONLY');
    return { ...record, dynamodb: { ...record.dynamodb, Keys: { pk: { S: 'p' }, sk: { S: sk } } } };
  };

  test.each<[string, DynamoDBRecord, StreamView]>([
    ['An item of the unknown entity Ghost', withImage({ __edb_e__: { S: 'Ghost' } }), 'KEYS_ONLY'],
    ['An item of the unknown entity toString', withImage({ __edb_e__: { S: 'toString' } }), 'KEYS_ONLY'],
    ['An item of Order in version 2; known is 1', withImage({ __edb_v__: { S: '2' } }), 'KEYS_ONLY'],
    ['An item of Order in version undefined; known is 1', withImage({ __edb_v__: undefined }), 'KEYS_ONLY'],
    ['An item of no entity', withImage({ __edb_e__: undefined }), 'KEYS_ONLY'],
    ['An item of no entity', withImage({ __edb_e__: { N: '1' } }), 'KEYS_ONLY'],
    ['An item of the unknown entity Ghost', withKeys('$account#Ghost_1'), 'KEYS_ONLY'],
    ['An item of Order in version 2; known is 1', withKeys('$Order_2#placedAt_x'), 'KEYS_ONLY'],
    ['An item of no entity', withKeys('counter'), 'KEYS_ONLY'],
    ['The NewImage of Order has no currency', withImage({ currency: undefined }), 'NEW_IMAGE'],
    ['The NewImage of Order has a wrong currency', withImage({ currency: { N: '1' } }), 'NEW_IMAGE'],
    ['The NewImage of Order has a wrong currency', withImage({ currency: { NULL: true } }), 'NEW_IMAGE'],
    ['The NewImage of Order has a wrong totalMinor', withImage({ totalMinor: { S: '1' } }), 'NEW_IMAGE'],
    ['The NewImage of Order has a wrong totalMinor', withImage({ totalMinor: { N: '12345678901234567890' } }), 'NEW_IMAGE'],
    ['The NewImage of Order has no lines', withImage({ lines: undefined }), 'NEW_AND_OLD_IMAGES'],
    ['The stream (KEYS_ONLY) has no NewImage', withView('KEYS_ONLY'), 'NEW_IMAGE'],
    ['The stream (OLD_IMAGE) has no NewImage', withView('OLD_IMAGE'), 'NEW_AND_OLD_IMAGES'],
    ['The stream (NEW_IMAGE) has no OldImage', withView('NEW_IMAGE', { before: order, after: order }), 'OLD_IMAGE'],
    ['The stream (KEYS_ONLY) has no OldImage', withView('KEYS_ONLY', { before: order }), 'OLD_IMAGE'],
  ])('%s', (what, record, view) => {
    const error = refusal(record, view) as BadRecord;
    expect(error).toBeInstanceOf(BadRecord);
    expect(error.message).toBe(`${what}: ${record.eventName}, event bad`);
  });

  test('an attribute that the view does not read may be wrong', () => {
    const record = streamRecord({ before: order, after: order });
    record.dynamodb!.OldImage!.totalMinor = { S: 'x' };
    expect(refusal(record, 'NEW_IMAGE')).toBeUndefined();
    expect(refusal(record, 'OLD_IMAGE')).toBeInstanceOf(BadRecord);
  });

  test.each(['eventID', 'eventName', 'dynamodb'] as const)('what has no %s is no record', (member) => {
    const { [member]: _, ...rest } = streamRecord({ after: order });
    expect(refusal(rest, 'KEYS_ONLY')).toBeInstanceOf(BadRecord);
    expect((refusal(rest, 'KEYS_ONLY') as Error).message).toMatch(/^Not a stream record: /);
  });

  test.each(['Keys', 'SequenceNumber', 'ApproximateCreationDateTime'] as const)('nor what has no %s', (member) => {
    const { dynamodb, ...rest } = streamRecord({ after: order, eventId: 'bad' });
    const { [member]: _, ...some } = dynamodb!;
    const error = refusal({ ...rest, dynamodb: some }, 'KEYS_ONLY') as Error;
    expect(error).toBeInstanceOf(BadRecord);
    expect(error.message).toMatch(/^Not a stream record: INSERT, event bad$/);
  });

  test('a record without an image has nothing at all', () => {
    expect(refusal({}, 'KEYS_ONLY')).toBeInstanceOf(BadRecord);
  });
});
