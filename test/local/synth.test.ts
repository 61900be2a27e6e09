import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../../local/synth';

/** A project whose app writes what it was told: what is tested is when it runs, and what is left behind. */
describe('the assembly is made when something changed, and only then', () => {
  let project: string;
  let runs: number;
  const outdir = () => join(project, 'cdk.out');
  const run = async (overrides: Record<string, string> = {}) => {
    const before = runs;
    await synthesize(project, outdir(), overrides, () => runs++);
    return runs > before;
  };

  beforeEach(() => {
    runs = 0;
    project = mkdtempSync(join(tmpdir(), 'store-synth-'));
    mkdirSync(join(project, 'lib'));
    writeFileSync(join(project, 'lib/app.sh'), 'test -n "$FAIL" && exit 1; mkdir -p "$CDK_OUTDIR/asset.1"; echo "$CDK_CONTEXT_JSON" > "$CDK_OUTDIR/manifest.json"');
    writeFileSync(join(project, 'cdk.json'), JSON.stringify({ app: 'sh lib/app.sh', context: { layout: 'per-domain' } }));
  });
  afterEach(() => rmSync(project, { recursive: true }));

  test('the app is synthesized the first time, then for a changed source, context or assembly', async () => {
    expect(await run()).toBe(true);
    expect(await run()).toBe(false);
    expect(await run({ layout: 'single-table' })).toBe(true);
    expect(await run()).toBe(true);
    appendFileSync(join(project, 'lib/app.sh'), '\n');
    expect(await run()).toBe(true);
    writeFileSync(join(outdir(), 'manifest.json'), 'edited');
    expect(await run()).toBe(true);
    rmSync(join(outdir(), 'asset.1'), { recursive: true });
    expect(await run()).toBe(true);
    cpSync(join(outdir(), 'asset.1'), join(outdir(), 'asset.2'), { recursive: true });
    expect(await run()).toBe(true);
    expect(await run()).toBe(false);
    expect(readdirSync(project).sort()).toEqual(['cdk.json', 'cdk.out', 'lib']);
  });

  test('two starts at once make one whole assembly', async () => {
    await Promise.all([run(), run()]);
    expect(await run()).toBe(false);
  });

  test('an app that fails is told by its own message, and the assembly of before stays', async () => {
    await run();
    writeFileSync(join(project, 'lib/app.sh'), 'echo "Config is wrong" >&2; exit 1');
    await expect(run()).rejects.toThrow('The CDK app does not synthesize:\nConfig is wrong');
    expect(existsSync(join(outdir(), 'manifest.json'))).toBe(true);
    expect(readdirSync(project).sort()).toEqual(['cdk.json', 'cdk.out', 'lib']);
  });
});
