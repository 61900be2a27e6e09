import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import { UserError } from '../user-error';
import { readStacks, type Stack } from './assembly';
import { isStateful, isTable } from './stateful';

export interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

export interface ReleasedStack {
  stackName: string;
  region: string;
  /** The stateful ones, by logical id. */
  resources: Record<string, Resource>;
}

/** What a comparison needs of a deployed assembly: its stacks by artifact id. */
export interface Release {
  stacks: Record<string, ReleasedStack>;
  /** Over how many shards functions write and read; absent where none does. */
  statusShards?: number;
}

const resource = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).optional(),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
});

const baseline = z.object({
  statusShards: z.int().optional(),
  stacks: z.record(
    z.string(),
    z.object({ stackName: z.string(), region: z.string(), resources: z.record(z.string(), resource) }),
  ),
});

const keySchema = z.array(z.looseObject({ AttributeName: z.string(), KeyType: z.string() }));
const index = z.looseObject({ IndexName: z.string(), KeySchema: keySchema, Projection: z.looseObject({}).optional() });

/** What a comparison looks into, of a table. */
const table = z.looseObject({
  AttributeDefinitions: z.array(z.looseObject({ AttributeName: z.string(), AttributeType: z.string() })).optional(),
  KeySchema: keySchema.optional(),
  GlobalSecondaryIndexes: z.array(index).optional(),
  LocalSecondaryIndexes: z.array(index).optional(),
  Replicas: z.array(z.looseObject({ Region: z.string() })).optional(),
  StreamSpecification: z.looseObject({}).optional(),
  TimeToLiveSpecification: z.looseObject({}).optional(),
  WarmThroughput: z.looseObject({}).optional(),
});

/** @throws UserError for a table that cannot be compared: misshapen, or with an intrinsic function where a value should be */
function requireTables({ stacks }: Release): void {
  for (const { stackName, resources } of Object.values(stacks)) {
    for (const [logicalId, { Type, Properties }] of Object.entries(resources)) {
      const [issue] = (isTable(Type) ? table.safeParse(Properties ?? {}).error?.issues : undefined) ?? [];
      if (!issue) continue;
      throw new UserError(
        `The table ${logicalId} of ${stackName} cannot be compared: ${issue.path.join('.')}: ${issue.message}. ` +
          'The plan reads keys, indexes and replicas as they are written out, without intrinsic functions.',
      );
    }
  }
}

const template = z.object({ Resources: z.record(z.string(), z.looseObject({ Type: z.string() })) });

/** The release that an assembly would be. @throws UserError for a table that cannot be compared */
export function releaseOf(stacks: readonly Stack[]): Release {
  const statusShards = Math.max(...stacks.flatMap(({ template: { Resources = {} } }) => Object.values(Resources).map(shardsOf)));
  const release = {
    ...(statusShards > 0 && { statusShards }),
    stacks: Object.fromEntries(
      stacks.map(({ id, name, region, template: { Resources = {} } }) => [
        id,
        { stackName: name, region, resources: statefulOf(Resources) },
      ]),
    ),
  };
  requireTables(release);
  return release;
}

/** 0 for what is no function, and for one that has no shards. */
function shardsOf({ Properties = {} }: Resource): number {
  const { Variables } = (Properties.Environment ?? {}) as { Variables?: { STATUS_SHARDS?: unknown } };
  return Number(Variables?.STATUS_SHARDS ?? 0) || 0;
}

function statefulOf(resources: Readonly<Record<string, Resource>>): Record<string, Resource> {
  return Object.fromEntries(
    Object.entries(resources)
      .filter(([, { Type }]) => isStateful(Type))
      .map(([logicalId, { Type, Properties, DeletionPolicy, UpdateReplacePolicy }]) => [
        logicalId,
        {
          Type,
          ...(Properties && { Properties: withoutAssets(Properties) }),
          ...(DeletionPolicy !== undefined && { DeletionPolicy }),
          ...(UpdateReplacePolicy !== undefined && { UpdateReplacePolicy }),
        },
      ]),
  );
}

/** Asset hashes change with every line of code. */
const withoutAssets = (properties: Record<string, unknown>) =>
  JSON.parse(JSON.stringify(properties).replace(/[0-9a-f]{64}/g, '<asset>')) as Record<string, unknown>;

/** The baseline file: the same text for the same release, whatever the order in which its templates were made. */
export const baselineText = (release: Release): string => `${JSON.stringify(sorted(release), null, 2)}\n`;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child)]));
}

/**
 * What was released, from a baseline file, one CloudFormation template (JSON), or the folder of a cloud assembly.
 * @param now the stacks that a single template may be of
 * @throws UserError naming the file and what to do
 */
export function readRelease(path: string, now: readonly Stack[]): Release {
  requireBaseline(path);
  if (statSync(path).isDirectory()) return releaseOf(readStacks(path));
  const content = parsed(path);
  const ours = baseline.safeParse(content);
  if (ours.success) {
    if (Object.keys(ours.data.stacks).length === 0) throw new UserError(`${path} is of no stack. Write it from what is deployed: npm run plan -- --release --baseline ${path}`);
    requireTables(ours.data as Release);
    return ours.data as Release;
  }
  const one = template.safeParse(content);
  if (one.success) return releaseOf([{ ...stackOfTemplate(path, one.data.Resources, now), template: one.data as Stack['template'] }]);
  const isOurs = typeof content === 'object' && content !== null && 'stacks' in content;
  const [issue] = (isOurs ? ours.error : one.error).issues;
  throw new UserError(
    `${path} is no baseline: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}. ` +
      'It is what --release wrote, a CloudFormation template (JSON with Resources), or a cloud assembly (cdk.out).',
  );
}

/** @throws UserError where there is none */
export function requireBaseline(path: string): void {
  if (existsSync(path)) return;
  throw new UserError(`There is no baseline ${path}. Write one from what is deployed: npm run plan -- --release --baseline ${path}`);
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(
      `${path} cannot be read as JSON (${(error as Error).message.replaceAll(/\s+/g, ' ')}). ` +
        'It is what --release wrote, a CloudFormation template (JSON with Resources), or a cloud assembly (cdk.out).',
    );
  }
}

/** By its file name, as the CDK names it; otherwise the stack that has the most of its logical ids. */
function stackOfTemplate(path: string, resources: object, now: readonly Stack[]): Stack {
  const named = now.find(({ id }) => basename(path) === `${id}.template.json`);
  if (named) return named;
  const shared = ({ template: { Resources = {} } }: Stack) => Object.keys(resources).filter((logicalId) => logicalId in Resources).length;
  const [closest] = [...now].sort((a, b) => shared(b) - shared(a));
  if (closest && shared(closest) > 0) return closest;
  throw new UserError(
    `${path} shares no logical id with a stack of the app (${now.map(({ id }) => id).join(', ')}): it is the template of none of them.`,
  );
}
