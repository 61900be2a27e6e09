import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import RunReporter from '../test/support/run-reporter';

const PROJECT = resolve(__dirname, '..');

/** Prints how long each suite took when it last ran, the longest first; and each folder. */
function main(): void {
  const times = Object.entries(RunReporter.readTimes()).filter(([file]) => existsSync(join(PROJECT, file)));
  if (times.length === 0) return console.log('No suite has run yet: npm test');
  const folders = new Map<string, number>();
  for (const [file, ms] of times) {
    const folder = file.split('/').slice(0, 2).join('/');
    folders.set(folder, (folders.get(folder) ?? 0) + ms);
  }
  const lines = [times, [...folders]].flatMap((part) => [
    ...part.sort(([, a], [, b]) => b - a).map(([name, ms]) => `${(ms / 1_000).toFixed(1).padStart(7)} s  ${name}`),
    '',
  ]);
  const total = times.reduce((sum, [, ms]) => sum + ms, 0);
  console.log([...lines, `${(total / 1_000).toFixed(1)} s in ${times.length} suites, each by itself; jest runs three at once on two cores.`].join('\n'));
}

main();
