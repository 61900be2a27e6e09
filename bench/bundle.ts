import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { bundleFunctions, LAMBDA_BUNDLE } from '../lib/bundle';
import { FLOWS } from '../lib/flows';

/**
 * Load time and size of get-product (ElectroDB, validation, logger, metrics) against the same read on plain
 * lib-dynamodb, bundled as a user would: the same esbuild options, the SDK's default credential chain.
 * Both are loaded in turn, each time in a fresh process, so that a slow moment of the machine meets both.
 */
const RUNS = 31;
const MAX_RATIO = 1.8;
const MAX_BYTES = 600_000;

const PROJECT = resolve(__dirname, '..');

/** What Lambda would set, so that both find a region and credentials; nothing is called. */
const LAMBDA_VARIABLES = {
  PATH: process.env.PATH ?? '',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'x',
  AWS_SECRET_ACCESS_KEY: 'x',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  POWERTOOLS_SERVICE_NAME: 'get-product',
  USERS_TABLE: 'Users',
  PRODUCTS_TABLE: 'Products',
  ORDERS_TABLE: 'Orders',
  STATUS_SHARDS: '4',
  HOME_REGION: 'us-east-1',
};

async function main() {
  const bundles = await bundleFunctions(FLOWS);
  const plain = mkdtempSync(join(tmpdir(), 'store-bench-'));
  try {
    mkdirSync(join(plain, 'get'));
    await build({
      ...LAMBDA_BUNDLE,
      absWorkingDir: PROJECT,
      entryPoints: ['bench/plain-get.ts'],
      outfile: join(plain, 'get/index.mjs'),
    });
    const subjects = [
      { name: 'plain lib-dynamodb', folder: join(plain, 'get'), times: [] as number[] },
      { name: 'get-product', folder: bundles.folder('get-product'), times: [] as number[] },
    ] as const;
    for (let run = 0; run <= RUNS; run++) {
      for (const { folder, times } of subjects) {
        const ms = loadTime(folder);
        // The first run fills the disk cache.
        if (run > 0) times.push(ms);
      }
      if (process.stdout.isTTY) process.stdout.write(`\r${run} of ${RUNS} runs`);
    }
    if (process.stdout.isTTY) process.stdout.write('\r');
    console.log(`${'bundle'.padEnd(20)} ${'bytes'.padStart(8)} ${'median'.padStart(9)} ${'fastest'.padStart(9)}`);
    for (const { name, folder, times } of subjects) {
      const figures = [String(size(folder)).padStart(8), ms(median(times)), ms(Math.min(...times))];
      console.log([name.padEnd(20), ...figures].join(' '));
    }
    const [peer, own] = subjects;
    const ratios = own.times.map((time, run) => time / (peer.times[run] as number));
    const [bytes, ratio] = [size(own.folder), median(ratios)];
    const good = ratio <= MAX_RATIO && bytes <= MAX_BYTES;
    console.log(`load ${ratio.toFixed(2)} times plain (at most ${MAX_RATIO}), ${bytes} bytes (at most ${MAX_BYTES}): ${good ? 'good' : 'too much'}`);
    if (!good) process.exitCode = 1;
  } finally {
    rmSync(plain, { recursive: true });
    await bundles.dispose();
  }
}

/** Milliseconds that `import()` of a bundle takes in a fresh process. */
function loadTime(folder: string): number {
  const script = `const t = performance.now(); import(${JSON.stringify(join(folder, 'index.mjs'))}).then(() => console.log(performance.now() - t))`;
  return Number(execFileSync(process.execPath, ['-e', script], { env: LAMBDA_VARIABLES, encoding: 'utf8' }));
}

const size = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => statSync(join(folder, file)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

const ms = (value: number) => `${value.toFixed(1)} ms`.padStart(9);

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
