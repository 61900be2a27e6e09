import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App, AppProps, Stack } from 'aws-cdk-lib';
import { Template as Assertions } from 'aws-cdk-lib/assertions';
import { createApp } from '../../lib/store-app';
import { PROJECT } from './synthesize-once';
import { STACKS, type Template } from './templates';

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

  /** The templates of the stacks. @throws ConfigError */
  of(context: Record<string, unknown>): Record<(typeof STACKS)[number], Template> {
    const app = this.app(context);
    const templates = STACKS.map((id) => [id, Assertions.fromStack(app.node.findChild(id) as Stack).toJSON() as Template]);
    return Object.fromEntries(templates) as Record<(typeof STACKS)[number], Template>;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
