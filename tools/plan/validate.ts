import { setFlagsFromString } from 'node:v8';
import { App, CloudFormationValidatePlugin } from 'aws-cdk-lib';
import type { CloudFormationStackArtifact } from 'aws-cdk-lib/cx-api';
import { ruleFiles } from '../../lib/rules';
import { openAssembly, type Template } from './assembly';
import type { Finding } from './finding';
import { described } from './stateful';

// As in cdk.json: V8 would compile the validator's WebAssembly a second time, for a speed that one run never earns back.
setFlagsFromString('--liftoff-only');

/** As the app's own synthesis calls it. */
const PLUGIN = 'CloudFormation-Validate';

/**
 * Runs CloudFormation's validator over the templates of an assembly, with the CDK's rules and the store's own.
 * The synthesis does the same; an assembly that is taken as it is may have been changed since.
 */
export function validatorFindings(folder: string): Finding[] {
  const stacks = openAssembly(folder).stacksRecursively;
  return violationsOf(stacks)
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

function violationsOf(stacks: readonly CloudFormationStackArtifact[]) {
  const plugin = new CloudFormationValidatePlugin({ regoRules: ruleFiles() });
  try {
    return plugin.validate({
      appConstruct: new App(),
      templatePaths: stacks.map(({ templateFullPath }) => templateFullPath),
      stackTemplates: stacks.map(({ hierarchicalId, templateFullPath, environment }) => ({
        stackConstructPath: hierarchicalId,
        templatePath: templateFullPath,
        accountId: undefined,
        region: environment.region,
      })),
    }).violations;
  } finally {
    // The memory of its WebAssembly is out of the garbage collector's reach.
    plugin._dispose();
  }
}

/** Whether the app said why a rule does not hold there: `Validations.of(scope).acknowledge()` is metadata of the scope. */
function isAcknowledged(stack: CloudFormationStackArtifact, rule: string, logicalId: string | undefined): boolean {
  const path = stack.findMetadataByType('aws:cdk:logicalId').find(({ data }) => data === logicalId)?.path ?? `/${stack.hierarchicalId}`;
  return stack
    .findMetadataByType('aws:cdk:acknowledged-rules')
    .filter((scope) => path === scope.path || path.startsWith(`${scope.path}/`))
    .some(({ data }) => Object.keys(data ?? {}).some((id) => id === rule || id === `${PLUGIN}::${rule}`));
}
