import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from './contexts';
import { MESSAGES, type Message, NAG, type Nagged } from './synthesize';
import { assemblyWith } from './synthesize-once';
import type { STACKS, Template } from './templates';

/** The templates of an app by the ids of their stacks: `Api-eu-west-1` is the API of another region. */
export type Templates = Record<
  (typeof STACKS)[number] | 'Keys' | 'Cache' | `${'Api' | 'Keys' | 'Observability'}-${'us-east-1' | 'eu-west-1' | 'ap-southeast-1'}`,
  Template
>;

const read = (context: Context, file: string): unknown => JSON.parse(readFileSync(join(assemblyWith(context), file), 'utf8'));

interface Artifact {
  type: string;
  dependencies?: string[];
  environment?: string;
  properties?: { stackName: string };
}

export interface SynthesizedStack {
  id: string;
  /** That of CloudFormation. */
  name: string;
  region: string;
  /** The ids of the stacks that are deployed before it. */
  dependencies: string[];
  template: Template;
}

/** The stacks that the app has with some CDK context, in their order. Each call reads them again, so a test may change its own. */
export function synthesized(context: Context): SynthesizedStack[] {
  const { artifacts } = read(context, 'manifest.json') as { artifacts: Record<string, Artifact> };
  const isStack = (id: string) => artifacts[id]?.type === 'aws:cloudformation:stack';
  return Object.entries(artifacts)
    .filter(([id]) => isStack(id))
    .map(([id, { dependencies = [], environment = '', properties }]) => ({
      id,
      name: String(properties?.stackName),
      region: environment.split('/').at(-1) as string,
      dependencies: dependencies.filter(isStack),
      template: read(context, `${id}.template.json`) as Template,
    }));
}

/** Their templates. */
export const stacksOf = (context: Context): Templates =>
  Object.fromEntries(synthesized(context).map(({ id, template }) => [id, template])) as Templates;

/** What the synth says: warnings and errors. */
export const messagesOf = (context: Context): Message[] => read(context, MESSAGES) as Message[];

/** What cdk-nag finds, for a context of `NAGGED`. */
export const naggedOf = (context: Context): Nagged => read(context, NAG) as Nagged;
