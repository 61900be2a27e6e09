import type { Engine } from '../../../local/engine/engine';
import { TableStream } from '../../../local/streams/table-stream';

const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/1';

/** An engine that answers as it is told, and notes what it was asked. */
function scripted(answers: (operation: string, input: Record<string, unknown>) => object | { error: string }) {
  const asked: [string, Record<string, unknown>][] = [];
  const engine = {
    onWrite: () => {},
    async send(headers: Record<string, string>, body: Buffer) {
      const operation = headers['x-amz-target']!.split('.')[1]!;
      const input = JSON.parse(body.toString()) as Record<string, unknown>;
      asked.push([operation, input]);
      const answer = answers(operation, input);
      if ('error' in answer) return { status: 400, headers: {}, body: Buffer.from(JSON.stringify({ __type: answer.error })) };
      return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(answer)) };
    },
  } as unknown as Engine;
  return { stream: new TableStream(engine, ARN, (seconds) => seconds), asked };
}

const record = (SequenceNumber: string) => ({ eventName: 'INSERT', dynamodb: { SequenceNumber, ApproximateCreationDateTime: 1, Keys: {} } });
const shard = (ShardId: string, start: string, end?: string, ParentShardId?: string) => ({
  ShardId,
  ...(ParentShardId && { ParentShardId }),
  SequenceNumberRange: { StartingSequenceNumber: start, ...(end && { EndingSequenceNumber: end }) },
});

test('an iterator that has expired is asked for anew, where the reader stands', async () => {
  let expired = true;
  const { stream, asked } = scripted((operation) => {
    if (operation === 'DescribeStream') return { StreamDescription: { Shards: [shard('s', '1')] } };
    if (operation === 'GetShardIterator') return { ShardIterator: 'i' };
    if (expired) return { error: 'ExpiredIteratorException' };
    return { Records: [record('8')], NextShardIterator: 'j' };
  });
  await expect(stream.read('7', 10)).rejects.toMatchObject({ name: 'ExpiredIteratorException' });
  expired = false;
  expect((await stream.read('7', 10)).map(({ sequenceNumber }) => sequenceNumber)).toEqual(['8']);
  const iterators = asked.filter(([operation]) => operation === 'GetShardIterator').map(([, input]) => [input.ShardIteratorType, input.SequenceNumber]);
  expect(iterators).toEqual([['AFTER_SEQUENCE_NUMBER', '7'], ['AFTER_SEQUENCE_NUMBER', '7']]);
});

test('a shard that has ended leads to its child, and a reader behind its end begins in the child', async () => {
  const Shards = [shard('parent', '1', '5'), shard('child', '6', undefined, 'parent')];
  const script = (operation: string, input: Record<string, unknown>) => {
    if (operation === 'DescribeStream') return { StreamDescription: { Shards } };
    if (operation === 'GetShardIterator') return { ShardIterator: input.ShardId as string };
    if (input.ShardIterator === 'parent') return { Records: [record('5')] };
    return { Records: input.ShardIterator === 'child' ? [record('6')] : [], NextShardIterator: 'end' };
  };
  const { stream } = scripted(script);
  expect((await stream.read(undefined, 10)).map(({ sequenceNumber }) => sequenceNumber)).toEqual(['5']);
  expect(stream.shardId).toBe('parent');
  const behind = scripted(script);
  expect((await behind.stream.read('5', 10)).map(({ sequenceNumber }) => sequenceNumber)).toEqual(['6']);
  expect(behind.stream.shardId).toBe('child');
});

test('what was written past the platform is found within a second', async () => {
  jest.useFakeTimers();
  const { stream } = scripted((operation) => {
    if (operation === 'DescribeStream') return { StreamDescription: { Shards: [shard('s', '1')] } };
    if (operation === 'GetShardIterator') return { ShardIterator: 'i' };
    return { Records: [], NextShardIterator: 'j' };
  });
  await stream.read(undefined, 10);
  let isTold = false;
  void stream.changed(new AbortController().signal).then(() => (isTold = true));
  await jest.advanceTimersByTimeAsync(999);
  expect(isTold).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  expect(isTold).toBe(true);
  jest.useRealTimers();
});
