import '../../support/flow-environment';
import type { Context, DynamoDBRecord } from 'aws-lambda';
import { noteCall } from '../../../lambda/shared/consumed-capacity';
import { dispatcher } from '../../../lambda/triggers/dispatcher';
import { type Effect, effect } from '../../../lambda/triggers/effect';
import { capturedOutput } from '../../support/captured-output';
import { faultsOf, linesOf } from '../../support/log-lines';
import { written } from '../../support/samples';
import { ScriptedServices } from '../../support/scripted-services';
import { streamRecord } from '../../support/stream-records';

const logged = capturedOutput();

const log = () => linesOf(logged());
const errors = () => log().filter(({ level }) => level === 'ERROR');
const metric = (name: string) => log().find((line) => name in line)?.[name];

const queue = new ScriptedServices();
beforeAll(() => queue.start());
afterAll(() => queue.stop());
beforeEach(() => queue.forget());

const contextOf = (remaining = 60_000) =>
  ({
    getRemainingTimeInMillis: () => remaining,
    awsRequestId: 'invocation',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
    functionVersion: '$LATEST',
  }) as Context;
const deliver = (effects: Effect[], records: DynamoDBRecord[], remaining?: number) => dispatcher(effects)({ Records: records }, contextOf(remaining));
/** The sequence numbers of the records that the on-failure queue was sent. */
const givenUp = () => queue.messages().map(({ message }) => (message.DDBStreamBatchInfo as { startSequenceNumber: string }).startSequenceNumber);
const numberOf = (record: DynamoDBRecord) => record.dynamodb!.SequenceNumber;

/** Makes each call of an effect end at its deadline, without an answer. */
function outage(): () => void {
  let now = Date.UTC(2026, 10, 25);
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  return () => {
    now += 10_000;
    throw Object.assign(new Error('no answer'), { name: 'TimeoutError' });
  };
}
const failedAt = (record: DynamoDBRecord) => ({ batchItemFailures: [{ itemIdentifier: record.dynamodb!.SequenceNumber }] });
const ALL_DONE = { batchItemFailures: [] };

const put = (productId: string) => streamRecord({ after: written('CartItem', { productId }) });
const remove = (productId: string) => streamRecord({ before: written('CartItem', { productId }) });

/** An effect that notes the products it was run for, and does as it is told. */
function noting(name: string, seen: string[], act: (productId: string) => Promise<void> | void = () => {}): Effect {
  return effect({ name, entity: 'CartItem', on: ['INSERT'], view: 'NEW_IMAGE' }, async ({ newImage: { productId } }) => {
    await act(productId);
    seen.push(productId);
  });
}

test('records go in their order, each when all effects of the one before are done', async () => {
  const seen: string[] = [];
  const slow = noting('slow', seen, () => new Promise((done) => setImmediate(() => setImmediate(done))));
  expect(await deliver([slow, noting('quick', seen)], [put('a'), put('b'), put('c')])).toEqual(ALL_DONE);
  expect(seen).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  expect([metric('StreamRecords'), metric('StreamFailures')]).toEqual([3, 0]);
});

test('the effects of one record run side by side', async () => {
  let meet = () => {};
  const met = new Promise<void>((done) => (meet = done));
  let waiting = 0;
  // Each waits for the other.
  const together = async () => {
    if (++waiting === 2) meet();
    await met;
  };
  const seen: string[] = [];
  expect(await deliver([noting('one', seen, together), noting('two', seen, together)], [put('a')])).toEqual(ALL_DONE);
  expect(seen).toEqual(['a', 'a']);
});

test('one that fails in passing does not stop the others of its record, but those behind it', async () => {
  const [first, second]: string[][] = [[], []];
  const fail = outage();
  const fails = noting('fails', first!, (productId) => {
    if (productId === 'b') fail();
  });
  const slow = noting('slow', second!, () => new Promise((done) => setImmediate(done)));
  const records = [put('a'), put('b'), put('c')];

  expect(await deliver([fails, slow], records)).toEqual(failedAt(records[1]!));

  expect([first, second]).toEqual([['a'], ['a', 'b']]);
  expect(errors()).toMatchObject([
    {
      message: 'A stream record failed',
      effect: 'fails',
      failureClass: 'passing',
      eventId: records[1]!.eventID,
      eventName: 'INSERT',
      entity: 'CartItem',
      sequenceNumber: records[1]!.dynamodb!.SequenceNumber,
      error: 'TimeoutError',
      reason: 'no answer',
    },
  ]);
  expect([metric('StreamRecords'), metric('StreamFailures')]).toEqual([1, 1]);
  expect(givenUp()).toEqual([]);
});

test('one that fails in passing is run again until its deadline', async () => {
  const seen: string[] = [];
  let failures = 2;
  const recovers = noting('recovers', seen, () => {
    if (failures-- > 0) throw Object.assign(new Error('slow down'), { name: 'SlowDown' });
  });
  expect(await deliver([recovers], [put('a')])).toEqual(ALL_DONE);
  expect([seen, errors()]).toEqual([['a'], []]);
});

describe('what no retry repairs', () => {
  const broken = (seen: string[] = []) =>
    noting('broken', seen, (productId) => {
      if (productId === 'b') throw Object.assign(new Error('not for ann@example.com'), { name: 'AccessDeniedException', $metadata: { httpStatusCode: 403 } });
    });

  test('is put on the on-failure queue as Lambda would, and those behind it go on', async () => {
    const seen: string[] = [];
    const records = [put('a'), put('b'), put('c')];
    jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 10, 25, 11));
    expect(await deliver([broken(seen), noting('other', seen)], records)).toEqual(ALL_DONE);
    expect(seen.sort()).toEqual(['a', 'a', 'b', 'c', 'c']);
    const arrived = '2026-11-25T10:00:00Z';
    expect(queue.messages()).toEqual([
      {
        QueueUrl: 'https://sqs.us-east-1.amazonaws.com/000000000000/failed',
        message: {
          requestContext: {
            requestId: 'invocation',
            functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
            condition: 'RefusedBySetUp',
            approximateInvokeCount: 1,
          },
          responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: null },
          version: '1.0',
          timestamp: '2026-11-25T11:00:00.000Z',
          DDBStreamBatchInfo: {
            startSequenceNumber: numberOf(records[1]!),
            endSequenceNumber: numberOf(records[1]!),
            approximateArrivalOfFirstRecord: arrived,
            approximateArrivalOfLastRecord: arrived,
            batchSize: 1,
            streamArn: records[1]!.eventSourceARN,
          },
        },
      },
    ]);
    expect(errors()).toMatchObject([{ effect: 'broken', failureClass: 'set-up', sequenceNumber: numberOf(records[1]!), reason: 'not for [e-mail]' }]);
    expect([metric('StreamRecords'), metric('StreamFailures')]).toEqual([3, 0]);
  });

  test('is retried first where another effect of its record fails in passing, so that one message names both', async () => {
    const passing = noting('passing', [], outage());
    const record = put('b');
    expect(await deliver([broken(), passing], [record])).toEqual(failedAt(record));
    expect([givenUp(), errors().map(({ failureClass }) => failureClass)]).toEqual([[], ['set-up', 'passing']]);
  });

  test('fails its record in a redrive, and is sent to the queue no second time', async () => {
    const record = put('b');
    expect(await dispatcher([broken()])({ Records: [record], isRedrive: true }, contextOf())).toEqual(failedAt(record));
    expect(givenUp()).toEqual([]);
  });

  test('fails its record where the queue does not take it, and is retried as any', async () => {
    queue.answers = [{ status: 400, body: { __type: 'com.amazonaws.sqs#QueueDoesNotExist', message: 'no queue' } }];
    const records = [put('a'), put('b'), put('c')];
    expect(await deliver([broken()], records)).toEqual(failedAt(records[1]!));
    expect(errors()).toMatchObject([
      { failureClass: 'set-up' },
      { message: 'The on-failure queue did not take a record', eventId: records[1]!.eventID, error: 'QueueDoesNotExist' },
    ]);
  });

  test('is not sent when the time is up: it comes again', async () => {
    let now = Date.UTC(2026, 10, 25);
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    const slow = noting('slow', [], () => {
      now += 10_000;
      throw new TypeError('a defect');
    });
    const record = put('a');
    expect(await deliver([slow], [record], 900)).toEqual(failedAt(record));
    expect(givenUp()).toEqual([]);
  });
});

test('a record that fails is named by its entity and sequence number, and not by its keys: they may be an address', async () => {
  const claim = streamRecord({ after: written('EmailClaim', { email: 'marker@example.com' }) });
  const session = streamRecord({ after: { ...written('Session', { sessionId: 'a-marker' }), __edb_v__: '9' } });
  const fails: Effect = { ...noting('fails', []), entity: 'EmailClaim', run: () => Promise.reject(new Error('of marker@example.com')) };
  for (const record of [claim, session]) expect(await deliver([fails], [record])).toEqual(ALL_DONE);
  expect(givenUp()).toEqual([claim, session].map(numberOf));
  expect(errors()).toMatchObject([
    { entity: 'EmailClaim', sequenceNumber: claim.dynamodb!.SequenceNumber, reason: 'of [e-mail]' },
    { error: 'BadRecord', eventId: session.eventID, sequenceNumber: session.dynamodb!.SequenceNumber },
  ]);
  expect(logged().join('')).not.toContain('marker');
});

test('a batch is one line, which holds its metrics and what its effects consumed', async () => {
  const consuming = noting('consuming', [], () => noteCall({ kind: 'write', units: 2, requestId: 'r1' }));
  await deliver([consuming], [put('a'), put('b')]);
  const [line, ...others] = log();
  expect([faultsOf(line!, 'batch'), others]).toEqual([[], []]);
  expect(line).toMatchObject({ level: 'INFO', message: 'batch', records: 2, done: 2, writeUnits: 4, dynamodbRequestIds: ['r1', 'r1'] });
});

test('an effect that throws at once, or nothing that is an error, is given up: a defect does not pass', async () => {
  const base = noting('odd', []);
  const throws: Effect = {
    ...base,
    run() {
      throw new TypeError('at once');
    },
  };
  const rejects: Effect = { ...base, run: () => Promise.reject('text') };
  for (const odd of [throws, rejects]) {
    expect(await deliver([odd], [put('a')])).toEqual(ALL_DONE);
  }
  expect(givenUp()).toHaveLength(2);
  expect(errors()).toMatchObject([{ error: 'TypeError', reason: 'at once' }, { error: 'unknown', reason: 'text' }]);
});

test('an effect has the images of its view and ten seconds, or what is left', async () => {
  const runs: unknown[] = [];
  const run: Effect['run'] = async (change, { now, deadline }) => {
    runs.push([Object.keys(change).filter((key) => key.endsWith('Image')), deadline - now]);
  };
  const views = (['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES'] as const).map(
    (view): Effect => ({ name: view, entity: 'CartItem', on: ['MODIFY'], view, run }),
  );
  const item = written('CartItem');
  jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 10, 25));
  await deliver(views, [streamRecord({ before: item, after: item })]);
  await deliver(views.slice(0, 1), [streamRecord({ before: item, after: item })], 4_000);
  expect(runs).toEqual([[[], 10_000], [['newImage'], 10_000], [['oldImage'], 10_000], [['newImage', 'oldImage'], 10_000], [[], 3_000]]);
});

describe('when time runs out', () => {
  test('what is left comes again from the record that has no time of its own', async () => {
    let now = Date.UTC(2026, 10, 25);
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    const seen: string[] = [];
    const records = [put('a'), put('b'), put('c'), put('d')];
    const takes = noting('takes', seen, () => void (now += 5_000));
    // 21 s are 20 s without the answer: after two records 10 s are left, after three 5 s.
    expect(await deliver([takes], records, 21_000)).toEqual(failedAt(records[3]!));
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(errors()).toEqual([]);
  });

  test('the first record is tried however little there is, so that a stream never stands still', async () => {
    const seen: string[] = [];
    const records = [put('a'), put('b')];
    expect(await deliver([noting('one', seen)], records, 5_000)).toEqual(failedAt(records[1]!));
    expect(seen).toEqual(['a']);
  });
});

test('a record of no known entity is reported and given up, though it concerns no effect', async () => {
  const record = put('b');
  record.dynamodb!.NewImage!.__edb_e__ = { S: 'Ghost' };
  const seen: string[] = [];
  expect(await deliver([noting('one', seen)], [put('a'), record, put('c')])).toEqual(ALL_DONE);
  expect([seen, givenUp()]).toEqual([['a', 'c'], [numberOf(record)]]);
  expect(errors()).toMatchObject([{ error: 'BadRecord', eventId: record.eventID, reason: expect.stringContaining('unknown entity Ghost') }]);
  expect(errors()[0]).not.toHaveProperty('effect');
});

test('what has no sequence number fails the whole batch: no message could name it', async () => {
  expect(await deliver([], [{}])).toEqual({ batchItemFailures: [{ itemIdentifier: '' }] });
  expect(errors().at(-1)).toMatchObject({ message: 'The on-failure queue did not take a record' });
});

test('a stream without the image that an effect reads fails that effect only', async () => {
  const seen: string[] = [];
  const keysOnly: Effect = { ...noting('keys', seen), view: 'KEYS_ONLY', run: async () => void seen.push('keys') };
  const record = streamRecord({ after: written('CartItem'), view: 'KEYS_ONLY' });
  expect(await deliver([noting('image', seen), keysOnly], [record])).toEqual(ALL_DONE);
  expect([seen, givenUp()]).toEqual([['keys'], [numberOf(record)]]);
  expect(errors()).toMatchObject([{ effect: 'image', error: 'BadRecord' }]);
});

test('records that concern nobody pass: of another entity, or another event', async () => {
  const seen: string[] = [];
  const other = streamRecord({ after: written('Session') });
  expect(await deliver([noting('one', seen)], [other, remove('a'), put('b')])).toEqual(ALL_DONE);
  expect(seen).toEqual(['b']);
  expect(metric('StreamRecords')).toBe(3);
});

test('a REMOVE of what no image tells the entity of passes', async () => {
  const record = streamRecord({ before: { pk: 'p', sk: 'counter' } });
  expect(await deliver([noting('one', [])], [record])).toEqual(ALL_DONE);
  expect(errors()).toEqual([]);
});

test('an empty batch is done', async () => {
  expect(await deliver([noting('one', [])], [])).toEqual(ALL_DONE);
});

test('only the records that failed last are remembered', async () => {
  const seen: string[] = [];
  const failing = noting('failing', [], () => {
    throw new Error('broken');
  });
  const dispatch = dispatcher([noting('other', seen), failing]);
  const context = contextOf();
  const all = Array.from({ length: 101 }, (_, index) => put(`p${index}`));
  for (const record of all) await dispatch({ Records: [record] }, context);
  await dispatch({ Records: [all[100]!] }, context);
  expect(seen).toHaveLength(101);
  await dispatch({ Records: [all[0]!] }, context);
  expect(seen).toHaveLength(102);
});

test('an effect that fails repeats no other of its record, while the environment lives', async () => {
  const seen: string[] = [];
  let isBroken = true;
  const fail = outage();
  const failing = noting('failing', seen, () => {
    if (isBroken) fail();
  });
  const dispatch = dispatcher([noting('other', seen), failing]);
  const context = contextOf();
  const record = put('a');
  expect(await dispatch({ Records: [record] }, context)).toEqual(failedAt(record));
  expect(await dispatch({ Records: [record] }, context)).toEqual(failedAt(record));
  expect(seen).toEqual(['a']);
  isBroken = false;
  expect(await dispatch({ Records: [record] }, context)).toEqual(ALL_DONE);
  expect(seen).toEqual(['a', 'a']);
  // What is done and comes again is a delivery like the first: each effect is idempotent by itself.
  expect(await dispatch({ Records: [record] }, context)).toEqual(ALL_DONE);
  expect(seen).toHaveLength(4);
});

test('a REMOVE of a stream of keys only is told by its key', async () => {
  const seen: string[] = [];
  const gone = effect({ name: 'gone', entity: 'CartItem', on: ['REMOVE'], view: 'KEYS_ONLY' }, async ({ eventId }) => void seen.push(eventId));
  const record = streamRecord({ before: written('CartItem'), view: 'KEYS_ONLY' });
  expect(await deliver([gone], [record])).toEqual(ALL_DONE);
  expect(seen).toEqual([record.eventID]);
});
