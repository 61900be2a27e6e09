import type { CreateTableCommandInput, GlobalSecondaryIndex, TableDescription } from '@aws-sdk/client-dynamodb';
import { ApiError, callApi } from './engine/api';
import type { Engine } from './engine/engine';
import { areIndexesReady, indexUpdate, keysOf, updateIndex, withUpdate } from './index-update';
import { UserError } from './user-error';

/** The properties of an AWS::DynamoDB::GlobalTable that a table on one machine has. */
export interface GlobalTable {
  TableName: string;
  AttributeDefinitions: CreateTableCommandInput['AttributeDefinitions'];
  KeySchema: CreateTableCommandInput['KeySchema'];
  GlobalSecondaryIndexes?: GlobalSecondaryIndex[];
  LocalSecondaryIndexes?: CreateTableCommandInput['LocalSecondaryIndexes'];
  StreamSpecification?: { StreamViewType: 'NEW_AND_OLD_IMAGES' | 'NEW_IMAGE' | 'OLD_IMAGE' | 'KEYS_ONLY' };
  TimeToLiveSpecification?: { Enabled: boolean; AttributeName?: string };
  Replicas?: { Region: string; DeletionProtectionEnabled?: boolean; KinesisStreamSpecification?: { StreamArn: string } }[];
}

/**
 * Creates the table that a template describes, unless it is there. One that lacks a global index, or has one too many, is
 * updated as a deployment would update it.
 *
 * The table is on-demand whatever the template says: no engine throttles.
 *
 * @param withStream false for a copy whose changes nobody is to hear of
 * @param onUpdate told before a table that is there is changed, which takes as long as it has items
 * @returns the ARN of its stream; undefined where it has none
 * @throws UserError when there is a table of this name with other keys, indexes or stream records
 */
export async function ensureTable(
  engine: Engine,
  table: GlobalTable,
  withStream: boolean,
  onUpdate: (text: string) => void = () => {},
): Promise<string | undefined> {
  const { TableName } = table;
  const stream = withStream && table.StreamSpecification ? { StreamSpecification: { StreamEnabled: true, ...table.StreamSpecification } } : {};
  // One table stands for all replicas; a copy needs no protection.
  const protection = { DeletionProtectionEnabled: withStream && (table.Replicas?.some(({ DeletionProtectionEnabled }) => DeletionProtectionEnabled) ?? false) };
  let existing = await describe(engine, TableName);
  if (existing) {
    // The last process may have ended while an index was being filled.
    existing = await whenReady(engine, TableName);
    const update = indexUpdate(existing, table);
    if (update && shape(withUpdate(existing, update)) === shape(table)) {
      const { Create, Delete } = update;
      onUpdate(Create ? `Filling the new index ${Create.IndexName} of ${TableName} ...` : `Removing the index ${Delete?.IndexName} of ${TableName} ...`);
      await updateIndex(engine, table, update);
      existing = await whenReady(engine, TableName);
    }
    const had = existing.StreamSpecification?.StreamEnabled ? existing.StreamSpecification.StreamViewType : undefined;
    const isOther = had !== undefined && stream.StreamSpecification && had !== stream.StreamSpecification.StreamViewType;
    if (shape(existing) !== shape(table) || isOther) {
      throw new UserError(
        `The table ${TableName} of an earlier start has other keys, indexes or stream records than the template now. ` +
          'Start with --fresh to begin with empty tables.',
      );
    }
    if ((existing.DeletionProtectionEnabled ?? false) !== protection.DeletionProtectionEnabled) {
      await callApi(engine, 'UpdateTable', { TableName, ...protection });
    }
    if (had !== undefined || !stream.StreamSpecification) return existing.LatestStreamArn;
    await callApi(engine, 'UpdateTable', { TableName, ...stream });
    return (await describe(engine, TableName))?.LatestStreamArn;
  }
  await callApi(engine, 'CreateTable', {
    TableName,
    AttributeDefinitions: table.AttributeDefinitions,
    KeySchema: table.KeySchema,
    BillingMode: 'PAY_PER_REQUEST',
    GlobalSecondaryIndexes: table.GlobalSecondaryIndexes?.map(keysOf),
    LocalSecondaryIndexes: table.LocalSecondaryIndexes,
    ...protection,
    ...stream,
  });
  const created = await whenReady(engine, TableName);
  const { TimeToLiveSpecification: ttl } = table;
  if (ttl?.Enabled) {
    await callApi(engine, 'UpdateTimeToLive', {
      TableName,
      TimeToLiveSpecification: { Enabled: true, AttributeName: ttl.AttributeName },
    });
  }
  return created.LatestStreamArn;
}

const READY_MS = 120_000;

/** Waits until a table and its indexes can be used. @throws UserError when that takes too long */
async function whenReady(engine: Engine, TableName: string): Promise<TableDescription> {
  for (const end = Date.now() + READY_MS; Date.now() < end; await new Promise((done) => setTimeout(done, 20))) {
    const table = await describe(engine, TableName);
    if (table?.TableStatus === 'ACTIVE' && areIndexesReady(table)) return table;
  }
  throw new UserError(`The table ${TableName} is not ready after ${READY_MS / 1_000} s. Start with --fresh to begin with empty tables.`);
}

async function describe(engine: Engine, TableName: string): Promise<TableDescription | undefined> {
  try {
    return (await callApi<{ Table: TableDescription }>(engine, 'DescribeTable', { TableName })).Table;
  } catch (error) {
    if (error instanceof ApiError && error.name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/** Keys, indexes and projections as one comparable text. */
function shape(table: TableDescription | GlobalTable): string {
  const key = (schema: { AttributeName?: string; KeyType?: string }[] | undefined) =>
    (schema ?? []).map(({ AttributeName, KeyType }) => `${KeyType}:${AttributeName}`).sort();
  const index = (indexes: readonly GlobalSecondaryIndex[] | undefined) =>
    (indexes ?? [])
      .map(({ IndexName, KeySchema, Projection }) => [
        IndexName,
        key(KeySchema),
        Projection?.ProjectionType,
        [...(Projection?.NonKeyAttributes ?? [])].sort(),
      ])
      .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
  return JSON.stringify([key(table.KeySchema), index(table.GlobalSecondaryIndexes as GlobalSecondaryIndex[]), index(table.LocalSecondaryIndexes as GlobalSecondaryIndex[])]);
}
