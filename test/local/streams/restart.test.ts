import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStore } from '../../support/store';
import { until } from '../../support/until';

test('what is pending when the platform stops is processed after the next start, and nothing again', async () => {
  const state = mkdtempSync(join(tmpdir(), 'store-restart-'));
  const signUp = async (store: Awaited<ReturnType<typeof startStore>>, sub: string) =>
    (await store.user(sub)).post('/users', { email: `${sub}@example.com`, name: sub });
  const mailed = async (store: Awaited<ReturnType<typeof startStore>>) => (await store.outbox('email')).map(({ to }) => to[0].split('@')[0]);
  try {
    let output = '';
    const first = await startStore('per-domain', { state, onFunctionOutput: (_, text) => (output += text) });
    await signUp(first, 'early');
    // Mailed and marked.
    await until(async () => output, (text) => text.includes('"message":"batch"'));
    expect(await mailed(first)).toEqual(['early']);
    await first.admin.post('/_local/faults', { kind: 'throttle', function: 'users-trigger' });
    for (const sub of ['ann', 'ben', 'eve']) await signUp(first, sub);
    expect(await mailed(first)).toEqual(['early']);
    await first.stop();

    const second = await startStore('per-domain', { state });
    expect(await until(() => mailed(second), ({ length }) => length > 3)).toEqual(['early', 'ann', 'ben', 'eve']);
    // What comes after them shows that nothing else was on its way.
    await signUp(second, 'late');
    expect(await until(() => mailed(second), ({ length }) => length > 4)).toEqual(['early', 'ann', 'ben', 'eve', 'late']);
    await second.stop();
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
});
