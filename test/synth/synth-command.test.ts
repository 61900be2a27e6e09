import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCompletely } from '../support/complete';
import { LAYOUTS, PROJECT } from '../support/synthesize-once';

/** As a person without an account would: no credentials, no region, the real CLI, the validator with all its rules. */
function synth(context: string): [status: number | null, output: string] {
  const outdir = mkdtempSync(join(tmpdir(), 'store-synth-'));
  const home = mkdtempSync(join(tmpdir(), 'store-home-'));
  const { status, stdout, stderr } = spawnSync('npx', ['cdk', 'synth', '-c', context, '--output', outdir], {
    cwd: PROJECT,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: home, CI: 'true', npm_config_loglevel: 'error' },
  });
  for (const folder of [outdir, home]) rmSync(folder, { recursive: true, force: true });
  return [status, `${stdout}${stderr}`];
}

// In `npm test` the plan of docs/deploy.md synthesizes by the command, and test/synth/matrix.test.ts looks at what the app says.
testCompletely.each(LAYOUTS)('npx cdk synth -c layout=%s prints no warning and no error', (layout) => {
  const [status, output] = synth(`layout=${layout}`);
  expect([status, output]).toEqual([0, expect.not.stringMatching(/warn|error/i)]);
  expect(output).toContain('Successfully synthesized');
}, 60_000);

testCompletely('npx cdk synth -c dax=true prints what the cluster costs as its only warning, and no error', () => {
  const [status, output] = synth('dax=true');
  expect([status, output.match(/warn/gi)]).toEqual([0, ['WARN']]);
  expect(output).toMatch(/WARNING The DAX cluster costs about 29\.20 dollars a month, used or not: 1 node of dax\.t3\.small in us-east-1/);
  expect(output).not.toMatch(/error/i);
  expect(output).toContain('Successfully synthesized');
}, 60_000);

test('the validator runs with its rules as errors', () => {
  const { context } = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> };
  expect(context['@aws-cdk/core:validateAgainstDefaultRules']).toBe(true);
});
