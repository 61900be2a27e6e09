import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Entity } from 'electrodb';
import { type ModelEntity, tableSchema } from '../../lib/constructs/model-table';
import { ENTITY_NAMES, entity, SAMPLES, written } from '../support/samples';
import { assemblyOf, LAYOUTS, type Layout } from '../support/synthesize-once';

interface TableTemplate {
  TableName: string;
  AttributeDefinitions: { AttributeName: string; AttributeType: string }[];
  KeySchema: { AttributeName: string; KeyType: string }[];
  GlobalSecondaryIndexes?: IndexTemplate[];
  LocalSecondaryIndexes?: IndexTemplate[];
  TimeToLiveSpecification?: { AttributeName: string; Enabled: boolean };
}

interface IndexTemplate {
  IndexName: string;
  KeySchema: { AttributeName: string; KeyType: string }[];
  Projection: { ProjectionType: string; NonKeyAttributes?: string[] };
}

/** The tables as `cdk deploy` would make them. */
function tablesOf(layout: Layout): TableTemplate[] {
  const template = JSON.parse(readFileSync(join(assemblyOf(layout), 'Data.template.json'), 'utf8')) as {
    Resources: Record<string, { Type: string; Properties: TableTemplate }>;
  };
  return Object.values(template.Resources)
    .filter(({ Type }) => Type === 'AWS::DynamoDB::GlobalTable')
    .map(({ Properties }) => Properties);
}

/** The table in which an entity of the samples' three tables lives in a layout. */
function tableFor(layout: Layout, domain: string): TableTemplate {
  const name = layout === 'single-table' ? 'store-dev-Store' : `store-dev-${domain}`;
  return tablesOf(layout).find(({ TableName }) => TableName === name)!;
}

const scalar = (value: unknown) => (typeof value === 'number' ? 'N' : 'S');

describe.each(LAYOUTS)('the templates and the model agree, %s', (layout) => {
  const patterns = ENTITY_NAMES.flatMap((name) => Object.keys(entity(name).schema.indexes).map((pattern) => [name, pattern] as const));

  test.each(patterns)('%s.%s queries the keys that its index has', (name, pattern) => {
    const table = tableFor(layout, entity(name).getTableName()!);
    const { pk, index: indexName } = entity(name).schema.indexes[pattern]!;
    const composites = Object.fromEntries(pk.composite.map((attribute) => [attribute, SAMPLES[name][attribute as never]]));
    const query = entity(name).query[pattern]!(composites).params();
    const item = written(name);

    expect(query.IndexName).toBe(indexName);
    const index = [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])].find(
      ({ IndexName }) => IndexName === query.IndexName,
    );
    const { KeySchema } = indexName === undefined ? table : index!;
    const keys = KeySchema.map(({ AttributeName }) => AttributeName);
    // The attributes that the query names are the index's keys, in their order ...
    expect(Object.values(query.ExpressionAttributeNames)).toEqual(keys);
    expect(KeySchema.map(({ KeyType }) => KeyType)).toEqual(['HASH', 'RANGE']);
    // ... and what is written there has the type that the template declares.
    for (const key of keys) {
      const declared = table.AttributeDefinitions.find(({ AttributeName }) => AttributeName === key);
      expect([key, declared?.AttributeType]).toEqual([key, scalar(item[key])]);
    }
  });

  const indexed = patterns.filter(([name, pattern]) => entity(name).schema.indexes[pattern]!.index !== undefined);
  test.each(indexed)('the index of %s.%s is local where its partition key is the table\'s, and projects what is asked', (name, pattern) => {
    const table = tableFor(layout, entity(name).getTableName()!);
    const { index: indexName, projection } = entity(name).schema.indexes[pattern]!;
    const local = (table.LocalSecondaryIndexes ?? []).find(({ IndexName }) => IndexName === indexName);
    const index = local ?? table.GlobalSecondaryIndexes!.find(({ IndexName }) => IndexName === indexName)!;
    expect(local !== undefined).toBe(index.KeySchema[0]!.AttributeName === table.KeySchema[0]!.AttributeName);
    const { ProjectionType, NonKeyAttributes = [] } = index.Projection;
    // An item that is read without ElectroDB's own attributes would be no entity's.
    const asked = Array.isArray(projection) ? [...projection, '__edb_e__', '__edb_v__'] : [];
    const missing = asked.filter((attribute) => ProjectionType !== 'ALL' && !NonKeyAttributes.includes(attribute));
    expect(missing).toEqual([]);
    expect([projection ?? 'all', ProjectionType]).not.toEqual(['all', expect.stringMatching(/INCLUDE|KEYS_ONLY/)]);
    expect(NonKeyAttributes.length).toBeLessThanOrEqual(20);
  });

  test('no table has an index that no entity asks for', () => {
    for (const table of tablesOf(layout)) {
      const asked = new Set(
        ENTITY_NAMES.filter((name) => tableFor(layout, entity(name).getTableName()!).TableName === table.TableName).flatMap((name) =>
          Object.values(entity(name).schema.indexes).map(({ index }) => index),
        ),
      );
      for (const { IndexName } of [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])]) {
        expect(asked).toContain(IndexName);
      }
      const expiring = ENTITY_NAMES.some(
        (name) =>
          tableFor(layout, entity(name).getTableName()!).TableName === table.TableName && 'expiresAt' in entity(name).schema.attributes,
      );
      expect(table.TimeToLiveSpecification).toEqual(expiring ? { AttributeName: 'expiresAt', Enabled: true } : undefined);
    }
  });
});

describe('deriving a table', () => {
  const modelOf = (name: string, indexes: object, attributes: object = {}) =>
    new Entity({
      model: { service: 'store', entity: name, version: '1' },
      attributes: { id: { type: 'string' }, other: { type: 'string' }, amount: { type: 'number' }, ...attributes },
      indexes: { primary: { pk: { field: 'pk', composite: ['id'] }, sk: { field: 'sk', composite: [] } }, ...indexes },
    } as never) as unknown as ModelEntity;
  const byOther = (index: object) => ({
    byOther: { index: 'gsi1', pk: { field: 'gsi1pk', composite: ['other'] }, sk: { field: 'gsi1sk', composite: ['id'] }, ...index },
  });

  test('a sort key of another name stops the synth, naming both entities', () => {
    const one = modelOf('One', byOther({}));
    const two = modelOf('Two', byOther({ sk: { field: 'lsi9sk', composite: ['id'] } }));
    expect(() => tableSchema([one, two])).toThrow(
      'Index gsi1 is gsi1pk (S) / gsi1sk (S) in One.byOther, but gsi1pk (S) / lsi9sk (S) in Two.byOther.',
    );
  });

  test('a key of another type stops the synth, naming both entities', () => {
    const one = modelOf('One', byOther({}));
    const two = modelOf('Two', byOther({ sk: { field: 'amount', composite: ['amount'] } }), {});
    expect(() => tableSchema([one, two])).toThrow(/gsi1sk \(S\) in One\.byOther, but .*amount \(N\) in Two\.byOther/);
  });

  test('a missing sort key stops the synth, naming both entities', () => {
    const one = modelOf('One', byOther({}));
    const two = modelOf('Two', byOther({ sk: undefined }));
    expect(() => tableSchema([one, two])).toThrow(/One\.byOther, but gsi1pk \(S\) \/ no sort key in Two\.byOther/);
  });

  test('another primary key stops the synth, naming both entities', () => {
    const one = modelOf('One', {});
    const two = modelOf('Two', { primary: { pk: { field: 'id2', composite: ['id'] }, sk: { field: 'sk', composite: [] } } });
    expect(() => tableSchema([one, two])).toThrow(/The primary key is .* in One\.primary, but .* in Two\.primary/);
  });

  test.each([
    [['other'], 'keys_only', ['other']],
    [['other'], ['amount'], ['amount', 'other']],
    ['keys_only', 'keys_only', undefined],
    [['other'], 'all', undefined],
  ])('projections %j and %j are united', (left, right, expected) => {
    const [index] = tableSchema([
      modelOf('One', byOther({ projection: left })),
      modelOf('Two', byOther({ projection: right })),
    ]).globalSecondaryIndexes;
    expect(index?.projectionType).toBe(expected ? 'INCLUDE' : left === 'keys_only' ? 'KEYS_ONLY' : 'ALL');
    const { nonKeyAttributes } = index ?? {};
    expect(nonKeyAttributes && [...nonKeyAttributes].sort()).toEqual(expected && ['__edb_e__', '__edb_v__', ...expected]);
  });

  const many = (count: number, index: (position: number) => object) =>
    Array.from({ length: count }, (_, position) => modelOf(`E${position}`, { [`by${position}`]: index(position) }));
  const global = (position: number) => ({
    index: `gsi${position + 1}`,
    pk: { field: `gsi${position + 1}pk`, composite: ['other'] },
    sk: { field: `gsi${position + 1}sk`, composite: ['id'] },
  });
  const local = (position: number) => ({ index: `lsi${position + 1}`, pk: { field: 'pk', composite: ['id'] }, sk: { field: `lsi${position + 1}sk`, composite: ['other'] } });

  test('a 21st global and a sixth local index are refused, naming the one', () => {
    expect(tableSchema(many(20, global)).globalSecondaryIndexes).toHaveLength(20);
    expect(() => tableSchema(many(21, global))).toThrow(/^The table would have 21 global secondary indexes, gsi\d+ of E\d+\.by\d+ among them; DynamoDB takes 20\./);
    expect(tableSchema(many(5, local)).localSecondaryIndexes).toHaveLength(5);
    expect(() => tableSchema(many(6, local))).toThrow(/^The table would have 6 local secondary indexes, lsi6 of E5\.by5 among them; DynamoDB takes 5\./);
  });

  test('five attributes in a key are refused with DynamoDB\'s own limit', () => {
    const attributes = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, { type: 'string' }]));
    const composite = (pk: string[], sk: string[]) => ({ by: { index: 'gsi1', type: 'composite', pk: { composite: pk }, sk: { composite: sk } } });
    expect(() => tableSchema([modelOf('One', composite(['a', 'b', 'c', 'd', 'e'], ['id']), attributes)])).toThrow(
      'One.by has 5 attributes in its partition key; DynamoDB takes 4.',
    );
    expect(() => tableSchema([modelOf('One', composite(['id'], ['a', 'b', 'c', 'd', 'e']), attributes)])).toThrow(
      'One.by has 5 attributes in its sort key; DynamoDB takes 4.',
    );
  });

  test('TTL by anything but a number of that name is refused', () => {
    const expiring = (attribute: object) => modelOf('One', {}, { expiresAt: attribute });
    expect(tableSchema([expiring({ type: 'number' })]).timeToLiveAttribute).toBe('expiresAt');
    for (const attribute of [{ type: 'string' }, { type: 'number', field: 'ttl' }]) {
      expect(() => tableSchema([expiring(attribute)])).toThrow(/^One\.expiresAt is no number of that name/);
    }
  });

  test('multi-attribute keys are refused', () => {
    const composite = { byOther: { index: 'gsi1', type: 'composite', pk: { composite: ['other'] }, sk: { composite: ['id'] } } };
    expect(() => tableSchema([modelOf('One', composite)])).toThrow('One.byOther has multi-attribute keys');
  });
});
