import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callApi } from '../../local/engine/api';
import { type Engine, startEngine } from '../../local/engine/engine';
import { findEngine } from '../../local/engine/find-engine';
import { ensureTable, type GlobalTable } from '../../local/tables';
import { layouts } from '../support/complete';
import { engineUnderTest } from '../support/engine';
import { resourcesOf } from '../support/templates';

/** More than one page of anything, and of the batches below. */
const ORDERS = 3_000;

const folder = mkdtempSync(join(tmpdir(), 'store-index-'));
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine(findEngine(engineUnderTest()), join(folder, 'data'), 'us-east-1');
});
afterAll(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true });
});

describe.each(layouts('per-domain'))('a table of %s that is there already', (layout) => {
  const tables = resourcesOf(layout, 'AWS::DynamoDB::GlobalTable').map(({ Properties }) => Properties as unknown as GlobalTable);
  const table = tables.find(({ TableName }) => /Orders|Store$/.test(TableName)) as GlobalTable;
  /** As before its index byOrderId: DynamoDB takes no definition of an attribute that is in no key. */
  const before: GlobalTable = {
    ...table,
    GlobalSecondaryIndexes: table.GlobalSecondaryIndexes!.filter(({ IndexName }) => IndexName !== 'gsi2'),
    AttributeDefinitions: table.AttributeDefinitions!.filter(({ AttributeName }) => !AttributeName!.startsWith('gsi2')),
  };
  const { TableName } = table;

  const found = async () => {
    const ids = new Set<string>();
    let ExclusiveStartKey: object | undefined;
    do {
      const page: { Items: { orderId: { S: string } }[]; LastEvaluatedKey?: object } = await callApi(engine, 'Scan', {
        TableName,
        IndexName: 'gsi2',
        ...(ExclusiveStartKey && { ExclusiveStartKey }),
      });
      for (const { orderId } of page.Items) ids.add(orderId.S);
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return ids;
  };

  test('a table gets an index that is added, with all that is in the table', async () => {
    await ensureTable(engine, before, true);
    for (let first = 0; first < ORDERS; first += 25) {
      const puts = Array.from({ length: 25 }, (_, index) => {
        const id = `o${first + index}`;
        const text = { pk: `$store#customerId_c${index}`, sk: `$order#${id}`, orderId: id, gsi2pk: `$store#orderId_${id}`, gsi2sk: '$orderFile#Order_1' };
        return { PutRequest: { Item: Object.fromEntries(Object.entries(text).map(([name, value]) => [name, { S: value }])) } };
      });
      await callApi(engine, 'BatchWriteItem', { RequestItems: { [TableName]: puts } });
    }
    const streamArn = await ensureTable(engine, before, true);

    const said: string[] = [];
    expect(await ensureTable(engine, table, true, (text) => said.push(text))).toBe(streamArn);
    expect(said).toEqual([`Filling the new index gsi2 of ${TableName} ...`]);

    expect((await found()).size).toBe(ORDERS);
    const one = await callApi<{ Items: { orderId: { S: string } }[] }>(engine, 'Query', {
      TableName,
      IndexName: 'gsi2',
      KeyConditionExpression: 'gsi2pk = :id',
      ExpressionAttributeValues: { ':id': { S: '$store#orderId_o1234' } },
    });
    expect(one.Items.map(({ orderId }) => orderId.S)).toEqual(['o1234']);
  });

  test('a table loses an index that is removed, and no item', async () => {
    const said: string[] = [];
    await ensureTable(engine, before, true, (text) => said.push(text));
    expect(said).toEqual([`Removing the index gsi2 of ${TableName} ...`]);
    await expect(found()).rejects.toThrow(/index/i);
    const { Count } = await callApi<{ Count: number }>(engine, 'Scan', { TableName, Select: 'COUNT', Limit: 10 });
    expect(Count).toBe(10);
  });

  test('a table is not touched where two indexes change, or one and a key', async () => {
    const without = { ...before, GlobalSecondaryIndexes: [], AttributeDefinitions: before.AttributeDefinitions!.filter(({ AttributeName }) => !AttributeName!.startsWith('gsi1')) };
    await ensureTable(engine, without, true);
    await expect(ensureTable(engine, table, true)).rejects.toThrow(/other keys, indexes or stream records than the template now/);
    for (const GlobalSecondaryIndexes of [[], before.GlobalSecondaryIndexes!]) {
      const otherKey = { ...before, GlobalSecondaryIndexes, KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' as const }] };
      await expect(ensureTable(engine, otherKey, true)).rejects.toThrow(/other keys/);
    }
    const { Table } = await callApi<{ Table: { GlobalSecondaryIndexes?: object[] } }>(engine, 'DescribeTable', { TableName });
    expect(Table.GlobalSecondaryIndexes ?? []).toEqual([]);
  });
});
