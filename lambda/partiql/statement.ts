import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, ExecuteStatementCommand, ExecuteTransactionCommand } from '@aws-sdk/lib-dynamodb';
import { type CancellationReason, requireTransactionSize, untilKnown } from '#shared/transact';

/**
 * One PartiQL statement: values only ever as parameters, names quoted, since `name`, `status` and many others are
 * reserved words.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
 */
export interface Statement {
  Statement: string;
  Parameters: unknown[];
}

/** `INSERT` of a whole item with its keys. DynamoDB refuses one that is there as a duplicate. */
export function insert(table: string, item: Record<string, unknown>): Statement {
  const entries = Object.entries(item).filter(([, value]) => value !== undefined);
  const tuple = entries.map(([name]) => `'${name}': ?`).join(', ');
  return { Statement: `INSERT INTO ${quote(table)} VALUE {${tuple}}`, Parameters: entries.map(([, value]) => value) };
}

/** `UPDATE` of the item with this key, where these attributes are as given; `removed` are taken out of it. */
export function update(
  table: string,
  set: Record<string, unknown>,
  key: Key,
  where: Record<string, unknown> = {},
  removed: readonly string[] = [],
): Statement {
  const clauses = [...Object.keys(set).map((name) => `SET ${quote(name)} = ?`), ...removed.map((name) => `REMOVE ${quote(name)}`)];
  return {
    Statement: `UPDATE ${quote(table)} ${clauses.join(' ')} WHERE ${equals({ ...key, ...where })}`,
    Parameters: [...Object.values(set), ...Object.values(key), ...Object.values(where)],
  };
}

/** `DELETE` of the item with this key, where these attributes are as given. */
export function remove(table: string, key: Key, where: Record<string, unknown> = {}): Statement {
  return {
    Statement: `DELETE FROM ${quote(table)} WHERE ${equals({ ...key, ...where })}`,
    Parameters: [...Object.values(key), ...Object.values(where)],
  };
}

/** The primary key of an item, as the model composes it. */
export interface Key {
  pk: string;
  sk: string;
}

export const quote = (name: string) => `"${name}"`;

const equals = (attributes: Record<string, unknown>) =>
  Object.keys(attributes)
    .map((name) => `${quote(name)} = ?`)
    .join(' AND ');

/** @throws Error for a statement without its partition key: a SELECT would then read the whole table */
export function requirePartitionKey({ Statement }: Statement): void {
  const isKeyed = Statement.startsWith('INSERT ') || (/ WHERE "pk" = \?( AND |$)/.test(Statement) && !/ OR /i.test(Statement));
  if (!isKeyed) throw new Error(`The statement names no partition key, so it would scan: ${Statement}`);
}

/** One page of a SELECT, strongly consistent. */
export async function select(
  client: DynamoDBDocumentClient,
  statement: Statement,
  { limit, nextToken }: { limit: number; nextToken: string | undefined },
) {
  requirePartitionKey(statement);
  const { Items = [], NextToken } = await client.send(
    new ExecuteStatementCommand({ ...statement, Limit: limit, NextToken: nextToken, ConsistentRead: true }),
  );
  return { items: Items, nextToken: NextToken };
}

/**
 * Executes statements that write as one transaction, until its outcome is known.
 * @param deadline epoch milliseconds
 * @returns null when written, else one reason per statement: `None`, `ConditionalCheckFailed` or `DuplicateItem`
 * @throws Problem as `untilKnown`, and `transaction-too-large` before anything is sent
 */
export async function execute(
  client: DynamoDBDocumentClient,
  statements: Statement[],
  deadline: number,
): Promise<CancellationReason[] | null> {
  for (const statement of statements) requirePartitionKey(statement);
  requireTransactionSize(statements.map(({ Parameters }) => [{ ExpressionAttributeValues: { ...Parameters } }]));
  return untilKnown(async (ClientRequestToken) => {
    try {
      await client.send(new ExecuteTransactionCommand({ TransactStatements: statements, ClientRequestToken }));
      return null;
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      return (error.CancellationReasons ?? []).map(({ Code = 'None', Message }) => ({ code: Code, message: Message }));
    }
  }, deadline);
}
