import type { Release } from '../../../tools/plan/release';
import { type TableProperties, tableFindings, tableNotes } from '../../../tools/plan/table-changes';
import { afterChange, orders } from './releases';

const index = (name: string, key = `${name}pk`) => ({
  IndexName: name,
  KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
  Projection: { ProjectionType: 'ALL' },
});

/** A table as small as it can be, with what a test needs different. */
const table = (more: TableProperties = {}): TableProperties => ({
  TableName: 'T',
  AttributeDefinitions: ['pk', 'sk', 'gsi1pk', 'gsi2pk', 'gsi3pk', 'lsi1sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
  Replicas: [{ Region: 'us-east-1' }],
  StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
  ...more,
});

const compared = (before: TableProperties, after: TableProperties) => {
  const change = { where: 'data: table T', name: 'T', region: 'us-east-1', before: table(before), after: table(after) };
  return { findings: tableFindings(change), notes: tableNotes(change).map(({ what }) => what) };
};

const regions = (...names: string[]) => ({ Replicas: names.map((Region) => ({ Region })) });

test('a table that stays as it is, and one that is described in another order', () => {
  const projected = (...NonKeyAttributes: string[]) => ({
    GlobalSecondaryIndexes: [{ ...index('gsi1'), Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes } }, index('gsi2')],
  });
  expect(compared({}, {})).toEqual({ findings: [], notes: [] });
  const { GlobalSecondaryIndexes, ...rest } = projected('b', 'a');
  expect(compared(projected('a', 'b'), { ...rest, GlobalSecondaryIndexes: GlobalSecondaryIndexes.toReversed() })).toEqual({ findings: [], notes: [] });
});

describe('global secondary indexes', () => {
  const indexes = (...names: string[]) => ({ GlobalSecondaryIndexes: names.map((name) => index(name)) });

  test('one that is added passes, and is said to be backfilled', () => {
    expect(compared(indexes('gsi1'), indexes('gsi1', 'gsi2'))).toEqual({
      findings: [],
      notes: [expect.stringMatching(/^index gsi2 is added: its backfill writes each item .* ACTIVE: aws dynamodb describe-table --table-name T /)],
    });
  });

  test('an index that is removed passes', () => {
    expect(compared(indexes('gsi1', 'gsi2'), indexes('gsi2'))).toEqual({
      findings: [],
      notes: ['index gsi1 is removed: deploy first what no longer queries it'],
    });
  });

  test('two that are added', () => {
    const { findings } = compared(indexes('gsi1'), indexes('gsi1', 'gsi2', 'gsi3'));
    expect(findings).toEqual([
      {
        where: 'data: table T',
        what: '2 global secondary indexes change in one update: gsi2 and gsi3 added',
        why: expect.stringContaining('creates or deletes one global secondary index of a table in an update'),
        order: [
          expect.stringMatching(/^Deploy first with only gsi2 added and nothing removed; wait until it is ACTIVE: aws dynamodb/),
          'Then with gsi3 added too; wait until it is ACTIVE.',
        ],
      },
    ]);
  });

  test('one that is added and one that is removed: readers move before what they read goes', () => {
    const [finding] = compared(indexes('gsi1'), indexes('gsi2')).findings;
    expect(finding?.what).toBe('2 global secondary indexes change in one update: gsi2 added, gsi1 removed');
    expect(finding?.order).toEqual([
      expect.stringContaining('only gsi2 added and nothing removed'),
      'Let the readers of gsi1 query the new index, and deploy.',
      'Then with gsi1 removed.',
    ]);
  });

  test('two indexes that are removed are refused', () => {
    const [finding] = compared(indexes('gsi1', 'gsi2'), {}).findings;
    expect(finding?.order).toEqual(['Deploy first with only gsi1 removed.', 'Then with gsi2 removed.']);
  });

  const one = (change: object) => ({ GlobalSecondaryIndexes: [{ ...index('gsi1'), ...change }] });
  test.each<[string, TableProperties, string]>([
    ['its key', one(index('gsi1', 'gsi2pk')), 'from HASH gsi1pk (S) ALL to HASH gsi2pk (S) ALL'],
    [
      'a key more',
      one({ KeySchema: [...index('gsi1').KeySchema, { AttributeName: 'sk', KeyType: 'RANGE' }] }),
      'to HASH gsi1pk (S) / RANGE sk (S) ALL',
    ],
    ['the order of its keys', one({ KeySchema: [{ AttributeName: 'gsi1pk', KeyType: 'RANGE' }] }), 'to RANGE gsi1pk (S) ALL'],
    ['its projection', one({ Projection: { ProjectionType: 'KEYS_ONLY' } }), 'to HASH gsi1pk (S) KEYS_ONLY'],
    ['what it includes', one({ Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['b', 'a'] } }), 'INCLUDE a b'],
    [
      "its key's type",
      { ...one({}), AttributeDefinitions: [...table().AttributeDefinitions!.filter(({ AttributeName }) => AttributeName !== 'gsi1pk'), { AttributeName: 'gsi1pk', AttributeType: 'N' }] },
      'to HASH gsi1pk (N) ALL',
    ],
  ])('one that changes in place: %s', (_what, after, text) => {
    const { findings } = compared(one({}), after);
    expect(findings).toEqual([
      {
        where: 'data: table T',
        what: expect.stringMatching(/^global secondary index gsi1 changes in place from HASH gsi1pk \(S\) ALL to /),
        why: expect.stringContaining('fixed when it is created'),
        order: [
          expect.stringMatching(/^Leave gsi1 as it is, add the new one under another name and deploy; wait until it is ACTIVE/),
          expect.stringContaining('readers'),
          'Remove gsi1, and deploy.',
        ],
      },
    ]);
    expect(findings[0]?.what).toContain(text);
  });
});

describe('what another table would be', () => {
  const lsi = (name: string, key = 'lsi1sk') => ({
    IndexName: name,
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: key, KeyType: 'RANGE' },
    ],
    Projection: { ProjectionType: 'ALL' },
  });
  const local = (...LocalSecondaryIndexes: ReturnType<typeof lsi>[]) => ({ LocalSecondaryIndexes });

  test.each<[string, TableProperties, TableProperties, string, string]>([
    ['a local index more', local(lsi('a')), local(lsi('a'), lsi('b')), 'local secondary index b is added', 'Add a global secondary index'],
    ['a local index less', local(lsi('a'), lsi('b')), local(lsi('a')), 'local secondary index b is removed', 'Keep the index;'],
    ['the last local index', local(lsi('a')), {}, 'local secondary index a is removed', 'Keep the index;'],
    ['a local index changed', local(lsi('a')), local(lsi('a', 'gsi1pk')), 'local secondary index a changes from HASH pk (S) / RANGE lsi1sk (S) ALL to', 'Keep the index as it is'],
    ['local indexes in another order', local(lsi('a'), lsi('b')), local(lsi('b'), lsi('a')), 'stand in another order (b and a)', 'Keep the index as it is'],
    ['another key', {}, { KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }] }, 'the key changes from HASH pk (S) / RANGE sk (S) to HASH pk (S)', 'Keep the key'],
    [
      "a key's type",
      {},
      { AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }, { AttributeName: 'sk', AttributeType: 'N' }] },
      'the key changes from HASH pk (S) / RANGE sk (S) to HASH pk (S) / RANGE sk (N)',
      'Keep the key',
    ],
    ['another name', {}, { TableName: 'U' }, 'TableName changes from T to U', 'Keep the name T.'],
    ['no name', {}, { TableName: undefined }, 'TableName changes from T to a generated one', 'Keep the name T.'],
  ])('%s', (_what, before, after, what, instead) => {
    const { findings } = compared(before, after);
    expect(findings).toHaveLength(1);
    expect(findings[0]?.what).toContain(what);
    expect(findings[0]?.why).toContain('new');
    expect(findings[0]?.why).toContain('empty');
    expect(findings[0]?.instead).toEqual([expect.stringContaining(instead), expect.stringContaining('copy the items')]);
  });
});

describe('replicas', () => {
  test('one that is added, or removed, passes', () => {
    expect(compared({}, regions('us-east-1', 'eu-west-1'))).toEqual({
      findings: [],
      notes: [expect.stringMatching(/^a replica in eu-west-1 is added: it takes minutes to hours/)],
    });
    expect(compared(regions('us-east-1', 'eu-west-1'), {})).toEqual({
      findings: [],
      notes: ['the replica in eu-west-1 is removed: who reads there must have moved'],
    });
  });

  test('two that are added', () => {
    expect(compared({}, regions('us-east-1', 'eu-west-1', 'ap-southeast-1')).findings).toEqual([
      {
        where: 'data: table T',
        what: '2 replicas change in one update: eu-west-1 and ap-southeast-1 added',
        why: expect.stringContaining('one replica of a global table in an update'),
        order: ['Deploy first with only eu-west-1 added, and nothing else changed.', 'Then with ap-southeast-1 added.'],
      },
    ]);
  });

  test('one for another: the new one first', () => {
    const [finding] = compared(regions('us-east-1', 'eu-west-1'), regions('us-east-1', 'eu-central-1')).findings;
    expect(finding?.order).toEqual([
      'Deploy first with only eu-central-1 added, and nothing else changed.',
      'Then with eu-west-1 removed, once nobody reads there.',
    ]);
  });

  test('of a strongly consistent table all come at once', () => {
    const strong = { MultiRegionConsistency: 'STRONG' };
    expect(compared({ ...strong }, { ...strong, ...regions('us-east-1', 'us-east-2', 'us-west-2') }).findings).toEqual([]);
  });

  test('that of the home region stays', () => {
    const guarded = { Replicas: [{ Region: 'us-east-1', DeletionProtectionEnabled: true }, { Region: 'eu-west-1' }] };
    const [finding, ...more] = compared(guarded, regions('eu-west-1')).findings;
    expect(more).toEqual([]);
    expect(finding?.what).toBe('the replica of the home region us-east-1 is removed');
    expect(finding?.why).toContain('refuses');
  });

  test('one that is protected from deletion is named with what takes the protection off', () => {
    const guarded = { Replicas: [{ Region: 'us-east-1' }, { Region: 'eu-west-1', DeletionProtectionEnabled: true }] };
    const unprotect = 'aws dynamodb update-table --table-name T --region eu-west-1 --no-deletion-protection-enabled';
    expect(compared(guarded, {})).toEqual({
      findings: [],
      notes: [`the replica in eu-west-1 is removed: who reads there must have moved, and it must be unprotected first: ${unprotect}`],
    });
  });

  test('a replica and an index in the same update pass, with a note', () => {
    const { findings, notes } = compared({}, { ...regions('us-east-1', 'eu-west-1'), GlobalSecondaryIndexes: [index('gsi1')] });
    expect(findings).toEqual([]);
    expect(notes).toContainEqual(expect.stringContaining('AWS recommends one for the replica alone'));
  });
});

describe('the stream', () => {
  const view = (StreamViewType?: string) => ({ StreamSpecification: StreamViewType === undefined ? undefined : { StreamViewType } }) as TableProperties;

  test('its view changes while the table has one replica', () => {
    expect(compared({}, view('KEYS_ONLY'))).toEqual({
      findings: [],
      notes: ['the stream view changes from NEW_AND_OLD_IMAGES to KEYS_ONLY: the stream gets another ARN, and its consumers begin anew'],
    });
  });

  test('its view does not change once the table has two replicas', () => {
    const two = regions('us-east-1', 'eu-west-1');
    const [finding, ...more] = compared(two, { ...two, ...view('KEYS_ONLY') }).findings;
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      what: 'the stream view changes from NEW_AND_OLD_IMAGES to KEYS_ONLY of a table with 2 replicas',
      why: expect.stringContaining('only while it has one replica'),
      instead: [expect.stringContaining('Keep NEW_AND_OLD_IMAGES')],
    });
    expect(compared(two, { ...two, ...view() }).findings[0]?.what).toContain('to no stream');
  });

  test('its view changes before a second replica comes', () => {
    const [finding] = compared(view('KEYS_ONLY'), regions('us-east-1', 'eu-west-1')).findings;
    expect(finding?.order).toEqual(['Deploy first with the stream view NEW_AND_OLD_IMAGES and no replica added.', 'Then add the replicas, one in an update.']);
  });

  test('of a strongly consistent table it changes at any time', () => {
    const strong = { MultiRegionConsistency: 'STRONG', ...regions('us-east-1', 'us-east-2', 'us-west-2') };
    expect(compared(strong, { ...strong, ...view('KEYS_ONLY') }).findings).toEqual([]);
  });
});

test('the consistency mode stays', () => {
  const [finding, ...more] = compared({}, { MultiRegionConsistency: 'STRONG' }).findings;
  expect(more).toEqual([]);
  expect(finding?.what).toBe('MultiRegionConsistency changes from EVENTUAL to STRONG');
  expect(compared({}, { MultiRegionConsistency: 'EVENTUAL' }).findings).toEqual([]);
});

describe('TTL', () => {
  const ttl = (AttributeName: string, Enabled = true) => ({ TimeToLiveSpecification: { AttributeName, Enabled } });

  test('moves to another attribute in two deployments', () => {
    expect(compared(ttl('a'), ttl('b')).findings).toEqual([
      expect.objectContaining({
        what: 'TTL moves from the attribute a to b in one update',
        why: expect.stringContaining('one change of it in an hour'),
        order: ['Deploy first without TTL, and wait an hour.', expect.stringMatching(/^Then deploy with TTL on b/)],
      }),
    ]);
  });

  test.each<[string, TableProperties, TableProperties, string[]]>([
    ['enabled', {}, ttl('a'), ['TTL is enabled on a: what has a time in it that is past goes within days']],
    ['disabled', ttl('a'), ttl('a', false), ['TTL on a is disabled: nothing expires any more, and for an hour nothing can enable it again']],
    ['left out', ttl('a'), {}, [expect.stringMatching(/^TTL on a is disabled/)]],
    ['as it was', ttl('a'), ttl('a'), []],
    ['never on', ttl('a', false), ttl('b', false), []],
  ])('%s', (_what, before, after, notes) => {
    expect(compared(before, after)).toEqual({ findings: [], notes });
  });
});

test('warm throughput only grows', () => {
  const warm = (ReadUnitsPerSecond: number, ofIndex = 5) => ({
    WarmThroughput: { ReadUnitsPerSecond, WriteUnitsPerSecond: 4_000 },
    GlobalSecondaryIndexes: [{ ...index('gsi1'), WarmThroughput: { WriteUnitsPerSecond: ofIndex } }],
  });
  expect(compared(warm(12_000), warm(13_000)).findings).toEqual([]);
  expect(compared(warm(12_000), { GlobalSecondaryIndexes: [index('gsi1')] }).findings).toEqual([]);
  expect(compared(warm(13_000, 5), warm(12_000, 4)).findings.map(({ what }) => what)).toEqual([
    'the warm throughput of the table goes down (ReadUnitsPerSecond from 13000 to 12000)',
    'the warm throughput of gsi1 goes down (WriteUnitsPerSecond from 5 to 4)',
  ]);
});

test('a switch of the billing mode passes; the default is PROVISIONED', () => {
  expect(compared({}, { BillingMode: 'PROVISIONED' })).toEqual({
    findings: [],
    notes: [expect.stringMatching(/^billing switches from PAY_PER_REQUEST to PROVISIONED/)],
  });
  expect(compared({ BillingMode: undefined } as TableProperties, { BillingMode: 'PROVISIONED' })).toEqual({ findings: [], notes: [] });
});

test('all findings of one update, not only the first', () => {
  const { findings } = compared(
    { GlobalSecondaryIndexes: [index('gsi1')] },
    { ...regions('us-east-1', 'a', 'b'), GlobalSecondaryIndexes: [index('gsi1', 'sk'), index('gsi2'), index('gsi3')], MultiRegionConsistency: undefined, TableName: 'U' } as TableProperties,
  );
  expect(findings.map(({ what }) => what.split(/[:( ]/, 3).join(' '))).toEqual(['TableName changes from', 'global secondary index', '2 global secondary', '2 replicas change']);
});

describe("the store's own tables", () => {
  const addIndexes = (release: Release, ...names: string[]) => {
    const { AttributeDefinitions, GlobalSecondaryIndexes } = orders(release);
    for (const name of names) {
      AttributeDefinitions!.push({ AttributeName: `${name}pk`, AttributeType: 'S' });
      GlobalSecondaryIndexes!.push(index(name));
    }
  };

  test('one index more on a table of the store passes', () => {
    const { findings, notes } = afterChange((release) => addIndexes(release, 'gsi8'));
    expect(findings).toEqual([]);
    expect(notes).toEqual([{ where: expect.stringMatching(/^store-dev-data: table store-dev-Orders \(OrdersTable\w+\)$/), what: expect.stringMatching(/^index gsi8 is added/) }]);
  });

  test('two indexes more are refused', () => {
    const { findings } = afterChange((release) => addIndexes(release, 'gsi8', 'gsi9'));
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      where: expect.stringContaining('store-dev-Orders'),
      what: '2 global secondary indexes change in one update: gsi8 and gsi9 added',
      order: [expect.stringContaining('--table-name store-dev-Orders'), expect.any(String)],
    });
  });
});
