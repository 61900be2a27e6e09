import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Clock } from '../../local/clock';

test('the clock says what it showed in a second, and when it showed it', () => {
  jest.useFakeTimers({ now: 1_000_000 });
  const file = join(mkdtempSync(join(tmpdir(), 'store-clock-')), 'clock.json');
  const clock = new Clock(file);
  clock.advance(3_600);
  for (const read of [clock, new Clock(file)]) {
    expect([read.at(900), read.at(1_000)]).toEqual([900, 4_600]);
    expect([read.machineTime(900), read.machineTime(4_600)]).toEqual([900, 1_000]);
  }
  jest.useRealTimers();
});
