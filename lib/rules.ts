import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(__dirname, 'rules');

/** One file of rules in Rego, as the CloudFormation validator takes it. */
export interface RuleFile {
  name: string;
  content: string;
}

/**
 * The project's own rules over its templates: what neither the validator's own rules nor cdk-nag see.
 *
 * A rule about regions compares with that of the stack, so whoever runs the rules tells it (`region` of a stack template).
 *
 * https://github.com/aws-cloudformation/cloudformation-validate says what a rule in Rego sees and gives back.
 */
export function ruleFiles(): RuleFile[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.rego'))
    .sort()
    .map((name) => ({ name, content: readFileSync(join(FOLDER, name), 'utf8') }));
}
