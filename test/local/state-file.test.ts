import fs from 'node:fs';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Issuer } from '../../local/api/issuer';
import { Clock } from '../../local/clock';
import { secretReader } from '../../local/secrets';
import { JsonLines } from '../../local/services/json-lines';
import { writeWhole } from '../../local/state-file';
import { Checkpoints } from '../../local/streams/checkpoints';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-state-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const secret = { Name: 'cursor', GenerateSecretString: { SecretStringTemplate: '{}', GenerateStringKey: 'key' } };
const assembly = { stacks: [], resources: [{ type: 'AWS::SecretsManager::Secret', logicalId: 'S', stack: {}, properties: secret }], assetFolder: () => '' } as never;

test('a file is written whole, and only its owner can read it', () => {
  const file = join(folder, 'a.json');
  writeWhole(file, 'before');
  writeWhole(file, ['af', 'ter']);
  expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['after', 0o600]);
});

test('content that cannot be written leaves the file as it was', () => {
  const file = join(folder, 'a.json');
  writeWhole(file, 'before');
  const torn = function* () {
    yield 'half';
    throw new Error('ENOSPC');
  };
  expect(() => writeWhole(file, torn())).toThrow('ENOSPC');
  expect(readFileSync(file, 'utf8')).toBe('before');
});

test('a secret is written once, and not each time that it is read', () => {
  const file = join(folder, 'secrets.json');
  const read = secretReader(assembly, file);
  const key = read('cursor', 'key');
  const { ino } = statSync(file);
  expect([read('cursor', 'key'), secretReader(assembly, file)('cursor', 'key'), statSync(file).ino]).toEqual([key, key, ino]);
});

test.each<[string, (file: string) => unknown, string]>([
  ['secrets.json', (file) => secretReader(assembly, file)('cursor', 'key'), 'the secrets are new, and cursors that were handed out are refused'],
  ['clock.json', (file) => new Clock(file), "the store's time is this machine's"],
  ['checkpoints.json', (file) => new Checkpoints(file), 'each stream is read again from its oldest record'],
  ['issuer.pem', (file) => Issuer.open(file), 'the key is new, and tokens that were issued are refused'],
])('a %s that is torn names itself, and says what is lost without it', async (name, open, lost) => {
  const file = join(folder, name);
  writeFileSync(file, '{"a": "b');
  const message = await Promise.resolve().then(() => open(file)).then(() => 'none', (error: Error) => `${error.name}: ${error.message}`);
  expect(message).toContain(`${file} cannot be read: `);
  expect(message).toContain(`Without it, ${lost}. Delete the file to go on so, or start with --fresh for empty tables.`);
  rmSync(file);
  await open(file);
});

test('a line of a file of lines that cannot be read is named by its number', () => {
  const file = join(folder, 'outbox.jsonl');
  writeFileSync(file, '{"a":1}\n{"a":\n{"a":3}\n');
  expect(() => new JsonLines(file).read()).toThrow(`${file} cannot be read: line 2: `);
});

test('the clock ends with the year 9999, and goes back to the time of the machine', () => {
  const clock = new Clock(join(folder, 'clock.json'));
  const years = (count: number) => count * 366 * 86_400;
  clock.advance(years(7_000));
  expect(() => clock.advance(years(1_000))).toThrow(/^The store's time is \d{4}-.*; it ends with the year 9999\.$/);
  expect(Math.round(clock.offset / 1_000)).toBe(years(7_000));
  clock.reset();
  expect([clock.offset, new Clock(join(folder, 'clock.json')).offset]).toEqual([0, 0]);
});

test('an entry that a full disk takes half of is cut off, and the next one is read', () => {
  const file = join(folder, 'outbox.jsonl');
  const lines = new JsonLines<{ a: number }>(file);
  lines.append({ a: 1 });
  const append = jest.spyOn(fs, 'appendFileSync').mockImplementationOnce(() => {
    fs.writeFileSync(file, '{"a":', { flag: 'a' });
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
  expect(() => lines.append({ a: 2 })).toThrow('ENOSPC');
  append.mockRestore();
  lines.append({ a: 3 });
  expect(new JsonLines(file).read()).toEqual([{ a: 1 }, { a: 3 }]);
});
