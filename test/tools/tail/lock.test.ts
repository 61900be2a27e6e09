import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeLock } from '../../../tools/tail/lock';
import { until } from '../../support/until';

test('the lock of a process that was killed and that nobody has asked for yet is taken over', async () => {
  // Only Linux tells of such a process.
  if (process.platform !== 'linux') return;
  const folder = mkdtempSync(join(tmpdir(), 'store-lock-'));
  // The second `sleep` becomes the parent of the first one, and never asks for it when it has ended.
  const parent = spawn('bash', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const pid = await new Promise<string>((done) => parent.stdout.once('data', (data: Buffer) => done(data.toString().trim())));
    const state = async () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
    expect(await until(state, (letter) => letter === 'Z')).toBe('Z');
    const file = join(folder, 'checkpoint.json');
    writeFileSync(`${file}.lock`, pid);
    const release = await takeLock(file);
    expect(readFileSync(`${file}.lock`, 'utf8')).toBe(String(process.pid));
    release();
  } finally {
    parent.kill();
    rmSync(folder, { recursive: true });
  }
});
