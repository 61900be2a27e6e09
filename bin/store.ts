#!/usr/bin/env node
import { bundleFunctions } from '../lib/bundle';
import { ConfigError } from '../lib/config-error';
import { FLOWS } from '../lib/flows';
import { DISPATCHERS, SALES_CONSUMER } from '../lib/triggers';

async function main() {
  const bundling = bundleFunctions([...FLOWS, ...Object.values(DISPATCHERS).flat(), SALES_CONSUMER]);
  // esbuild works in a process of its own, while the CDK library loads in this one.
  const { createApp } = require('../lib/store-app') as typeof import('../lib/store-app');
  const bundles = await bundling;
  try {
    createApp(bundles).synth();
  } finally {
    await bundles.dispose();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exitCode = 1;
});
