import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Annotations, type App, type AppProps, Stack } from 'aws-cdk-lib';
import { Template as Assertions } from 'aws-cdk-lib/assertions';
import { createApp } from '../../lib/store-app';
import { PROJECT } from './synthesize-once';
import type { STACKS, Template } from './templates';

/** What the CLI gives every app: the config's defaults, and the library's feature flags. */
const { context: CDK_JSON } = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> };

/** Synthesizes the app with CDK context of a test's own, and with empty bundles, which the templates do not show. */
export class Stacks {
  private readonly folder = mkdtempSync(join(tmpdir(), 'store-bundles-'));

  constructor() {
    mkdirSync(join(this.folder, 'code'));
    writeFileSync(join(this.folder, 'code/index.mjs'), '');
  }

  /** The app; without the template validator, unless asked for. @throws ConfigError */
  app(context: Record<string, unknown>, props: AppProps = {}): App {
    return createApp(
      { folder: () => join(this.folder, 'code') },
      { builtinCloudFormationValidation: false, ...props, context: { ...CDK_JSON, ...context } },
    );
  }

  /** The templates of the stacks by their ids: `Api-eu-west-1` is the API of another region. @throws ConfigError */
  of(context: Record<string, unknown>): Record<(typeof STACKS)[number] | 'Keys' | 'Cache' | `${'Api' | 'Keys' | 'Observability'}-${'eu-west-1' | 'ap-southeast-1'}`, Template> {
    const app = this.app(context);
    // Printed at each synth; who wants to see it asks the app.
    Annotations.of(app).acknowledgeWarning('store:dax-cost');
    const stacks = app.node.children.filter((child): child is Stack => Stack.isStack(child));
    return Object.fromEntries(stacks.map((stack) => [stack.node.id, Assertions.fromStack(stack).toJSON() as Template])) as ReturnType<Stacks['of']>;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
