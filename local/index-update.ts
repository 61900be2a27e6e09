import type { GlobalSecondaryIndex, GlobalSecondaryIndexUpdate, TableDescription } from '@aws-sdk/client-dynamodb';
import { callApi } from './engine/api';
import type { Engine } from './engine/engine';
import type { GlobalTable } from './tables';

/**
 * The one change of global indexes that brings a table to its template, as a deployment would make it; undefined where there
 * is none, or more than the one that DynamoDB takes in an update.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
 */
export function indexUpdate(existing: TableDescription, table: GlobalTable): GlobalSecondaryIndexUpdate | undefined {
  const before = existing.GlobalSecondaryIndexes ?? [];
  const after = table.GlobalSecondaryIndexes ?? [];
  const names = (indexes: readonly { IndexName?: string | undefined }[]) => new Set(indexes.map(({ IndexName }) => IndexName));
  const [had, has] = [names(before), names(after)];
  const updates: GlobalSecondaryIndexUpdate[] = [
    ...after.filter(({ IndexName }) => !had.has(IndexName)).map((index) => ({ Create: keysOf(index) })),
    ...before.filter(({ IndexName }) => !has.has(IndexName)).map(({ IndexName }) => ({ Delete: { IndexName } })),
  ];
  return updates.length === 1 ? updates[0] : undefined;
}

/** The table as it is after the change. */
export function withUpdate(existing: TableDescription, { Create, Delete }: GlobalSecondaryIndexUpdate): TableDescription {
  const others = (existing.GlobalSecondaryIndexes ?? []).filter(({ IndexName }) => IndexName !== Delete?.IndexName);
  return { ...existing, GlobalSecondaryIndexes: [...others, ...(Create ? [Create] : [])] };
}

/** Makes the change. An engine may go on filling a new index after it answered: `areIndexesReady` tells. */
export async function updateIndex(engine: Engine, { TableName, AttributeDefinitions }: GlobalTable, update: GlobalSecondaryIndexUpdate): Promise<void> {
  await callApi(engine, 'UpdateTable', { TableName, AttributeDefinitions, GlobalSecondaryIndexUpdates: [update] });
}

/** Whether every index holds what is in the table: a new one is filled first, and one that goes is still there for a while. */
export const areIndexesReady = ({ GlobalSecondaryIndexes = [] }: TableDescription): boolean =>
  GlobalSecondaryIndexes.every(({ IndexStatus }) => IndexStatus === 'ACTIVE');

/** What of a template's index the API takes: capacity is none of an engine's. */
export const keysOf = ({ IndexName, KeySchema, Projection }: GlobalSecondaryIndex): GlobalSecondaryIndex => ({
  IndexName,
  KeySchema,
  Projection,
});
