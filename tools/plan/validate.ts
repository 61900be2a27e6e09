import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { App, CloudFormationValidatePlugin } from 'aws-cdk-lib';
import type { CloudFormationStackArtifact } from 'aws-cdk-lib/cx-api';
import { openAssembly, type Template } from './assembly';
import type { Finding } from './finding';
import { described } from './stateful';

const RULES = resolve(__dirname, '../../lib/rules');

/** As the app's own synthesis calls it. */
const PLUGIN = 'CloudFormation-Validate';

/**
 * Runs CloudFormation's validator over the templates of an assembly, with the CDK's rules and the store's own.
 * The synthesis does the same; an assembly that is taken as it is may have been changed since.
 */
export function validatorFindings(folder: string, rules = RULES): Finding[] {
  const stacks = openAssembly(folder).stacksRecursively;
  const plugin = new CloudFormationValidatePlugin({ regoRules: ownRules(rules) });
  const { violations } = plugin.validate({
    appConstruct: new App(),
    templatePaths: stacks.map(({ templateFullPath }) => templateFullPath),
    stackTemplates: stacks.map(({ hierarchicalId, templateFullPath, environment }) => ({
      stackConstructPath: hierarchicalId,
      templatePath: templateFullPath,
      accountId: undefined,
      region: environment.region,
    })),
  });
  return violations
    .filter(({ severity }) => severity === 'error' || severity === 'fatal')
    .flatMap(({ ruleName, description, fix, violatingResources }) =>
      violatingResources.flatMap(({ resourceLogicalId, templatePath, locations }) => {
        const stack = stacks.find(({ templateFullPath }) => templateFullPath === templatePath);
        const { Resources = {} } = (stack?.template ?? {}) as Template;
        const resource = resourceLogicalId === undefined ? undefined : Resources[resourceLogicalId];
        if (stack && isAcknowledged(stack, ruleName, resourceLogicalId)) return [];
        const name = stack?.stackName ?? templatePath ?? '';
        return [
          {
            where: resource && resourceLogicalId !== undefined ? described(name, resourceLogicalId, resource) : name,
            what: description,
            why: `Rule ${ruleName} of the template validator${locations.length > 0 ? `, at ${locations.join(', ')}` : ''}.`,
            instead: fix === undefined ? ['Change the construct that makes the template.'] : [fix],
          },
        ];
      }),
    );
}

const ownRules = (folder: string) => {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.rego')).sort();
    return names.map((name) => ({ name, content: readFileSync(join(folder, name), 'utf8') }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
};

/** Whether the app said why a rule does not hold there: `Validations.of(scope).acknowledge()` is metadata of the scope. */
function isAcknowledged(stack: CloudFormationStackArtifact, rule: string, logicalId: string | undefined): boolean {
  const path = stack.findMetadataByType('aws:cdk:logicalId').find(({ data }) => data === logicalId)?.path ?? `/${stack.hierarchicalId}`;
  return stack
    .findMetadataByType('aws:cdk:acknowledged-rules')
    .filter((scope) => path === scope.path || path.startsWith(`${scope.path}/`))
    .some(({ data }) => Object.keys(data ?? {}).some((id) => id === rule || id === `${PLUGIN}::${rule}`));
}
