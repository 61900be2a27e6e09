import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemblyOf, type Layout } from './synthesize-once';

export interface TemplateResource {
  Type: string;
  Properties: Record<string, unknown>;
  DeletionPolicy?: string;
}

export interface Template {
  Resources: Record<string, TemplateResource>;
}

export const STACKS = ['Data', 'Api', 'Access', 'Events', 'Observability'] as const;

/** A synthesized template, as `cdk deploy` would send it. */
export const templateOf = (layout: Layout, stack: (typeof STACKS)[number]): Template =>
  JSON.parse(readFileSync(join(assemblyOf(layout), `${stack}.template.json`), 'utf8')) as Template;

/** All resources of a type, over all stacks. */
export const resourcesOf = (layout: Layout, type: string): TemplateResource[] =>
  STACKS.flatMap((stack) => Object.values(templateOf(layout, stack).Resources)).filter(({ Type }) => Type === type);

/** The template without what changes with every line of code: asset hashes. */
export function normalised(template: Template): Template {
  return JSON.parse(JSON.stringify(template).replace(/[0-9a-f]{64}/g, '<asset>')) as Template;
}
