import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { readCheckpoint, writeCheckpoint } from '../../../tools/tail/checkpoint';
import { follow, type FollowOptions } from '../../../tools/tail/follow';
import { OutputClosed } from '../../../tools/tail/output';
import { until } from '../../support/until';
import {
  numberOf,
  type Refusal,
  type ScriptedShard,
  type ScriptedStream,
  scriptedStream,
  sequenceNumber,
  STREAM_ARN,
  stopScriptedStreams,
  TABLE,
} from './scripted-stream';

let folder: string;
let file: string;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tail-'));
  file = join(folder, 'checkpoint.json');
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await stopScriptedStreams();
  rmSync(folder, { recursive: true, force: true });
});

/** Follows a stream in this process. */
function start(stream: ScriptedStream, options: Partial<FollowOptions> = {}) {
  const client = new DynamoDBStreamsClient({
    endpoint: stream.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  const printed: number[] = [];
  const lines: string[] = [];
  const stop = new AbortController();
  const ended = follow({
    client,
    streamArn: STREAM_ARN,
    table: TABLE,
    from: 'checkpoint',
    file,
    stop: stop.signal,
    now: Date.now,
    status: (line) => void lines.push(line),
    print: async ({ dynamodb }) => void printed.push(numberOf(dynamodb?.SequenceNumber)),
    discoverEveryMs: 3_600_000,
    ...options,
  });
  ended.catch(() => undefined);
  const end = async () => {
    stop.abort();
    await ended.catch(() => undefined);
    client.destroy();
  };
  ends.push(end);
  const soon = (holds: () => boolean) => until(async () => undefined, holds);
  return { printed, lines, ended, end, soon, has: (count: number) => soon(() => printed.length >= count) };
}

async function following(shards: Record<string, ScriptedShard>, options: Partial<FollowOptions> = {}) {
  const stream = await scriptedStream(shards);
  const tail = start(stream, options);
  await tail.soon(() => tail.lines.some((line) => line.startsWith('following')));
  return { stream, ...tail };
}

function aGate() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

const saved = (shards: Parameters<typeof writeCheckpoint>[1]['shards']) => writeCheckpoint(file, { table: TABLE, streamArn: STREAM_ARN, shards });

describe('the order of shards', () => {
  test('a child comes after its parent, over all pages of the shards, and whatever their order is', async () => {
    const { printed, has, stream } = await following({
      grandchild: { parent: 'left', records: range(31, 34) },
      left: { parent: 'root', records: range(11, 14), isClosed: true },
      right: { parent: 'root', records: range(21, 24) },
      root: { parent: 'trimmed', records: range(1, 8), isClosed: true },
      other: { records: range(41, 43) },
    });

    await has(23);

    const at = (n: number) => printed.indexOf(n);
    expect(printed.toSorted((a, b) => a - b)).toEqual([...range(1, 8), ...range(11, 14), ...range(21, 24), ...range(31, 34), ...range(41, 43)]);
    expect([at(8) < at(11), at(8) < at(21), at(14) < at(31)]).toEqual([true, true, true]);
    expect(printed.filter((n) => n < 9)).toEqual(range(1, 8));
    expect(stream.calls.some(({ input }) => input.ExclusiveStartShardId === 'root')).toBe(true);
  });

  test('a parent that is trimmed from the list while it is read still comes first', async () => {
    const stream = await scriptedStream({ parent: { records: range(1, 6), isClosed: true }, child: { parent: 'parent', records: [7] } });
    const gate = aGate();
    const seen: number[] = [];
    const tail = start(stream, {
      discoverEveryMs: 5,
      async print({ dynamodb }) {
        if (seen.length === 0) await gate.promise;
        seen.push(numberOf(dynamodb?.SequenceNumber));
      },
    });
    await tail.soon(() => stream.calls.some(({ operation }) => operation === 'GetRecords'));
    const { parent } = stream.shards;
    const listings = () => stream.calls.filter(({ operation }) => operation === 'DescribeStream').length;
    Object.defineProperty(stream.shards, 'parent', { enumerable: false, value: parent });
    const before = listings();
    await tail.soon(() => listings() > before + 3);
    expect(seen).toEqual([]);
    gate.resolve();
    await tail.soon(() => seen.length >= 7);
    expect(seen).toEqual(range(1, 7));
  });

  test('a shard that ends is followed by its children at once', async () => {
    const { stream, printed, has } = await following({ parent: { records: [1] } });
    await has(1);
    stream.shards.child = { parent: 'parent', records: [2] };
    Object.assign(stream.shards.parent!, { isClosed: true });
    await has(2);
    expect(printed).toEqual([1, 2]);
  });

  test('a shard that appears beside the others is found', async () => {
    const { stream, printed, has } = await following({ one: { records: [1] } }, { discoverEveryMs: 20 });
    await has(1);
    stream.shards.two = { records: [2] };
    await has(2);
    expect(printed).toEqual([1, 2]);
  });
});

describe('errors', () => {
  const once = (operation: string, after: number, refusal: Refusal, times = 1) => {
    let [passed, left] = [0, times];
    return (call: { operation: string }) => (call.operation === operation && passed++ >= after && left-- > 0 ? refusal : undefined);
  };

  async function refusing(shards: Record<string, ScriptedShard>, refuse: ScriptedStream['refuse'], options: Partial<FollowOptions> = {}) {
    const stream = await scriptedStream(shards);
    stream.refuse = refuse;
    return { stream, ...start(stream, options) };
  }

  test('an iterator that expired is replaced by one after the last record that was printed', async () => {
    const { stream, printed, has } = await refusing({ one: { records: range(1, 7) } }, once('GetRecords', 1, { status: 400, type: 'ExpiredIteratorException' }));
    await has(7);
    expect(printed).toEqual(range(1, 7));
    expect(stream.calls.flatMap(({ operation, input }) => (operation === 'GetShardIterator' ? [input] : []))).toEqual([
      { StreamArn: STREAM_ARN, ShardId: 'one', ShardIteratorType: 'TRIM_HORIZON' },
      { StreamArn: STREAM_ARN, ShardId: 'one', ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: sequenceNumber(3) },
    ]);
  });

  test('what was trimmed is told, and reading goes on at the oldest record', async () => {
    saved({ one: { after: sequenceNumber(2) } });
    const { printed, lines, has } = await following({ one: { records: range(1, 7), trimmed: 4 } });
    await has(3);
    expect(printed).toEqual([5, 6, 7]);
    expect(lines).toContain(`lost: records of one after ${sequenceNumber(2)} were trimmed before they were read; going on at the oldest that is left`);
  });

  test('a shard that is gone is told, and its children come', async () => {
    const { stream, printed, lines, has, soon } = await following({ one: { records: [1] } }, { discoverEveryMs: 20 });
    await has(1);
    stream.shards = { two: { parent: 'one', records: [2] } };
    await has(2);
    await soon(() => lines.length >= 2);
    expect(printed).toEqual([1, 2]);
    expect(lines).toContain('lost: the shard one was trimmed before it was read to its end');
    expect(Object.keys(readCheckpoint(file)!.shards)).toEqual(['two']);
  });

  test.each<[string, Refusal]>([
    ['ProvisionedThroughputExceededException', { status: 400, type: 'ProvisionedThroughputExceededException' }],
    ['LimitExceededException', { status: 400, type: 'LimitExceededException' }],
    ['ThrottlingException', { status: 400, type: 'ThrottlingException' }],
    ['InternalServerError', { status: 500, type: 'InternalServerError' }],
  ])('%s is waited for, longer than the SDK does, and a line tells so', async (_name, refusal) => {
    const { stream, printed, lines, has, soon } = await refusing({ one: { records: range(1, 4) } }, (call) => (call.operation === 'GetRecords' ? refusal : undefined));
    await soon(() => lines.length >= 2);
    stream.refuse = () => undefined;
    await has(4);
    await soon(() => lines.length >= 3);
    expect(printed).toEqual(range(1, 4));
    expect(lines).toEqual([expect.stringMatching(/^following/), expect.stringMatching(/^waiting for the records of one: ./), 'going on']);
  });

  test('a stop ends the waiting', async () => {
    const { lines, ended, end, soon } = await refusing({ one: { records: [1] } }, () => ({ status: 500, type: 'InternalServerError' }));
    await soon(() => lines.length >= 1);
    await end();
    await expect(ended).resolves.toBeUndefined();
    expect(lines).toEqual([expect.stringMatching(/^waiting for the shards of the stream: ./)]);
  });

  test('what no waiting helps against ends it', async () => {
    const { ended } = await refusing({ one: { records: [1] } }, once('GetRecords', 0, { status: 400, type: 'AccessDeniedException' }, 9));
    await expect(ended).rejects.toThrow('The call for the records of one is refused: AccessDeniedException: As the test says.');
  });

  test('a stream that is gone ends it', async () => {
    const { ended } = await refusing({}, once('DescribeStream', 0, { status: 400, type: 'ResourceNotFoundException' }));
    await expect(ended).rejects.toThrow(`The stream ${STREAM_ARN} is gone`);
  });
});

describe('where it begins', () => {
  test('at the checkpoint, with the shards that came since from their begin', async () => {
    saved({ done: { after: sequenceNumber(1), finished: true }, half: { after: sequenceNumber(12) } });
    const { printed, has } = await following({
      done: { records: [1], isClosed: true },
      half: { records: range(11, 14), isClosed: true },
      fresh: { parent: 'half', records: [21] },
    });
    await has(3);
    expect(printed).toEqual([13, 14, 21]);
  });

  test('trim-horizon takes the place of a checkpoint', async () => {
    saved({ one: { after: sequenceNumber(3) } });
    const { printed, has, end } = await following({ one: { records: range(1, 4) } }, { from: 'trim-horizon' });
    await has(4);
    await end();
    expect(printed).toEqual(range(1, 4));
    expect(readCheckpoint(file)?.shards).toEqual({ one: { after: sequenceNumber(4) } });
  });

  test('trim-horizon takes the place of a checkpoint before the first record comes', async () => {
    saved({ one: { after: sequenceNumber(3) } });
    await following({ one: { records: [] } }, { from: 'trim-horizon' });
    expect(readCheckpoint(file)?.shards).toEqual({});
  });

  test('a stop before the stream is described leaves the checkpoint', async () => {
    saved({ one: { after: sequenceNumber(3) } });
    const stream = await scriptedStream({ one: { records: range(1, 4) } });
    stream.refuse = () => ({ status: 500, type: 'InternalServerError' });
    const { soon, end } = start(stream, { from: 'trim-horizon' });
    await soon(() => stream.calls.length > 0);
    await end();
    expect(readCheckpoint(file)?.shards).toEqual({ one: { after: sequenceNumber(3) } });
  });

  test('latest prints what comes after the line that tells so', async () => {
    const shards = { closed: { records: [1], isClosed: true }, open: { parent: 'closed', records: [2, 3] } };
    const { stream, printed, has } = await following(shards, { from: 'latest' });
    stream.shards.open!.records.push(4, 5);
    await has(2);
    stream.shards.open!.isClosed = true;
    stream.shards.child = { parent: 'open', records: [6] };
    await has(3);
    expect(printed).toEqual([4, 5, 6]);
  });

  test('latest keeps its place before the first record', async () => {
    const stream = await scriptedStream({ open: { records: range(1, 5) } });
    const began = Date.now() / 1_000;
    stream.createdAt = (n) => (n <= 5 ? began - 10 : began + 1);
    const first = start(stream, { from: 'latest' });
    await first.soon(() => first.lines.length > 0);
    const kept = readCheckpoint(file);
    await first.end();
    expect(kept?.shards).toEqual({ open: { since: expect.any(Number) } });
    stream.shards.open!.records.push(6, 7);

    const second = start(stream);
    await second.has(2);
    await second.soon(() => readCheckpoint(file)?.shards.open?.after === sequenceNumber(7));

    expect([first.printed, second.printed]).toEqual([[], [6, 7]]);
    expect(readCheckpoint(file)?.shards).toEqual({ open: { after: sequenceNumber(7) } });
  });
});

test('when the output closes, the checkpoint is at the last record that was written', async () => {
  const written: number[] = [];
  const stream = await scriptedStream({ one: { records: range(1, 9) } });
  const { ended } = start(stream, {
    async print({ dynamodb }) {
      if (written.length === 4) throw new OutputClosed();
      written.push(numberOf(dynamodb?.SequenceNumber));
    },
  });
  await ended;
  expect(written).toEqual([1, 2, 3, 4]);
  expect(readCheckpoint(file)?.shards).toEqual({ one: { after: sequenceNumber(4) } });
});

test('a stop finishes the record that is being printed, and counts it', async () => {
  const gate = aGate();
  const stream = await scriptedStream({ one: { records: range(1, 9) } });
  let begun = 0;
  const tail = start(stream, {
    async print() {
      begun++;
      await gate.promise;
    },
  });
  await tail.soon(() => begun === 1);
  const ending = tail.end();
  gate.resolve();
  await ending;
  expect(begun).toBe(1);
  expect(readCheckpoint(file)?.shards).toEqual({ one: { after: sequenceNumber(1) } });
});

test('a checkpoint that cannot be read is not taken for none', async () => {
  rmSync(folder, { recursive: true });
  writeCheckpoint(file, { table: TABLE, streamArn: STREAM_ARN, shards: { one: { after: 1 as unknown as string } } });
  const { ended } = start(await scriptedStream({ one: { records: [1] } }));
  await expect(ended).rejects.toThrow(`The checkpoint ${file} cannot be read.`);
});
