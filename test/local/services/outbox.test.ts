import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Outbox } from '../../../local/services/outbox';

const folder = mkdtempSync(join(tmpdir(), 'store-outbox-'));
const file = join(folder, 'outbox.jsonl');
afterEach(() => rmSync(file, { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

const open = (most?: number) => new Outbox(file, () => Date.parse('2026-05-01T10:00:00Z'), most);
const subjects = (outbox: Outbox) => outbox.list('email').map(({ subject }) => subject);

test('the outbox lists newest first, all or of one kind', () => {
  const outbox = open();
  outbox.add({ kind: 'email', subject: 'a' });
  outbox.add({ kind: 'event', bus: 'b', at: '2025-01-01T00:00:00.000Z' });
  outbox.add({ kind: 'email', subject: 'c' });
  expect(subjects(outbox)).toEqual(['c', 'a']);
  expect(outbox.list().map(({ kind, at }) => `${kind} ${at}`)).toEqual([
    'email 2026-05-01T10:00:00.000Z',
    'event 2025-01-01T00:00:00.000Z',
    'email 2026-05-01T10:00:00.000Z',
  ]);
});

test('the outbox survives a restart; a last line that was not written whole is cut off', () => {
  open().add({ kind: 'email', subject: 'a' });
  appendFileSync(file, '{"kind":"email","subj');
  const again = open();
  expect(subjects(again)).toEqual(['a']);
  again.add({ kind: 'email', subject: 'b' });
  expect(subjects(open())).toEqual(['b', 'a']);
});

test('the outbox keeps the newest in memory, and drops the others from the file at the next start', () => {
  const outbox = open(2);
  for (const subject of ['a', 'b', 'c']) outbox.add({ kind: 'email', subject });
  expect(subjects(outbox)).toEqual(['c', 'b']);
  expect(subjects(open(2))).toEqual(['c', 'b']);
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(3);
});
