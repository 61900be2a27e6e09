import type { Stack } from './assembly';

/** A value of a template as text: `${X.Arn}` for what only CloudFormation knows. */
export function asText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value ?? '');
  const [[name, argument] = ['', undefined]] = Object.entries(value) as [string, unknown][];
  switch (name) {
    case 'Ref':
      return `\${${asText(argument)}}`;
    case 'Fn::GetAtt':
      return `\${${Array.isArray(argument) ? argument.map(asText).join('.') : asText(argument)}}`;
    case 'Fn::Join': {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map(asText).join(separator);
    }
    case 'Fn::Sub':
      return asText(Array.isArray(argument) ? argument[0] : argument);
    default:
      return JSON.stringify(value);
  }
}

export interface Attribute {
  stack: Stack;
  logicalId: string;
  attribute: string;
}

/** The attribute that a value stands for, through the outputs of other stacks; undefined where it is another value. */
export function attributeOf(value: unknown, stack: Stack, stacks: readonly Stack[]): Attribute | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const intrinsic = value as {
    'Fn::GetAtt'?: [string, string] | string;
    'Fn::GetStackOutput'?: { StackName: unknown; OutputName: string; Region?: unknown };
    'Fn::ImportValue'?: unknown;
  };
  const reference = intrinsic['Fn::GetAtt'];
  if (reference !== undefined) {
    const [logicalId = '', ...attribute] = typeof reference === 'string' ? reference.split('.') : reference;
    return { stack, logicalId, attribute: attribute.join('.') };
  }
  const output = intrinsic['Fn::GetStackOutput'];
  if (output !== undefined) {
    const owner = stacks.find(({ name, region }) => name === output.StackName && region === (output.Region ?? stack.region));
    return owner && attributeOf(owner.template.Outputs?.[output.OutputName]?.Value, owner, stacks);
  }
  const name = intrinsic['Fn::ImportValue'];
  if (name === undefined) return undefined;
  for (const owner of stacks.filter(({ region }) => region === stack.region)) {
    const exported = Object.values(owner.template.Outputs ?? {}).find(({ Export }) => Export?.Name === name);
    if (exported) return attributeOf(exported.Value, owner, stacks);
  }
  return undefined;
}
