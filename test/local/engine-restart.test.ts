import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callApi } from '../../local/engine/api';
import { startEngine } from '../../local/engine/engine';
import { findEngine } from '../../local/engine/find-engine';
import { ensureTable } from '../../local/tables';
import { startStore } from '../support/store';
import { eventually, until } from '../support/until';

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

test('a store whose engine is killed loses nothing that was answered, and its triggers go on', async () => {
  const state = mkdtempSync(join(tmpdir(), 'store-killed-'));
  const store = await startStore('per-domain', { state });
  try {
    const signUp = async (sub: string) => (await (await store.user(sub)).post('/users', { email: `${sub}@example.com`, name: sub })).status;
    const kill = () => execFileSync('pkill', ['-9', '-f', `dynoxide.*${state}`]);
    const answered: string[] = [];
    for (let round = 0; round < 3; round++) {
      const subs = Array.from({ length: 10 }, (_, index) => `u${round}-${index}`);
      const asked = Promise.all(subs.map(async (sub) => answered.push(...((await signUp(sub)) === 201 ? [sub] : []))));
      kill();
      await asked;
    }
    // The function repeats a call that had no answer, so that most are answered all the same.
    expect(answered.length).toBeGreaterThan(0);
    expect(await until(() => signUp('last'), (status) => status === 201 || status === 409)).toBeLessThan(500);
    const mailed = async () => new Set((await store.outbox('email')).map(({ to }) => (to as string[])[0]));
    const withoutMail = async () => {
      const found = await mailed();
      return answered.filter((sub) => !found.has(`${sub}@example.com`));
    };
    expect(await until(withoutMail, (subs) => subs.length === 0)).toEqual([]);
    for (const sub of answered) expect([sub, (await store.admin.get(`/users/${sub}`)).status]).toEqual([sub, 200]);
  } finally {
    await store.stop();
    rmSync(state, { recursive: true, force: true });
  }
});

test('an engine that is stopped ends with its platform, and one that was left behind ends before the next opens its data', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'engine-'));
  const start = () => startEngine(findEngine('dynoxide'), folder, 'us-east-1');
  const pid = () => Number(readFileSync(join(folder, 'engine.pid'), 'utf8'));
  const isAlive = (id: number) => {
    try {
      return process.kill(id, 0);
    } catch {
      return false;
    }
  };
  const first = await start();
  const stopped = pid();
  process.kill(stopped, 'SIGSTOP');
  await first.stop();
  expect(isAlive(stopped)).toBe(false);

  const left = await start();
  const leftover = pid();
  // As a platform that was killed with all that it guards by.
  const second = await start();
  expect(await until(async () => isAlive(leftover), (alive) => !alive)).toBe(false);
  await second.stop();
  await left.stop();
  rmSync(folder, { recursive: true });
});
