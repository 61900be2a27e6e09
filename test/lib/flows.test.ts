import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Flow, FLOWS } from '../../lib/flows';
import { DISPATCHERS, SALES_CONSUMER } from '../../lib/triggers';
import { PROJECT } from '../support/synthesize-once';

const flows = FLOWS as readonly Flow[];

test('every file that exports a handler is in a catalogue', () => {
  const lambda = join(PROJECT, 'lambda');
  const entries = readdirSync(lambda, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && /^export (const|async function) handler\b/m.test(readFileSync(join(lambda, file), 'utf8')))
    .map((file) => file.replace(/\.ts$/, ''));
  const readers = Object.values(DISPATCHERS).flat();
  expect(entries.sort()).toEqual([...flows, ...readers, SALES_CONSUMER].map(({ entry }) => entry).sort());
  const unnamed = flows.filter(({ entry, name }) => !new RegExp(`flow\\(\\s*'${name}'`).test(readFileSync(join(lambda, `${entry}.ts`), 'utf8')));
  expect(unnamed.map(({ entry, name }) => `lambda/${entry}.ts makes no flow('${name}'`)).toEqual([]);
});
