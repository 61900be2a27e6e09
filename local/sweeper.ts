import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Clock } from './clock';
import { ApiError, callApi } from './engine/api';
import type { Engine } from './engine/engine';
import type { GlobalTable } from './tables';

/** DynamoDB ignores a TTL of more than five years ago: such a number was hardly meant as one. */
const FIVE_YEARS_SECONDS = 5 * 365 * 24 * 60 * 60;

/**
 * Deletes what has expired, as DynamoDB's TTL does: items whose TTL attribute is a Number of epoch seconds in the past.
 * The delete is conditional, so an item whose time was moved since the scan stays.
 *
 * @returns how many items it deleted
 */
export async function sweep(engine: Engine, table: GlobalTable, clock: Clock): Promise<number> {
  const attribute = table.TimeToLiveSpecification?.Enabled && table.TimeToLiveSpecification.AttributeName;
  if (!attribute) return 0;
  const now = Math.floor(clock.now() / 1_000);
  const keys = (table.KeySchema ?? []).map(({ AttributeName }) => AttributeName as string);
  const isExpired = {
    ExpressionAttributeNames: { '#ttl': attribute },
    ExpressionAttributeValues: { ':now': { N: String(now) }, ':old': { N: String(now - FIVE_YEARS_SECONDS) } },
  };
  const condition = '#ttl <= :now AND #ttl > :old';
  const { TableName } = table;
  let deleted = 0;
  let start: Item | undefined;
  do {
    const page: { Items: Item[]; LastEvaluatedKey?: Item } = await callApi(engine, 'Scan', {
      ...isExpired,
      TableName,
      FilterExpression: condition,
      // Without a limit a scan of a large table is slow on every engine, and holds up its other callers.
      Limit: 500,
      ...(start && { ExclusiveStartKey: start }),
    });
    for (const item of page.Items) {
      const Key = Object.fromEntries(keys.map((name) => [name, item[name]]));
      try {
        await engine.expire(TableName, Key, () =>
          callApi(engine, 'DeleteItem', { ...isExpired, TableName, Key, ConditionExpression: condition }),
        );
        deleted++;
      } catch (error) {
        if (!(error instanceof ApiError && error.name === 'ConditionalCheckFailedException')) throw error;
      }
    }
    start = page.LastEvaluatedKey;
  } while (start);
  return deleted;
}

type Item = Record<string, AttributeValue>;
