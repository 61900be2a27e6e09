import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChangeLog } from '../../../local/engine/change-log';
import { LoggedStreams, type StreamRecord } from '../../../local/engine/logged-streams';
import { callApi } from '../../../local/engine/api';
import { type Engine, startEngine } from '../../../local/engine/engine';
import { findEngine } from '../../../local/engine/find-engine';
import { TableStream } from '../../../local/streams/table-stream';
import { sweep } from '../../../local/sweeper';
import { ensureTable, type GlobalTable } from '../../../local/tables';
import { Clock } from '../../../local/clock';

const table = (TableName: string): GlobalTable => ({
  TableName,
  AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
  TimeToLiveSpecification: { Enabled: true, AttributeName: 'expiresAt' },
});

/** The default engine's streams as the gateway shows them: like DynamoDB's. */
describe('the streams of dynoxide', () => {
  let folder: string;
  let engine: Engine;
  let aheadSeconds = 0;
  let made = 0;
  const start = () => startEngine(findEngine('dynoxide'), join(folder, 'data'), 'eu-west-1', (seconds) => seconds + aheadSeconds);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'store-streams-'));
    engine = await start();
  });
  afterAll(async () => {
    await engine.stop();
    rmSync(folder, { recursive: true });
  });

  /** A table of its own. */
  async function newTable() {
    const TableName = `Table${++made}`;
    const streamArn = (await ensureTable(engine, table(TableName), true))!;
    const put = (pk: string, v = '1', more: object = {}) => callApi(engine, 'PutItem', { TableName, Item: { pk: { S: pk }, v: { N: v }, ...more } });
    return { TableName, streamArn, put };
  }
  const streams = <Output>(operation: string, input: object) => callApi<Output>(engine, operation, input, 'DynamoDBStreams');
  const describeStream = async (StreamArn: string) =>
    (await streams<{ StreamDescription: { Shards: { ShardId: string; SequenceNumberRange: object }[]; StreamViewType: string } }>('DescribeStream', { StreamArn }))
      .StreamDescription;
  async function iterator(StreamArn: string, type = 'TRIM_HORIZON', SequenceNumber?: string): Promise<string> {
    const [shard] = (await describeStream(StreamArn)).Shards;
    const input = { StreamArn, ShardId: shard!.ShardId, ShardIteratorType: type, ...(SequenceNumber && { SequenceNumber }) };
    return (await streams<{ ShardIterator: string }>('GetShardIterator', input)).ShardIterator;
  }
  const records = (ShardIterator: string, Limit?: number) =>
    streams<{ Records: StreamRecord[]; NextShardIterator: string }>('GetRecords', { ShardIterator, ...(Limit && { Limit }) });
  const all = async (streamArn: string) => (await records(await iterator(streamArn))).Records;

  test('a record has the region, an id of its own, a sequence number of 21 digits, and its size as DynamoDB counts it', async () => {
    const [first, second] = [await newTable(), await newTable()];
    await first.put('a');
    await second.put('a');
    const [one] = await all(first.streamArn);
    const [other] = await all(second.streamArn);
    expect(one).toMatchObject({
      eventID: expect.stringMatching(/^[0-9a-f]{32}$/),
      eventName: 'INSERT',
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: 'eu-west-1',
      dynamodb: {
        Keys: { pk: { S: 'a' } },
        NewImage: { pk: { S: 'a' }, v: { N: '1' } },
        SequenceNumber: expect.stringMatching(/^\d{21}$/),
        // Key: 2 + 1. Image: 2 + 1, and 1 + 2 for a number of one digit.
        SizeBytes: 9,
        StreamViewType: 'NEW_AND_OLD_IMAGES',
      },
    });
    expect(one!.userIdentity).toBeUndefined();
    expect(other!.eventID).not.toBe(one!.eventID);
    expect(first.streamArn).toMatch(/^arn:aws:dynamodb:eu-west-1:000000000000:table\/Table\d+\/stream\//);
  });

  test('the shard is open, and begins where the stream does', async () => {
    const { streamArn, put } = await newTable();
    for (let write = 0; write < 12; write++) await put(`k${write}`);
    const { Shards, StreamViewType } = await describeStream(streamArn);
    const [first] = await all(streamArn);
    expect([StreamViewType, Shards]).toEqual([
      'NEW_AND_OLD_IMAGES',
      [{ ShardId: expect.stringMatching(/^shardId-0{20}-[0-9a-f]{8}$/), SequenceNumberRange: { StartingSequenceNumber: first!.dynamodb.SequenceNumber } }],
    ]);
  });

  test('a write that changes nothing has no record, whatever the order of attributes and of sets', async () => {
    const { TableName, streamArn, put } = await newTable();
    const more = { tags: { SS: ['b', 'a'] }, deep: { M: { x: { L: [{ NS: ['1', '2'] }] }, y: { BOOL: true } } } };
    await put('a', '1', more);
    await put('a', '1', { deep: more.deep, tags: { SS: ['a', 'b'] } });
    await callApi(engine, 'UpdateItem', { TableName, Key: { pk: { S: 'a' } }, UpdateExpression: 'SET v = :v', ExpressionAttributeValues: { ':v': { N: '1' } } });
    // A list has an order.
    await put('a', '1', { ...more, tags: { L: [{ S: 'a' }] } });
    await put('a', '1', { ...more, tags: { L: [{ S: 'a' }, { S: 'b' }] } });
    await put('a', '1', { ...more, tags: { L: [{ S: 'b' }, { S: 'a' }] } });
    expect((await all(streamArn)).map(({ eventName }) => eventName)).toEqual(['INSERT', 'MODIFY', 'MODIFY', 'MODIFY']);
  });

  test.each(['NEW_AND_OLD_IMAGES', 'NEW_IMAGE', 'OLD_IMAGE', 'KEYS_ONLY'] as const)('a stream of view %s has its images only, and no record of a put that changes nothing', async (StreamViewType) => {
    const TableName = `Table${++made}`;
    const streamArn = (await ensureTable(engine, { ...table(TableName), StreamSpecification: { StreamViewType } }, true))!;
    const put = (v: string) => callApi(engine, 'PutItem', { TableName, Item: { pk: { S: 'a' }, v: { N: v } } });
    for (const v of ['1', '1', '2', '2']) await put(v);
    const { Table } = await callApi<{ Table: object }>(engine, 'DescribeTable', { TableName });
    expect(Table).toMatchObject({ StreamSpecification: { StreamEnabled: true, StreamViewType }, LatestStreamArn: streamArn });
    expect((await describeStream(streamArn)).StreamViewType).toBe(StreamViewType);
    const images = (await all(streamArn)).map(({ eventName, dynamodb: { NewImage, OldImage, StreamViewType: view } }) => [eventName, NewImage?.v, OldImage?.v, view]);
    const [isNew, isOld] = [StreamViewType.startsWith('NEW'), StreamViewType.includes('OLD')];
    expect(images).toEqual([
      ['INSERT', isNew ? { N: '1' } : undefined, undefined, StreamViewType],
      ['MODIFY', isNew ? { N: '2' } : undefined, isOld ? { N: '1' } : undefined, StreamViewType],
    ]);
  });

  test('the number at which a shard begins can be read from, before the first record as after it', async () => {
    const { streamArn, put } = await newTable();
    const start = async () => {
      const { StartingSequenceNumber } = (await describeStream(streamArn)).Shards[0]!.SequenceNumberRange as { StartingSequenceNumber: string };
      return (await records(await iterator(streamArn, 'AT_SEQUENCE_NUMBER', StartingSequenceNumber))).Records.map(({ dynamodb }) => dynamodb.Keys);
    };
    expect(await start()).toEqual([]);
    await put('a');
    expect(await start()).toEqual([{ pk: { S: 'a' } }]);
  });

  test('a stream that is turned off, or whose table is deleted, is read to its end; the next one does not have its records', async () => {
    const { TableName, streamArn, put } = await newTable();
    await put('a');
    await callApi(engine, 'UpdateTable', { TableName, StreamSpecification: { StreamEnabled: false } });
    await put('unseen');
    await callApi(engine, 'DeleteTable', { TableName });
    const next = (await ensureTable(engine, table(TableName), true))!;
    await put('b');
    const page = await records(await iterator(streamArn));
    expect(page.Records.map(({ dynamodb }) => dynamodb.Keys)).toEqual([{ pk: { S: 'a' } }]);
    expect(page).not.toHaveProperty('NextShardIterator');
    expect(await describeStream(streamArn)).toMatchObject({
      StreamStatus: 'DISABLED',
      Shards: [{ SequenceNumberRange: { StartingSequenceNumber: page.Records[0]!.dynamodb.SequenceNumber, EndingSequenceNumber: expect.stringMatching(/^\d{21}$/) } }],
    });
    expect((await all(next)).map(({ dynamodb }) => dynamodb.Keys)).toEqual([{ pk: { S: 'b' } }]);
    const { Streams } = await streams<{ Streams: object[] }>('ListStreams', { TableName });
    expect(Streams).toEqual([streamArn, next].map((StreamArn) => ({ StreamArn, TableName, StreamLabel: StreamArn.split('/')[3] })));
  });

  test('streams are listed page by page', async () => {
    for (let index = 0; index < 3; index++) await newTable();
    const { Streams: every } = await streams<{ Streams: { StreamArn: string }[] }>('ListStreams', {});
    const found: string[] = [];
    let last: string | undefined;
    do {
      const page = await streams<{ Streams: { StreamArn: string }[]; LastEvaluatedStreamArn?: string }>('ListStreams', { Limit: 2, ...(last && { ExclusiveStartStreamArn: last }) });
      expect(page.Streams.length).toBeLessThanOrEqual(2);
      found.push(...page.Streams.map(({ StreamArn }) => StreamArn));
      last = page.LastEvaluatedStreamArn;
    } while (last !== undefined);
    expect(found).toEqual(every.map(({ StreamArn }) => StreamArn));
    for (const Limit of [0, 101, 1.5]) await expect(streams('ListStreams', { Limit })).rejects.toMatchObject({ name: 'ValidationException' });
  });

  test("a table with deletion protection in its template is not deleted, and loses it with the template's", async () => {
    const { TableName } = await newTable();
    await ensureTable(engine, { ...table(TableName), Replicas: [{ Region: 'eu-west-1', DeletionProtectionEnabled: true }] }, true);
    await expect(callApi(engine, 'DeleteTable', { TableName })).rejects.toMatchObject({ name: 'ValidationException', message: expect.stringContaining('protected against deletion') });
    await ensureTable(engine, { ...table(TableName), Replicas: [{ Region: 'eu-west-1', DeletionProtectionEnabled: false }] }, true);
    await callApi(engine, 'DeleteTable', { TableName });
  });

  test('what changed nothing is no end of the stream', async () => {
    const { streamArn, put } = await newTable();
    await put('a');
    const [first] = await all(streamArn);
    for (let write = 0; write < 5; write++) await put('a');
    await put('b');
    const after = await iterator(streamArn, 'AFTER_SEQUENCE_NUMBER', first!.dynamodb.SequenceNumber);
    expect((await records(after, 2)).Records.map(({ dynamodb }) => dynamodb.Keys)).toEqual([{ pk: { S: 'b' } }]);
  });

  test('every kind of iterator, and pages', async () => {
    const { streamArn, put } = await newTable();
    for (const pk of ['a', 'b', 'c']) await put(pk);
    const latest = await iterator(streamArn, 'LATEST');
    await put('d');
    const keys = async (text: string, limit?: number) => (await records(text, limit)).Records.map(({ dynamodb }) => Object.values(dynamodb.Keys.pk as object)[0]);
    expect(await keys(latest)).toEqual(['d']);
    const second = (await all(streamArn))[1]!.dynamodb.SequenceNumber;
    expect(await keys(await iterator(streamArn, 'AT_SEQUENCE_NUMBER', second))).toEqual(['b', 'c', 'd']);
    expect(await keys(await iterator(streamArn, 'AFTER_SEQUENCE_NUMBER', second))).toEqual(['c', 'd']);
    const page = await records(await iterator(streamArn), 3);
    expect(page.Records).toHaveLength(3);
    expect(await keys(page.NextShardIterator)).toEqual(['d']);
    const end = await records(page.NextShardIterator);
    expect((await records(end.NextShardIterator)).Records).toEqual([]);
  });

  test('a page ends at 1 MB', async () => {
    const { streamArn, put } = await newTable();
    for (let write = 0; write < 5; write++) await put(`k${write}`, '1', { text: { S: 'x'.repeat(300_000) } });
    const first = await records(await iterator(streamArn));
    expect(first.Records).toHaveLength(3);
    expect((await records(first.NextShardIterator)).Records).toHaveLength(2);
  });

  test.each([
    ['another shard', 'GetShardIterator', { ShardId: 'shardId-x', ShardIteratorType: 'LATEST' }, 'ResourceNotFoundException'],
    ['another type', 'GetShardIterator', { ShardIteratorType: 'AT_TIMESTAMP' }, 'ValidationException'],
    ['no sequence number', 'GetShardIterator', { ShardIteratorType: 'AT_SEQUENCE_NUMBER', SequenceNumber: 'x' }, 'ValidationException'],
    ['no iterator', 'GetRecords', { ShardIterator: 'x' }, 'ValidationException'],
    ['no stream', 'DescribeStream', { StreamArn: 'arn:aws:dynamodb:eu-west-1:000000000000:table/None/stream/1' }, 'ResourceNotFoundException'],
  ])('%s is refused as DynamoDB does', async (_, operation, input, name) => {
    const { streamArn } = await newTable();
    const [shard] = (await describeStream(streamArn)).Shards;
    await expect(streams(operation, { StreamArn: streamArn, ShardId: shard!.ShardId, ...input })).rejects.toMatchObject({ name });
  });

  test('a Limit above 1,000 is refused, and an iterator of 15 minutes ago', async () => {
    const { streamArn } = await newTable();
    const text = await iterator(streamArn);
    await expect(records(text, 1_001)).rejects.toMatchObject({ name: 'ValidationException' });
    const { at, ...rest } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as { at: number };
    const old = Buffer.from(JSON.stringify({ ...rest, at: at - 15 * 60_000 - 1 })).toString('base64url');
    await expect(records(old)).rejects.toMatchObject({ name: 'ExpiredIteratorException' });
  });

  test('what the sweeper deletes has the identity of TTL, what anybody else deletes has none, even of the same key', async () => {
    const { TableName, streamArn, put } = await newTable();
    const remove = (pk: string) => callApi(engine, 'DeleteItem', { TableName, Key: { pk: { S: pk } } });
    const expired = { expiresAt: { N: String(Math.floor(Date.now() / 1_000) - 60) } };
    await put('a', '1', expired);
    await remove('a');
    await put('a', '1', expired);
    await sweep(engine, table(TableName), new Clock(join(folder, 'clock.json')));
    await put('a');
    await remove('a');
    const removals = (await all(streamArn)).filter(({ eventName }) => eventName === 'REMOVE');
    const ttl = { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' };
    expect(removals.map(({ userIdentity }) => userIdentity)).toEqual([undefined, ttl, undefined]);
  });

  test('two sweeps at once take nothing of each other', async () => {
    const { TableName, streamArn, put } = await newTable();
    const expired = { expiresAt: { N: String(Math.floor(Date.now() / 1_000) - 60) } };
    for (let item = 0; item < 40; item++) await put(`k${item}`, '1', expired);
    const clock = new Clock(join(folder, 'clock.json'));
    await Promise.all([1, 2, 3].map(() => sweep(engine, table(TableName), clock)));
    const removals = (await all(streamArn)).filter(({ eventName }) => eventName === 'REMOVE');
    expect(removals).toHaveLength(40);
    expect(removals.filter(({ userIdentity }) => userIdentity === undefined)).toEqual([]);
  });

  test('what all have read is trimmed when it is old, or when there is too much of it, and who reads behind it is told', async () => {
    const { TableName, streamArn, put } = await newTable();
    for (const pk of ['a', 'b', 'c', 'd', 'e']) await put(pk);
    const numbers = (await all(streamArn)).map(({ dynamodb }) => dynamodb.SequenceNumber);
    const log = new ChangeLog(join(folder, 'data/store.db'));
    const options = { region: 'eu-west-1', timeOf: (seconds: number) => seconds, ask: () => Promise.reject(new Error('not asked')) };
    const keeps = (seconds: number, count: number) => new LoggedStreams(log, options, { seconds, records: count });
    await keeps(3_600, 100).trim(TableName, numbers[3]!);
    expect(await all(streamArn)).toHaveLength(5);
    await keeps(3_600, 3).trim(TableName, numbers[4]!);
    expect((await all(streamArn)).map(({ dynamodb }) => dynamodb.SequenceNumber)).toEqual(numbers.slice(2));
    // Whatever its age, what somebody is still to read stays.
    await keeps(-60, 100).trim(TableName, numbers[3]!);
    expect((await all(streamArn)).map(({ dynamodb }) => dynamodb.SequenceNumber)).toEqual(numbers.slice(4));
    await expect(iterator(streamArn, 'AT_SEQUENCE_NUMBER', numbers[3])).rejects.toMatchObject({ name: 'TrimmedDataAccessException' });
    await expect(iterator(streamArn, 'AFTER_SEQUENCE_NUMBER', numbers[2])).rejects.toMatchObject({ name: 'TrimmedDataAccessException' });
    expect((await records(await iterator(streamArn, 'AFTER_SEQUENCE_NUMBER', numbers[3]))).Records).toHaveLength(1);
    log.close();
  });

  test("records carry the store's time", async () => {
    const { streamArn, put } = await newTable();
    await put('a');
    aheadSeconds = 86_400;
    const [record] = await all(streamArn);
    aheadSeconds = 0;
    expect(record!.dynamodb.ApproximateCreationDateTime).toBeGreaterThan(Date.now() / 1_000 + 86_000);
  });

  test('all is there after a restart, and sequence numbers go on', async () => {
    const { streamArn, put } = await newTable();
    await put('a');
    await engine.stop();
    engine = await start();
    await put('b');
    const [first, second] = await all(streamArn);
    expect([first, second].map((record) => record!.dynamodb.Keys)).toEqual([{ pk: { S: 'a' } }, { pk: { S: 'b' } }]);
    expect(BigInt(second!.dynamodb.SequenceNumber)).toBeGreaterThan(BigInt(first!.dynamodb.SequenceNumber));
  });

  test('a table of an earlier start gets its stream; one with other records is not touched', async () => {
    const TableName = `Table${++made}`;
    expect(await ensureTable(engine, table(TableName), false)).toBeUndefined();
    const streamArn = await ensureTable(engine, table(TableName), true);
    expect(streamArn).toMatch(/\/stream\//);
    expect(await ensureTable(engine, table(TableName), true)).toBe(streamArn);
    await callApi(engine, 'PutItem', { TableName, Item: { pk: { S: 'a' } } });
    expect(await all(streamArn!)).toHaveLength(1);
    const other = { ...table(TableName), StreamSpecification: { StreamViewType: 'KEYS_ONLY' as const } };
    await expect(ensureTable(engine, other, true)).rejects.toThrow(/other keys, indexes or stream records than the template now\. Start with --fresh/);
  });

  test('a database that is no engine of this kind is told, not followed', () => {
    expect(() => new ChangeLog(join(folder, 'other.db'))).toThrow(/^This engine keeps its streams otherwise than dynoxide 1\.2\.1/);
  });

  test('a source reads on where its reader stands, hears of writes, and hands on what Lambda would', async () => {
    const { streamArn, put } = await newTable();
    const source = new TableStream(engine, streamArn, (seconds) => seconds);
    expect(await source.read(undefined, 10)).toEqual([]);
    const heard = source.changed(new AbortController().signal);
    await put('a');
    await heard;
    const [first] = await source.read(undefined, 10);
    expect(first).toMatchObject({ arrivedAt: expect.any(Number), event: { eventName: 'INSERT', eventSourceARN: streamArn } });
    await put('b');
    await put('c');
    expect((await source.read(first!.sequenceNumber, 1)).map(({ event }) => event.eventName)).toEqual(['INSERT']);
    // Where it was before, and where it has never been.
    expect(await source.read(undefined, 10)).toHaveLength(3);
    expect(await new TableStream(engine, streamArn, (seconds) => seconds).read(first!.sequenceNumber, 10)).toHaveLength(2);
    expect(await source.latest()).toBe((await all(streamArn)).at(-1)!.dynamodb.SequenceNumber);
  });

  test('a write between a read and the wait for more is not missed', async () => {
    const { streamArn, put } = await newTable();
    const source = new TableStream(engine, streamArn, (seconds) => seconds);
    await source.read(undefined, 10);
    await put('a');
    const waits = new Promise((done) => setImmediate(() => done('waits')));
    expect(await Promise.race([source.changed(new AbortController().signal).then(() => 'more'), waits])).toBe('more');
    expect(await source.read(undefined, 10)).toHaveLength(1);
  });

  test('a delete that the sweeper could not make marks no later one', async () => {
    const { TableName, streamArn, put } = await newTable();
    await put('a');
    const refused = () => Promise.reject(new Error('refused'));
    await expect(engine.expire(TableName, { pk: { S: 'a' } }, refused)).rejects.toThrow('refused');
    await callApi(engine, 'DeleteItem', { TableName, Key: { pk: { S: 'a' } } });
    expect((await all(streamArn)).at(-1)).not.toHaveProperty('userIdentity');
  });

  test('a delete of the sweeper that a restart cut off marks no later one', async () => {
    const { TableName, streamArn, put } = await newTable();
    await put('a');
    const file = join(folder, 'data/store.db');
    const log = new ChangeLog(file);
    void log.expire(TableName, { pk: { S: 'a' } }, () => new Promise(() => {}));
    log.close();
    new ChangeLog(file).close();
    await callApi(engine, 'DeleteItem', { TableName, Key: { pk: { S: 'a' } } });
    expect((await all(streamArn)).at(-1)).not.toHaveProperty('userIdentity');
  });

  test('more than one transaction is trimmed, and an iterator from before is told', async () => {
    const { TableName, streamArn, put } = await newTable();
    for (let index = 0; index < 502; index++) await put(`p${index}`);
    const numbers = (await all(streamArn)).map(({ dynamodb }) => dynamodb.SequenceNumber);
    const early = await iterator(streamArn, 'AFTER_SEQUENCE_NUMBER', numbers[0]);
    const log = new ChangeLog(join(folder, 'data/store.db'));
    await log.trim(TableName, Number(numbers[500]!.slice(1)));
    log.close();
    expect(await all(streamArn)).toHaveLength(1);
    await expect(records(early)).rejects.toMatchObject({ name: 'TrimmedDataAccessException' });
  });

  test("the time of a record is the machine's, and TTL is named as Lambda does", async () => {
    const { TableName, streamArn, put } = await newTable();
    await put('a', '1', { expiresAt: { N: '1' } });
    await engine.expire(TableName, { pk: { S: 'a' } }, () => callApi(engine, 'DeleteItem', { TableName, Key: { pk: { S: 'a' } } }));
    const [first, second] = await new TableStream(engine, streamArn, () => 7).read(undefined, 10);
    expect(first!.arrivedAt).toBe(7_000);
    expect(second!.event.userIdentity).toEqual({ type: 'Service', principalId: 'dynamodb.amazonaws.com' });
  });
});
