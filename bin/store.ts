#!/usr/bin/env node
import { bundleFunctions } from '../lib/bundle';
import { ConfigError } from '../lib/config';
import { FLOWS } from '../lib/flows';
import { createApp } from '../lib/store-app';

async function main() {
  const bundles = await bundleFunctions(FLOWS);
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
