import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callApi } from '../../local/engine/api';
import { startEngine } from '../../local/engine/engine';
import { findEngine } from '../../local/engine/find-engine';
import { ensureTable } from '../../local/tables';
import { eventually } from '../support/until';

test('an engine listens on an address that no page guesses, or its warning says that it cannot', async () => {
  const engine = await startEngine(findEngine('dynoxide'), undefined, 'us-east-1');
  try {
    const { port } = new URL(engine.endpoint);
    const isFound = await fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false);
    expect(isFound).toBe(engine.warning !== undefined);
  } finally {
    await engine.stop();
  }
});

test('an engine that ends in the middle of writes is started again with all that it acknowledged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'engine-'));
  const said: string[] = [];
  const engine = await startEngine(findEngine('dynoxide'), folder, 'us-east-1', undefined, (text) => said.push(text));
  try {
    const TableName = 'Things';
    await ensureTable(
      engine,
      { TableName, AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }], KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }] },
      false,
    );
    const acknowledged: string[] = [];
    const put = async (id: string) => {
      await callApi(engine, 'PutItem', { TableName, Item: { pk: { S: id } } });
      acknowledged.push(id);
    };
    const writes = Array.from({ length: 200 }, (_, at) => put(`a${at}`).catch(() => {}));
    // The gateway lets no such expression through.
    const fatal = { TableName, Key: { pk: { S: 'x' } }, UpdateExpression: 'SET € = :z', ExpressionAttributeValues: { ':z': { S: 'z' } } };
    await Promise.all([...writes, expect(callApi(engine, 'UpdateItem', fatal)).rejects.toThrow('socket hang up')]);
    await eventually(() => put('after'));
    expect(said).toEqual([expect.stringMatching(/^dynoxide.*: it ended with .*\. It is started again on its data/)]);
    const { Items } = await callApi<{ Items: { pk: { S: string } }[] }>(engine, 'Scan', { TableName });
    expect(Items.map(({ pk }) => pk.S)).toEqual(expect.arrayContaining(acknowledged));
  } finally {
    await engine.stop();
    rmSync(folder, { recursive: true });
  }
});
