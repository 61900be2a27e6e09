import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App, Stack } from 'aws-cdk-lib';
import { Template as Assertions } from 'aws-cdk-lib/assertions';
import { createApp } from '../../lib/store-app';
import { STACKS, type Template } from './templates';

/** Synthesizes the app with CDK context of a test's own, and with empty bundles, which the templates do not show. */
export class Stacks {
  private readonly folder = mkdtempSync(join(tmpdir(), 'store-bundles-'));

  constructor() {
    mkdirSync(join(this.folder, 'code'));
    writeFileSync(join(this.folder, 'code/index.mjs'), '');
  }

  /** The templates of the stacks. @throws ConfigError */
  of(context: Record<string, unknown>): Record<(typeof STACKS)[number], Template> {
    const app: App = createApp({ folder: () => join(this.folder, 'code') }, { context, builtinCloudFormationValidation: false });
    const templates = STACKS.map((id) => [id, Assertions.fromStack(app.node.findChild(id) as Stack).toJSON() as Template]);
    return Object.fromEntries(templates) as Record<(typeof STACKS)[number], Template>;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
