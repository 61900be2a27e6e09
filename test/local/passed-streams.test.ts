import { PassedStreams } from '../../local/engine/passed-streams';

const TTL = { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' };
const NOW = 1_795_600_830;

/** The streams of an engine that answers these records. */
function passed(...records: object[]) {
  return new PassedStreams({
    region: 'eu-west-1',
    timeOf: (seconds) => seconds + 1_000_000,
    ask: <Output>() => Promise.resolve({ Records: records, NextShardIterator: 'next' } as Output),
  });
}
const record = (eventName: string, pk: string, ApproximateCreationDateTime: number, SequenceNumber = pk) => ({
  eventName,
  awsRegion: 'ddblocal',
  dynamodb: { Keys: { pk: { S: pk } }, ApproximateCreationDateTime, SequenceNumber },
});
const read = async (streams: PassedStreams) =>
  (await streams.answer('GetRecords', {})) as { Records: { eventName: string; awsRegion: string; userIdentity?: object; dynamodb: { ApproximateCreationDateTime: number } }[] };

beforeEach(() => jest.useFakeTimers({ now: NOW * 1_000 }));
afterEach(() => jest.useRealTimers());

test('what the engine has no name for is what TTL removed', async () => {
  const { Records } = await read(passed(record('UNKNOWN_TO_SDK_VERSION', 'a', NOW), record('REMOVE', 'b', NOW)));
  expect(Records.map(({ eventName, awsRegion, userIdentity }) => [eventName, awsRegion, userIdentity])).toEqual([
    ['REMOVE', 'eu-west-1', TTL],
    ['REMOVE', 'eu-west-1', undefined],
  ]);
});

test('what the sweeper deletes is removed by TTL, and nothing that it could not delete', async () => {
  const streams = passed(record('REMOVE', 'swept', NOW), record('REMOVE', 'kept', NOW));
  await streams.expire('T', { pk: { S: 'swept' } }, () => Promise.resolve());
  await expect(streams.expire('T', { pk: { S: 'kept' } }, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  expect((await read(streams)).Records.map(({ userIdentity }) => userIdentity)).toEqual([TTL, undefined]);
});

test('of two sweeps at once, the one that comes late takes nothing of the other', async () => {
  const streams = passed(record('REMOVE', 'swept', NOW));
  let isDeleted = () => {};
  const first = streams.expire('T', { pk: { S: 'swept' } }, () => new Promise((done) => (isDeleted = done)));
  await expect(streams.expire('T', { pk: { S: 'swept' } }, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  isDeleted();
  await first;
  expect((await read(streams)).Records.map(({ userIdentity }) => userIdentity)).toEqual([TTL]);
});

test('of a change whose minute is told the second is when it was seen first, if that was in the minute', async () => {
  const streams = passed(record('INSERT', 'new', NOW - 30), record('INSERT', 'old', NOW - 600));
  const times = async () => (await read(streams)).Records.map(({ dynamodb }) => dynamodb.ApproximateCreationDateTime - 1_000_000);
  expect(await times()).toEqual([NOW, NOW - 600]);
  jest.advanceTimersByTime(20_000);
  expect(await times()).toEqual([NOW, NOW - 600]);
});
