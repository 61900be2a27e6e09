#!/usr/bin/env node
import { type Bundles, bundleFunctions } from '../lib/bundle';
import { ConfigError } from '../lib/config-error';
import { type Flow, FLOWS } from '../lib/flows';
import { DISPATCHERS, SALES_CONSUMER } from '../lib/triggers';

async function main() {
  const bundling = [bundleFunctions([...FLOWS, ...Object.values(DISPATCHERS).flat(), SALES_CONSUMER])];
  // esbuild works in a process of its own, while the CDK library loads in this one.
  const { addStacks, openApp } = require('../lib/store-app') as typeof import('../lib/store-app');
  try {
    const opened = openApp();
    if (opened.config.dax.enabled) bundling.push(bundleFunctions((FLOWS as readonly Flow[]).filter(({ dax }) => dax), { withDax: true }));
    const [plain, beside] = (await Promise.all(bundling)) as [Bundles, Bundles?];
    addStacks(opened, { folder: (name, withDax) => (withDax && beside ? beside : plain).folder(name) });
    opened.app.synth();
  } finally {
    for (const bundles of await Promise.all(bundling)) await bundles.dispose();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exitCode = 1;
});
