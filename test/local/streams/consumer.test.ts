import * as fc from 'fast-check';
import type { Invoked } from '../../../local/streams/consumer';
import { failing, FUNCTION_ARN, OK, poisonedBy, record, records, run, type Run, START, STREAM_ARN, THROWN } from './scripted-consumer';

const DESTINATION = { DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:eu-west-1:0:failed' } } };
const REPORTING = { FunctionResponseTypes: ['ReportBatchItemFailures'] };
const BISECTING = { BisectBatchOnFunctionError: true };
const RETRIES = (MaximumRetryAttempts: number) => ({ MaximumRetryAttempts });
const filter = (pattern: object) => ({ FilterCriteria: { Filters: [{ Pattern: JSON.stringify(pattern) }] } });

const abortAfter =
  (count: number, answer: Invoked) =>
  (_batch: readonly string[], n: number, { controller }: Run): Invoked => {
    if (n + 1 === count) controller.abort();
    return answer;
  };

describe('batches', () => {
  test('batches have up to BatchSize records, in order', async () => {
    const { log } = await run({ properties: { BatchSize: 2 }, records: records('1', '2', '3') });
    expect(log).toEqual(['invoke 1 2', 'checkpoint 2', 'invoke 3', 'checkpoint 3']);
  });

  test('batches go on behind the checkpoint', async () => {
    const { invocations } = await run({ records: records('1', '2', '3'), checkpoint: '2' });
    expect(invocations).toEqual([['3']]);
  });

  test('batches are filled after filtering', async () => {
    const all = ['1', '2', '3', '4', '5', '6'].map((id) => record(id, { wanted: id !== '1' && id !== '5' }));
    const { log } = await run({ properties: { BatchSize: 2, ...filter({ wanted: [true] }) }, records: all });
    expect(log).toEqual(['invoke 2 3', 'checkpoint 3', 'invoke 4 6', 'checkpoint 6']);
  });

  test('a batch ends before the first record that would make the event larger than 6 MB', async () => {
    const overhead = JSON.stringify({ Records: [record('1', { data: '' }).event, record('2', { data: '' }).event] }).length;
    const half = (6 * 1_024 * 1_024 - overhead) / 2;
    const pair = (bytes: number) => [record('1', { data: 'é'.repeat(Math.floor(half / 2)) }), record('2', { data: 'x'.repeat(bytes) })];
    const rest = half * 2 - Math.floor(half / 2) * 2;
    expect((await run({ records: pair(rest) })).invocations).toEqual([['1', '2']]);
    expect((await run({ records: pair(rest + 1) })).invocations).toEqual([['1'], ['2']]);
  });

  test('a single record goes, however large it is', async () => {
    const { invocations } = await run({ records: [record('1', { data: 'x'.repeat(7_000_000) }), record('2')] });
    expect(invocations).toEqual([['1'], ['2']]);
  });
});

describe('records that are filtered out', () => {
  test('records that are filtered out never invoke, and advance the checkpoint', async () => {
    const { log } = await run({ properties: filter({ wanted: [true] }), records: records('1', '2') });
    expect(log).toEqual(['checkpoint 2']);
  });

  test('filtered records behind a batch are passed when it is done, not before', async () => {
    const all = [record('1', { wanted: true }), record('2'), record('3')];
    const { log } = await run({
      properties: { ...filter({ wanted: [true] }), ...RETRIES(1) },
      records: all,
      answer: (_batch, n) => (n === 0 ? THROWN : OK),
    });
    expect(log).toEqual(['invoke 1', 'invoke 1', 'checkpoint 1', 'checkpoint 3']);
  });
});

describe('the batching window', () => {
  test('a window waits for more until its end, counted from the first record', async () => {
    const more = records('2', '3');
    const { invocations, waits } = await run({
      properties: { MaximumBatchingWindowInSeconds: 10 },
      records: records('1'),
      wait: async (ms, _signal, state) => {
        const [next] = more.splice(0, 1);
        if (next) state.shard.push(next);
        state.now += next ? 4_000 : ms;
      },
    });
    expect(invocations).toEqual([['1', '2', '3']]);
    expect(waits).toEqual([10_000, 6_000, 2_000]);
  });

  test('a window ends when the batch is full', async () => {
    const { invocations, waits } = await run({
      properties: { MaximumBatchingWindowInSeconds: 10, BatchSize: 2 },
      records: records('1'),
      wait: async (_ms, _signal, { shard }) => {
        shard.push(record('2'));
      },
    });
    expect(invocations).toEqual([['1', '2']]);
    expect(waits).toEqual([10_000]);
  });

  test('without a window, a batch is what there is', async () => {
    const { waits } = await run({ records: records('1') });
    expect(waits).toEqual([]);
  });

  test('an abort within a window ends at once, without an invocation', async () => {
    const { log } = await run({
      properties: { MaximumBatchingWindowInSeconds: 10 },
      records: records('1'),
      wait: async (_ms, _signal, { controller }) => controller.abort(),
    });
    expect(log).toEqual([]);
  });
});

describe('a batch that fails', () => {
  test('a batch that fails blocks those behind it until it succeeds', async () => {
    const { log } = await run({
      properties: { BatchSize: 2 },
      records: records('1', '2', '3'),
      answer: (_batch, n) => (n < 3 ? THROWN : OK),
    });
    expect(log).toEqual(['invoke 1 2', 'invoke 1 2', 'invoke 1 2', 'invoke 1 2', 'checkpoint 2', 'invoke 3', 'checkpoint 3']);
  });

  test('a batch that fails is tried again after 25 ms, twice as long each time, up to 150', async () => {
    const { waits } = await run({ records: records('1'), answer: (_batch, n) => (n < 6 ? THROWN : OK) });
    expect(waits).toEqual([25, 50, 100, 150, 150, 150]);
  });

  test('a batch waits as long as at first when the one before it failed often', async () => {
    const { waits } = await run({
      properties: { BatchSize: 1 },
      records: records('1', '2'),
      answer: (_batch, n) => ([0, 1, 3].includes(n) ? THROWN : OK),
    });
    expect(waits).toEqual([25, 50, 25]);
  });

  test.each([0, 1, 3])('with %i retries is discarded after one invocation more, and those behind it go on', async (retries) => {
    const { invocations, sent, discarded, checkpoints } = await run({
      properties: { ...DESTINATION, ...RETRIES(retries), BatchSize: 2 },
      records: records('1', '2', '3'),
      answer: poisonedBy('2'),
    });
    expect(invocations).toEqual([...Array.from({ length: retries + 1 }, () => ['1', '2']), ['3']]);
    expect(sent.map(({ requestContext }) => requestContext)).toEqual([
      { requestId: `request-${retries}`, functionArn: FUNCTION_ARN, condition: 'RetryAttemptsExhausted', approximateInvokeCount: retries + 1 },
    ]);
    expect(discarded).toEqual([['1', '2']]);
    expect(checkpoints).toEqual(['2', '3']);
  });

  test('a discarded batch without an on-failure destination is only reported', async () => {
    const { sent, discarded, checkpoints } = await run({ properties: RETRIES(0), records: records('1'), answer: () => THROWN });
    expect(sent).toEqual([]);
    expect(discarded).toEqual([['1']]);
    expect(checkpoints).toEqual(['1']);
  });

  test('a function that cannot be invoked uses up no retry', async () => {
    const { invocations, discarded, waits, errors } = await run({
      properties: RETRIES(0),
      records: records('1'),
      answer: (_batch, n) => (n < 2 ? Promise.reject(new Error('no function')) : OK),
    });
    expect(invocations).toEqual([['1'], ['1'], ['1']]);
    expect(discarded).toEqual([]);
    expect(waits).toEqual([25, 50]);
    expect(errors).toHaveLength(2);
  });
});

describe('MaximumRecordAgeInSeconds', () => {
  const AGE = { MaximumRecordAgeInSeconds: 60 };

  test('records past the age are discarded before they are tried, and the rest goes on', async () => {
    const { invocations, sent, discarded } = await run({
      properties: { ...DESTINATION, ...AGE },
      records: [record('1', {}, START - 60_002), record('2', {}, START - 60_001), record('3', {}, START - 60_000)],
    });
    expect(invocations).toEqual([['3']]);
    expect(discarded).toEqual([['1', '2']]);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({
      requestContext: { requestId: expect.stringMatching(/^[0-9a-f-]{36}$/), condition: 'RecordAgeExceeded', approximateInvokeCount: 0 },
      DDBStreamBatchInfo: { startSequenceNumber: '1', endSequenceNumber: '2', batchSize: 2 },
    });
    expect(sent[0]).not.toHaveProperty('responseContext');
  });

  test('the age of records ends retries that have no end otherwise', async () => {
    const { invocations, sent } = await run({
      properties: { ...DESTINATION, ...AGE, BatchSize: 1 },
      records: [record('1', {}, START - 59_900), record('2')],
      answer: poisonedBy('1'),
    });
    expect(invocations).toEqual([['1'], ['1'], ['1'], ['2']]);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({
      requestContext: { requestId: 'request-2', condition: 'RecordAgeExceeded', approximateInvokeCount: 3 },
      responseContext: { functionError: 'Unhandled' },
    });
  });

  test('a maximum age of -1 takes records of any age', async () => {
    const { invocations } = await run({ records: [record('1', {}, 0)] });
    expect(invocations).toEqual([['1']]);
  });
});

describe('the on-failure record', () => {
  const arrived = [record('1', {}, START), record('2', {}, START + 1_250)];

  test('the on-failure record of a DynamoDB stream', async () => {
    const { sent } = await run({ properties: { ...DESTINATION, ...RETRIES(0) }, records: arrived, answer: () => THROWN });
    expect(sent).toEqual([
      {
        requestContext: { requestId: 'request-0', functionArn: FUNCTION_ARN, condition: 'RetryAttemptsExhausted', approximateInvokeCount: 1 },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        version: '1.0',
        timestamp: '2026-01-01T00:00:10.500Z',
        DDBStreamBatchInfo: {
          shardId: 'shardId-1',
          startSequenceNumber: '1',
          endSequenceNumber: '2',
          approximateArrivalOfFirstRecord: '2026-01-01T00:00:10Z',
          approximateArrivalOfLastRecord: '2026-01-01T00:00:11Z',
          batchSize: 2,
          streamArn: STREAM_ARN,
        },
      },
    ]);
  });

  test('the on-failure record of a Kinesis stream', async () => {
    const EventSourceArn = 'arn:aws:kinesis:eu-west-1:000000000000:stream/orders';
    const { sent } = await run({ properties: { ...DESTINATION, ...RETRIES(0), EventSourceArn }, records: arrived, answer: () => THROWN });
    expect(sent).toHaveLength(1);
    expect(sent[0]).not.toHaveProperty('DDBStreamBatchInfo');
    expect(sent[0]?.KinesisBatchInfo).toMatchObject({
      approximateArrivalOfFirstRecord: '2026-01-01T00:00:10.500Z',
      approximateArrivalOfLastRecord: '2026-01-01T00:00:11.750Z',
      streamArn: EventSourceArn,
    });
  });

  test('an on-failure record has no functionError when the response named the records', async () => {
    const { sent } = await run({
      properties: { ...DESTINATION, ...RETRIES(0), ...REPORTING },
      records: arrived,
      answer: () => failing('2'),
    });
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ responseContext: { functionError: null }, DDBStreamBatchInfo: { startSequenceNumber: '2', batchSize: 1 } });
  });

  test('an on-failure record is sent until that succeeds, and nothing is passed or lost meanwhile', async () => {
    let failures = 3;
    const { log, sent, waits, discarded, errors } = await run({
      properties: { ...DESTINATION, ...RETRIES(0), BatchSize: 1 },
      records: records('1', '2'),
      answer: poisonedBy('1'),
      sendOnFailure: async (_record, state) => {
        state.log.push('send');
        if (failures-- > 0) throw new Error('no queue');
      },
    });
    expect(log).toEqual(['invoke 1', 'send', 'send', 'send', 'send', 'checkpoint 1', 'invoke 2', 'checkpoint 2']);
    expect(waits).toEqual([25, 50, 100]);
    expect([sent.length, discarded.length, errors.length]).toEqual([1, 1, 3]);
  });
});

describe('ReportBatchItemFailures', () => {
  const two = (payload: string, properties: object = REPORTING) =>
    run({
      properties: { ...properties, ...RETRIES(0) },
      records: records('1', '2'),
      answer: () => ({ payload }),
    });

  test.each(['', 'null', '""', '[]', '{}', '{"batchItemFailures":null}', '{"batchItemFailures":[]}', '{"other":1}'])(
    'success: %s',
    async (payload) => {
      const { discarded, checkpoints } = await two(payload);
      expect(discarded).toEqual([]);
      expect(checkpoints).toEqual(['2']);
    },
  );

  test.each([
    ['an empty identifier', '{"batchItemFailures":[{"itemIdentifier":""}]}'],
    ['a null identifier', '{"batchItemFailures":[{"itemIdentifier":null}]}'],
    ['a number', '{"batchItemFailures":[{"itemIdentifier":2}]}'],
    ['a wrong key', '{"batchItemFailures":[{"id":"2"}]}'],
    ['an item that is null', '{"batchItemFailures":[null]}'],
    ['an identifier that is not in the batch', '{"batchItemFailures":[{"itemIdentifier":"3"}]}'],
    ['a good one and one that is not in the batch', '{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}'],
    ['no list', '{"batchItemFailures":{}}'],
    ['text', '"text"'],
    ['a list', '[1]'],
    ['no JSON', '{'],
  ])('total failure: %s', async (_what, payload) => {
    const { discarded } = await two(payload);
    expect(discarded).toEqual([['1', '2']]);
  });

  test('total failure: an exception', async () => {
    const { discarded } = await run({ properties: { ...REPORTING, ...RETRIES(0) }, records: records('1', '2'), answer: () => THROWN });
    expect(discarded).toEqual([['1', '2']]);
  });

  test('a partial response is ignored unless enabled', async () => {
    const { discarded, checkpoints } = await two('{"batchItemFailures":[{"itemIdentifier":"1"}]}', {});
    expect(discarded).toEqual([]);
    expect(checkpoints).toEqual(['2']);
  });

  test('of several failed items the lowest counts: all from there are retried, the checkpoint is before it', async () => {
    const { log } = await run({
      properties: REPORTING,
      records: records('1', '2', '3', '4'),
      answer: (_batch, n) => (n === 0 ? failing('4', '2') : OK),
    });
    expect(log).toEqual(['invoke 1 2 3 4', 'checkpoint 1', 'invoke 2 3 4', 'checkpoint 4']);
  });

  test('without bisect the rest of a partial response uses up retries', async () => {
    const { invocations, discarded } = await run({
      properties: { ...REPORTING, ...RETRIES(1) },
      records: records('1', '2', '3'),
      answer: (batch) => failing(batch.at(-1)),
    });
    expect(invocations).toEqual([['1', '2', '3'], ['3']]);
    expect(discarded).toEqual([['3']]);
  });
});

describe('BisectBatchOnFunctionError', () => {
  test('bisect splits in two until the record that fails is alone, and only that is discarded', async () => {
    const { log, discarded, sent } = await run({
      properties: { ...DESTINATION, ...BISECTING, ...RETRIES(1) },
      records: records('1', '2', '3', '4', '5'),
      answer: poisonedBy('4'),
    });
    expect(log).toEqual([
      'invoke 1 2 3 4 5',
      'invoke 1 2 3',
      'checkpoint 3',
      'invoke 4 5',
      'invoke 4',
      'invoke 4',
      'checkpoint 4',
      'invoke 5',
      'checkpoint 5',
    ]);
    expect(discarded).toEqual([['4']]);
    expect(sent.map(({ requestContext }) => requestContext.approximateInvokeCount)).toEqual([4]);
  });

  test('splitting does not use up retries, and is not waited for', async () => {
    const { invocations, discarded, waits } = await run({
      properties: { ...BISECTING, ...RETRIES(0) },
      records: records('1', '2', '3', '4'),
      answer: poisonedBy('1'),
    });
    expect(invocations).toEqual([['1', '2', '3', '4'], ['1', '2'], ['1'], ['2'], ['3', '4']]);
    expect(discarded).toEqual([['1']]);
    expect(waits).toEqual([]);
  });

  test('bisect with a partial response splits there, and only the rest is retried', async () => {
    const { log, discarded } = await run({
      properties: { ...BISECTING, ...REPORTING, ...RETRIES(1) },
      records: records('1', '2', '3', '4'),
      answer: (batch) => (batch.includes('3') ? failing('3') : OK),
    });
    expect(log).toEqual([
      'invoke 1 2 3 4',
      'checkpoint 2',
      'invoke 3 4',
      'invoke 3',
      'invoke 3',
      'checkpoint 3',
      'invoke 4',
      'checkpoint 4',
    ]);
    expect(discarded).toEqual([['3']]);
  });

  test('bisect splits in the middle when a function that reports items throws', async () => {
    const { invocations } = await run({
      properties: { ...BISECTING, ...REPORTING },
      records: records('1', '2', '3', '4'),
      answer: (_batch, n) => (n === 0 ? THROWN : OK),
    });
    expect(invocations).toEqual([
      ['1', '2', '3', '4'],
      ['1', '2'],
      ['3', '4'],
    ]);
  });
});

describe('an abort', () => {
  test('an abort in the last retry gives nothing up: what failed may have been ended with the platform', async () => {
    const { sent, checkpoints } = await run({
      properties: { ...DESTINATION, MaximumRetryAttempts: 0, BatchSize: 1 },
      records: records('1'),
      answer: abortAfter(1, THROWN),
    });
    expect([sent, checkpoints]).toEqual([[], []]);
  });

  test('an abort ends after the invocation under way, whose success counts', async () => {
    const { log } = await run({ properties: { BatchSize: 1 }, records: records('1', '2'), answer: abortAfter(1, OK) });
    expect(log).toEqual(['invoke 1', 'checkpoint 1']);
  });

  test('an abort during the invocation leaves a batch that failed for the next start', async () => {
    const { log } = await run({ records: records('1', '2'), answer: abortAfter(2, THROWN) });
    expect(log).toEqual(['invoke 1 2', 'invoke 1 2']);
  });

  test.each([
    ['that resolves', async () => {}],
    ['that rejects', () => Promise.reject(new Error('aborted'))],
  ])('during a backoff %s ends at once without moving the checkpoint', async (_how, end) => {
    const { log } = await run({
      records: records('1'),
      answer: () => THROWN,
      wait: (_ms, _signal, { controller }) => {
        controller.abort();
        return end();
      },
    });
    expect(log).toEqual(['invoke 1']);
  });

  test('an abort while an on-failure record cannot be sent does not move the checkpoint', async () => {
    const { sent, discarded, checkpoints, waits } = await run({
      properties: { ...DESTINATION, ...RETRIES(0) },
      records: records('1'),
      answer: () => THROWN,
      sendOnFailure: async (_record, { controller }) => {
        controller.abort();
        throw new Error('no queue');
      },
    });
    expect([sent, discarded, checkpoints, waits]).toEqual([[], [], [], []]);
  });
});

test('a shard that cannot be read is read again', async () => {
  let failures = 3;
  const { invocations, waits, errors } = await run({
    records: records('1'),
    read: async () => {
      if (failures-- > 0) throw new Error('no engine');
    },
  });
  expect(invocations).toEqual([['1']]);
  expect(waits).toEqual([25, 50, 100]);
  expect(errors).toHaveLength(3);
});

test('whatever fails: every record is delivered or in exactly one on-failure record, in order, and none is skipped', async () => {
  const script = fc.record({
    count: fc.integer({ min: 1, max: 12 }),
    batchSize: fc.integer({ min: 1, max: 6 }),
    retries: fc.integer({ min: 0, max: 2 }),
    bisect: fc.boolean(),
    reports: fc.boolean(),
    unwanted: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
    answers: fc.infiniteStream(fc.constantFrom('ok', 'ok', 'throw', 'unreachable', 'first', 'last', 'nonsense')),
    sends: fc.infiniteStream(fc.boolean()),
  });
  await fc.assert(
    fc.asyncProperty(script, async ({ count, batchSize, retries, bisect, reports, unwanted, answers, sends }) => {
      const ids = Array.from({ length: count }, (_, index) => String(index + 1));
      const wanted = ids.filter((id) => !unwanted.includes(Number(id)));
      const delivered: string[] = [];
      const ended = await run({
        properties: {
          ...DESTINATION,
          ...RETRIES(retries),
          ...(reports && REPORTING),
          ...filter({ wanted: [true] }),
          BatchSize: batchSize,
          BisectBatchOnFunctionError: bisect,
        },
        records: ids.map((id) => record(id, { wanted: wanted.includes(id) })),
        answer: (batch) => {
          const kind = answers.next().value;
          if (kind === 'unreachable') return Promise.reject(new Error(kind));
          if (kind === 'throw' || (kind === 'nonsense' && !reports)) return THROWN;
          const failed = { first: batch.at(0), last: batch.at(-1), nonsense: 'x' }[kind as string];
          const done = reports && failed !== undefined ? Math.max(batch.indexOf(failed), 0) : batch.length;
          delivered.push(...batch.slice(0, done));
          return failed === undefined ? OK : failing(failed);
        },
        sendOnFailure: () => (sends.next().value ? Promise.resolve() : Promise.reject(new Error('no queue'))),
      });
      const discarded = ended.discarded.flat();
      const inOrder = (list: string[]) => list.toSorted((a, b) => Number(a) - Number(b));
      expect(delivered).toEqual(inOrder(delivered));
      expect(discarded).toEqual(inOrder(discarded));
      expect(inOrder([...delivered, ...discarded])).toEqual(wanted);
      expect(ended.sent.map(({ DDBStreamBatchInfo }) => DDBStreamBatchInfo?.batchSize)).toEqual(ended.discarded.map(({ length }) => length));
      expect(ended.checkpoints.at(-1)).toBe(ids.at(-1));
      expect(ended.checkpoints).toEqual(inOrder([...new Set(ended.checkpoints)]));
    }),
    { numRuns: 500 },
  );
});
