import type { TableSchema } from './constructs/model-table';

/**
 * The regions that a table with multi-region strong consistency (MRSC) can have: all of one set.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
 */
const REGION_SETS: Readonly<Record<string, readonly string[]>> = {
  'United States': ['us-east-1', 'us-east-2', 'us-west-2'],
  Europe: ['eu-central-1', 'eu-west-1', 'eu-west-2', 'eu-west-3'],
  'Asia Pacific': ['ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3'],
};

/**
 * Why AWS refuses multi-region strong consistency for tables; empty where it takes them.
 * @param tables the keys and indexes of each table, by its name
 */
export function reasonsAgainstStrong(regions: readonly string[], tables: Readonly<Record<string, TableSchema>>): string[] {
  const reasons: string[] = [];
  const sets = Object.entries(REGION_SETS).map(([name, set]) => `${name}: ${set.join(', ')}`);
  if (!Object.values(REGION_SETS).some((set) => regions.every((region) => set.includes(region)))) {
    reasons.push(`the regions ${regions.join(', ')} are not all in one of its region sets (${sets.join('; ')})`);
  }
  if (regions.length !== 3) reasons.push(`it takes three regions, and ${regions.length === 1 ? 'this is one' : `these are ${regions.length}`}`);
  for (const [name, { timeToLiveAttribute, localSecondaryIndexes }] of Object.entries(tables)) {
    if (timeToLiveAttribute !== undefined) reasons.push(`the table ${name} has TTL (${timeToLiveAttribute}), which it excludes`);
    if (localSecondaryIndexes.length > 0) {
      reasons.push(`the table ${name} has local secondary indexes (${localSecondaryIndexes.map(({ indexName }) => indexName).join(', ')}), which it excludes`);
    }
  }
  return reasons;
}
