import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { App, CloudFormationValidatePlugin } from 'aws-cdk-lib';
import { type RuleFile, ruleFiles } from '../../lib/rules';
import type { Template } from './templates';

// As in cdk.json: V8 would go on compiling the validator's WebAssembly for speed when the tests are over.
setFlagsFromString('--liftoff-only');

/**
 * What CloudFormation's validator says of templates, with its own rules and the project's, as `cdk synth` asks it: by the
 * template's name, a line for each finding. All are validated at once, since the validator takes a second to start.
 *
 * @param templates by a name of the caller's choice
 * @param region that of the stacks
 */
export function findingsOf(
  templates: Readonly<Record<string, Template>>,
  { region = 'us-east-1', rules = ruleFiles() }: { region?: string; rules?: RuleFile[] } = {},
): Record<string, string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'store-templates-'));
  const plugin = new CloudFormationValidatePlugin({ regoRules: rules });
  try {
    const stackTemplates = Object.entries(templates).map(([name, template], i) => {
      const templatePath = join(folder, `${i}.json`);
      writeFileSync(templatePath, JSON.stringify(template));
      return { stackConstructPath: name, templatePath, accountId: undefined, region };
    });
    const { violations } = plugin.validate({
      templatePaths: stackTemplates.map(({ templatePath }) => templatePath),
      stackTemplates,
      appConstruct: new App(),
    });
    return Object.fromEntries(
      stackTemplates.map(({ stackConstructPath, templatePath }) => [
        stackConstructPath,
        violations.flatMap(({ ruleName, description, violatingResources }) =>
          violatingResources
            .filter((resource) => resource.templatePath === templatePath)
            .map(({ resourceLogicalId }) => `${ruleName} ${resourceLogicalId}: ${description}`),
        ),
      ]),
    );
  } finally {
    // The memory of its WebAssembly is out of the garbage collector's reach.
    plugin._dispose();
    rmSync(folder, { recursive: true });
  }
}
