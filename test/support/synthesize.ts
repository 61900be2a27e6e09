import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import type { App } from 'aws-cdk-lib';
import type { Bundles } from '../../lib/bundle';
import type { Context } from './contexts';

/** An assembly to make. */
export interface Request {
  context: Context;
  folder: string;
  /** With the functions' bundles, which take a second; empty ones otherwise, which the templates do not show. */
  isRunnable: boolean;
  /** With the findings of cdk-nag, in nag.json. */
  isNagged: boolean;
}

/** A warning or an error of the synth. */
export interface Message {
  stack: string;
  level: string;
  id: string;
  text: string;
}

export const MESSAGES = 'messages.json';
export const NAG = 'nag.json';

/**
 * Synthesizes the app with contexts of the tests, all in one process: the CDK library takes a second to load, and in jest it is
 * half as fast. Run by synthesize-once.ts, with the requests as JSON; prints the files of the project that it has loaded.
 */
async function main(project: string, requests: Request[]): Promise<void> {
  // CDK keeps a stack trace of every construct, and reading the source maps of each takes as long as the rest.
  process.setSourceMapsEnabled(false);
  const bundles = await bundlesFor(requests);
  const { createApp } = require('../../lib/store-app') as typeof import('../../lib/store-app');
  const { context: defaults } = require('../../cdk.json') as { context: Record<string, unknown> };
  try {
    for (const { context, folder, isRunnable, isNagged } of requests) {
      const props = { outdir: folder, treeMetadata: false, builtinCloudFormationValidation: false, context: { ...defaults, ...context } };
      const app = createApp(isRunnable ? bundles : EMPTY, props);
      const { stacks } = app.synth();
      const messages: Message[] = stacks.flatMap((stack) =>
        stack.messages.map(({ level, id, entry: { data } }) => ({ stack: stack.id, level, id, text: String(data) })),
      );
      writeFileSync(join(folder, MESSAGES), JSON.stringify(messages));
      if (isNagged) writeFileSync(join(folder, NAG), JSON.stringify(nag(app)));
    }
  } finally {
    rmSync(EMPTY_BUNDLES, { recursive: true });
    await bundles.dispose();
  }
  const loaded = Object.keys(require.cache).map((file) => relative(project, file));
  console.log(JSON.stringify(loaded.filter((file) => !file.startsWith('..') && !file.startsWith('node_modules')).map((file) => file.replaceAll(sep, '/'))));
}

const EMPTY_BUNDLES = mkdtempSync(join(tmpdir(), 'store-bundles-'));

/** Two folders, so that the templates tell which functions would have the DAX client. */
const EMPTY: Pick<Bundles, 'folder'> = {
  folder(_name, withDax = false) {
    const folder = join(EMPTY_BUNDLES, withDax ? 'with-dax' : 'plain');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'index.mjs'), withDax ? '// with DAX' : '');
    return folder;
  },
};

/** What bin/store.ts bundles, once for all requests that want it. */
async function bundlesFor(requests: readonly Request[]): Promise<Bundles> {
  const runnable = requests.filter(({ isRunnable }) => isRunnable);
  const { bundleFunctions } = require('../../lib/bundle') as typeof import('../../lib/bundle');
  const { FLOWS } = require('../../lib/flows') as { FLOWS: readonly import('../../lib/flows').Flow[] };
  const { DISPATCHERS, SALES_CONSUMER } = require('../../lib/triggers') as typeof import('../../lib/triggers');
  const [plain, beside] = await Promise.all([
    runnable.length > 0 ? bundleFunctions([...FLOWS, ...Object.values(DISPATCHERS).flat(), SALES_CONSUMER]) : undefined,
    runnable.some(({ context }) => context.dax) ? bundleFunctions(FLOWS.filter(({ dax }) => dax), { withDax: true }) : undefined,
  ]);
  return {
    folder: (name, withDax) => ((withDax && beside) || (plain as Bundles)).folder(name),
    dispose: async () => void (await Promise.all([plain?.dispose(), beside?.dispose()])),
  };
}

export interface Finding {
  id: string;
  path: string;
  what: string;
}

export interface Acknowledgement {
  id: string;
  path: string;
  reason: string;
}

/** What both packs of cdk-nag find in an app that was synthesized. */
export interface Nagged {
  /** Without those that are acknowledged. */
  open: Finding[];
  all: Finding[];
  acknowledgements: Acknowledgement[];
}

/** What CDK acknowledges itself, in its own FlowLog. */
const BY_CDK = ['CloudFormation-Validate::F3002', 'CloudFormation-Validate::F3003'];

function nag(app: App): Nagged {
  const { AwsSolutionsChecks, NagPack, ServerlessChecks } = require('cdk-nag') as typeof import('cdk-nag');
  const { Validations } = require('aws-cdk-lib') as typeof import('aws-cdk-lib');
  const findings = (): Finding[] =>
    [AwsSolutionsChecks, ServerlessChecks]
      .map((Pack) => new Pack(app, { verbose: true }))
      .flatMap((pack) => pack.validateScope(app).violations)
      .flatMap(({ ruleName, description, violatingResources }) =>
        violatingResources.map(({ constructPath = '' }) => ({ id: ruleName, path: constructPath, what: description })),
      );
  const open = findings();
  const internal = NagPack.prototype as unknown as { isAcknowledged(...args: unknown[]): boolean };
  const { isAcknowledged } = internal;
  internal.isAcknowledged = () => false;
  const all = findings();
  internal.isAcknowledged = isAcknowledged;
  const acknowledgements = app.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .filter(([id]) => !BY_CDK.includes(id))
      .map(([id, reason]) => ({ id: id.replace(/^Annotation::/, ''), path: node.path, reason })),
  );
  return { open, all, acknowledgements };
}

if (require.main === module) {
  const [project = '', requests = '[]'] = process.argv.slice(2);
  main(project, JSON.parse(requests) as Request[]).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
