import { redrive, type Services } from '../../../tools/redrive/redrive';

const NUMBERS = { startSequenceNumber: '2', endSequenceNumber: '4' };
const messageOf = (condition: string, info: object) =>
  JSON.stringify({
    requestContext: { functionArn: 'arn:aws:lambda:us-east-1:1:function:f', condition },
    DDBStreamBatchInfo: { streamArn: 'arn:stream', batchSize: 2, ...NUMBERS, ...info },
  });
const MESSAGE = messageOf('RetryAttemptsExhausted', { shardId: 's' });

interface Invocation {
  Records: { dynamodb: { SequenceNumber: string } }[];
  isRedrive?: boolean;
}

const record = (SequenceNumber: string) => ({ eventName: 'INSERT', dynamodb: { SequenceNumber, Keys: { pk: { S: SequenceNumber } } } });
const named = (name: string) => Object.assign(new Error(name), { name });

/** Services that answer as they are told. One message is in the queue until it is deleted. */
function scripted(options: {
  /** The pages from the batch's first record, and from the horizon; an error in place of the iterator. */
  pages: Partial<Record<'AT_SEQUENCE_NUMBER' | 'TRIM_HORIZON', object[][] | Error>>;
  /** Another message than Lambda's. */
  message?: string;
  /** The shards that the stream has, page by page, or why it tells none; and the pages of those that are not as `pages`. */
  shards?: object[][] | Error;
  pagesOf?: Record<string, object[][] | Error>;
  answer?: { FunctionError?: string; Payload: string };
  /** The message comes back each time it is asked for. */
  comesBack?: boolean;
  onInvoke?: () => void;
}) {
  const sent: [string, Record<string, unknown>][] = [];
  const invoked: string[] = [];
  let received = false;
  const send = (answers: Record<string, (input: Record<string, unknown>) => object>) => ({
    async send(command: { constructor: { name: string }; input: Record<string, unknown> }) {
      const name = command.constructor.name.replace('Command', '');
      sent.push([name, command.input]);
      return answers[name]?.(command.input) ?? {};
    },
  });
  const sqs = send({
    ReceiveMessage: () => {
      if (received && !options.comesBack) return {};
      received = true;
      return { Messages: [{ MessageId: 'm', ReceiptHandle: 'h', Body: options.message ?? MESSAGE }] };
    },
  });
  const streams = send({
    DescribeStream: ({ ExclusiveStartShardId: page = 0 }) => {
      if (options.shards instanceof Error) throw options.shards;
      const next = Number(page) + 1;
      const isLast = next === options.shards?.length;
      return { StreamDescription: { Shards: options.shards?.[Number(page)], ...(!isLast && { LastEvaluatedShardId: String(next) }) } };
    },
    GetShardIterator: ({ ShardIteratorType, ShardId }) => {
      const pages = options.pagesOf?.[String(ShardId)] ?? options.pages[ShardIteratorType as 'TRIM_HORIZON'];
      if (pages instanceof Error) throw pages;
      return { ShardIterator: `${String(ShardIteratorType)} 0 ${String(ShardId)}` };
    },
    GetRecords: ({ ShardIterator }) => {
      const [type, page, shard = ''] = String(ShardIterator).split(' ');
      const pages = (options.pagesOf?.[shard] ?? options.pages[type as 'TRIM_HORIZON']) as object[][];
      const next = Number(page) + 1;
      return { Records: pages[Number(page)] ?? [], ...(next < pages.length && { NextShardIterator: `${type} ${next} ${shard}` }) };
    },
  });
  const lambda = send({
    Invoke: ({ Payload }) => {
      options.onInvoke?.();
      const { Records, isRedrive } = JSON.parse(Buffer.from(Payload as Buffer).toString()) as Invocation;
      // Else the function would send another message.
      if (isRedrive !== true) throw new Error('The function is not told that it is a redrive.');
      invoked.push(...Records.map(({ dynamodb }) => dynamodb.SequenceNumber));
      const { Payload: text, ...rest } = options.answer ?? { Payload: '{"batchItemFailures":[]}' };
      return { ...rest, Payload: Buffer.from(text) };
    },
  });
  const lines: string[] = [];
  const run = () => redrive({ sqs, streams, lambda } as unknown as Services, 'url', false, (line) => lines.push(line), new AbortController().signal);
  const names = () => sent.map(([name]) => name);
  return { run, lines, invoked, sent, names };
}

test('the records from the first to the last go, one in an invocation, and then the message', async () => {
  // A shard may answer nothing in its middle, and has records before and behind.
  const { run, invoked, names, sent } = scripted({ pages: { AT_SEQUENCE_NUMBER: [[record('2')], [], [record('3'), record('4'), record('5')]] } });
  expect(await run()).toEqual({ redriven: 1, left: 0, pastSaving: 0 });
  expect(invoked).toEqual(['2', '3', '4']);
  expect(names().filter((name) => name === 'DeleteMessage')).toHaveLength(1);
  const [, received] = sent.find(([name]) => name === 'ReceiveMessage')!;
  expect(received).toMatchObject({ VisibilityTimeout: 300, WaitTimeSeconds: 2, MaxNumberOfMessages: 1 });
});

test('what is left of a batch goes, and its message stays: it names what is past saving', async () => {
  const { run, invoked, lines, names } = scripted({
    pages: { AT_SEQUENCE_NUMBER: named('TrimmedDataAccessException'), TRIM_HORIZON: [[record('3'), record('4')]] },
  });
  expect(await run()).toEqual({ redriven: 0, left: 0, pastSaving: 1 });
  expect(invoked).toEqual(['3', '4']);
  expect(lines).toEqual([expect.stringMatching(/^past saving .*in part, the stream has the first no more; the rest is redriven$/)]);
  expect(names()).not.toContain('DeleteMessage');
});

test('from the horizon on, nothing before the batch goes', async () => {
  const { run, invoked } = scripted({
    pages: { AT_SEQUENCE_NUMBER: named('TrimmedDataAccessException'), TRIM_HORIZON: [[record('1'), record('3')], [record('4')]] },
  });
  await run();
  expect(invoked).toEqual(['3', '4']);
});

test.each([
  ['an error', { FunctionError: 'Unhandled', Payload: '{"errorType":"E"}' }, '3 of 3, 2: E: no message'],
  ['a failed record', { Payload: '{"batchItemFailures":[{"itemIdentifier":"2"}]}' }, '3 of 3, 2: the log of the function says why'],
])('a function that answers %s leaves the message', async (_, answer, told) => {
  const { run, lines, names } = scripted({ pages: { AT_SEQUENCE_NUMBER: [[record('2'), record('3'), record('4')]] }, answer });
  expect(await run()).toEqual({ redriven: 0, left: 1, pastSaving: 0 });
  expect(lines).toEqual([expect.stringContaining(told)]);
  expect(names()).not.toContain('DeleteMessage');
  expect(names().at(-1)).toBe('ChangeMessageVisibility');
});

test('a stream that refuses for another reason leaves the message, named with its function', async () => {
  const { run, lines, names } = scripted({ pages: { AT_SEQUENCE_NUMBER: named('AccessDeniedException') } });
  expect(await run()).toEqual({ redriven: 0, left: 1, pastSaving: 0 });
  expect(lines).toEqual([expect.stringMatching(/^left +f, 2 records .*AccessDeniedException/)]);
  expect(names()).not.toContain('DeleteMessage');
});

test('a message that takes long is held anew, so that it does not come back meanwhile', async () => {
  const { run, sent } = scripted({
    pages: { AT_SEQUENCE_NUMBER: [[record('2'), record('3'), record('4')]] },
    onInvoke: () => jest.setSystemTime(Date.now() + 130_000),
  });
  jest.useFakeTimers({ doNotFake: ['setTimeout', 'nextTick', 'setImmediate'] });
  await run();
  jest.useRealTimers();
  const held = sent.filter(([name]) => name === 'ChangeMessageVisibility').map(([, input]) => input.VisibilityTimeout);
  expect(held).toEqual([300, 300]);
});

test('a message that stays and comes back again and again is tried once, and the redrive ends', async () => {
  const { run, invoked, lines } = scripted({
    pages: { AT_SEQUENCE_NUMBER: [[record('2'), record('3'), record('4')]] },
    answer: { FunctionError: 'Unhandled', Payload: '{}' },
    comesBack: true,
  });
  expect(await run()).toEqual({ redriven: 0, left: 1, pastSaving: 0 });
  expect([invoked, lines.length]).toEqual([['2', '3', '4'], 1]);
});

describe('a message of the function itself, which does not know the shard', () => {
  const message = messageOf('RefusedBySetUp', { startSequenceNumber: '30', endSequenceNumber: '30', batchSize: 1 });
  const shard = (ShardId: string, first: string, last?: string) => ({ ShardId, SequenceNumberRange: { StartingSequenceNumber: first, EndingSequenceNumber: last } });
  const closed = [shard('before', '1', '29'), shard('after', '31')];

  test('has its record found in the shard that has it, among all that may', async () => {
    const { run, invoked, lines, sent } = scripted({
      pages: {},
      message,
      shards: [[...closed, shard('parallel', '9', '100')], [shard('foreign', '8'), shard('right', '10'), shard('never', '10')]],
      pagesOf: { parallel: [[record('29'), record('31')]], foreign: named('ValidationException'), right: [[], [record('30'), record('31')]] },
    });
    expect(await run()).toEqual({ redriven: 1, left: 0, pastSaving: 0 });
    expect(invoked).toEqual(['30']);
    expect(lines).toEqual([expect.stringMatching(/^redriven +f, 1 record \(RefusedBySetUp\), INSERT 30$/)]);
    const asked = sent.filter(([name]) => name === 'GetShardIterator').map(([, { ShardId }]) => ShardId);
    expect(asked).toEqual(['parallel', 'foreign', 'right']);
  });

  test.each<[string, Parameters<typeof scripted>[0]]>([
    ['no shard may have it', { pages: {}, shards: [closed] }],
    ['a shard that may have it is quiet', { pages: { AT_SEQUENCE_NUMBER: Array.from({ length: 99 }, () => []) }, shards: [[shard('quiet', '10')]] }],
    ['the stream is gone', { pages: {}, shards: named('ResourceNotFoundException') }],
  ])('is past saving and stays where %s', async (_, options) => {
    const { run, names } = scripted({ ...options, message });
    expect(await run()).toEqual({ redriven: 0, left: 0, pastSaving: 1 });
    expect(names()).not.toContain('DeleteMessage');
  });

  test('stays, as any, where the stream refuses for another reason', async () => {
    const { run, lines } = scripted({ pages: {}, message, shards: named('AccessDeniedException') });
    expect(await run()).toEqual({ redriven: 0, left: 1, pastSaving: 0 });
    expect(lines).toEqual([expect.stringMatching(/^left .*AccessDeniedException/)]);
  });
});
