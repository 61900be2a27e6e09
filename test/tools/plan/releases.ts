import { readStacks, type Stack } from '../../../tools/plan/assembly';
import { type Release, releaseOf, type Resource } from '../../../tools/plan/release';
import { compareReleases } from '../../../tools/plan/resource-changes';
import type { TableProperties } from '../../../tools/plan/table-changes';
import { assemblyOf } from '../../support/synthesize-once';

/** The stacks of the store as it is, each call its own copy. */
export const storeStacks = (): Stack[] => structuredClone(readStacks(assemblyOf('per-domain')));

/** What a comparison finds and notes of one change of the store, as `where: what`, `why` and what to do. */
export function afterChange(change: (release: Release) => void, prepare: (release: Release) => void = () => {}) {
  const before = releaseOf(storeStacks());
  prepare(before);
  const after = structuredClone(before);
  change(after);
  return compareReleases(before, after);
}

/** The resources of a stack of the store that are of a type, by logical id. */
export function resourcesIn(release: Release, stack: string, type: string): [logicalId: string, resource: Resource][] {
  return Object.entries(release.stacks[stack]!.resources).filter(([, { Type }]) => Type === type);
}

/** A table of the store, to be changed. */
export function tableIn(release: Release, name: string): TableProperties & Record<string, unknown> {
  const [, table] = resourcesIn(release, 'Data', 'AWS::DynamoDB::GlobalTable').find(([, { Properties }]) => Properties?.TableName === name)!;
  return table.Properties as TableProperties & Record<string, unknown>;
}

export const orders = (release: Release) => tableIn(release, 'store-dev-Orders');
