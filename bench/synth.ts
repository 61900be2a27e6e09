import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * `cdk synth` of three regions with everything on, against the default synth. The two are run in turn, so that a slow moment of
 * the machine meets both; the first pair fills the disk cache and is not counted.
 */
const RUNS = 5;
const MAX_RATIO = 2;

const PROJECT = resolve(__dirname, '..');

const EVERYTHING = {
  regions: 'us-east-1,eu-west-1,ap-southeast-1',
  capacity: 'provisioned',
  maxReadUnits: '20000',
  warmReadUnits: '20000',
  encryption: 'customer',
  dax: 'true',
  kinesis: 'true',
  alarmEmail: 'ops@example.com',
};

function seconds(context: Record<string, string>, outdir: string): number {
  const started = performance.now();
  const options = Object.entries(context).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const { status, stdout, stderr } = spawnSync('npx', ['cdk', 'synth', '--quiet', '--output', outdir, ...options], { cwd: PROJECT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`The synth failed: ${stdout}${stderr}`);
  return (performance.now() - started) / 1_000;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

function main() {
  const outdir = mkdtempSync(join(tmpdir(), 'store-bench-'));
  const subjects = [
    { name: 'default', context: {}, times: [] as number[] },
    { name: 'three regions, everything on', context: EVERYTHING, times: [] as number[] },
  ] as const;
  try {
    for (let run = 0; run <= RUNS; run++) {
      for (const { context, times } of subjects) {
        const taken = seconds(context, outdir);
        if (run > 0) times.push(taken);
      }
      if (process.stdout.isTTY) process.stdout.write(`\r${run} of ${RUNS} runs`);
    }
    if (process.stdout.isTTY) process.stdout.write('\r');
    console.log(`${'synth'.padEnd(30)} ${'median'.padStart(8)} ${'fastest'.padStart(8)}`);
    for (const { name, times } of subjects) {
      console.log(`${name.padEnd(30)} ${`${median([...times]).toFixed(1)} s`.padStart(8)} ${`${Math.min(...times).toFixed(1)} s`.padStart(8)}`);
    }
    const [plain, everything] = subjects;
    const ratio = median(plain.times.map((time, index) => (everything.times[index] as number) / time));
    console.log(`Three regions take ${ratio.toFixed(2)} times the default; allowed: ${MAX_RATIO}`);
    if (ratio > MAX_RATIO) process.exitCode = 1;
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

main();
