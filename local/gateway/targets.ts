import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { readStatement, type Statement } from '../partiql/statement';
import { ACCOUNT_ID } from '../resolve';
import type { Call } from './call';

/** One thing that a call does: an action, as IAM names it, on a table or an index. */
export interface Target {
  action: string;
  /** Its name or ARN; undefined for a call that is about no table. */
  table: string | undefined;
  index?: string;
  /** The PartiQL statement that does it. */
  statement?: Statement;
}

const TRANSACT_ACTIONS: Readonly<Record<string, string>> = {
  Get: 'GetItem',
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
};

const PARTIQL_ACTIONS = { SELECT: 'PartiQLSelect', INSERT: 'PartiQLInsert', UPDATE: 'PartiQLUpdate', DELETE: 'PartiQLDelete' };

const WRITES = new Set(['BatchWriteItem', 'DeleteItem', 'PartiQLDelete', 'PartiQLInsert', 'PartiQLUpdate', 'PutItem', 'UpdateItem']);

/**
 * What a call does: one target per item of a transaction, per table of a batch, per PartiQL statement.
 * @throws PartiqlError for a statement that is none
 */
export function targetsOf({ operation, input }: Pick<Call, 'operation' | 'input'>): Target[] {
  const request = input as Request;
  if (request.TransactItems) {
    return request.TransactItems.flatMap((item) =>
      Object.entries(item).map(([kind, { TableName }]) => ({ action: TRANSACT_ACTIONS[kind] ?? kind, table: TableName })),
    );
  }
  if (operation === 'BatchGetItem' || operation === 'BatchWriteItem') {
    return Object.keys(request.RequestItems ?? {}).map((table) => ({ action: operation, table }));
  }
  const statements = statementsOf(request);
  if (statements.length > 0) {
    return statements.map((statement) => ({
      action: PARTIQL_ACTIONS[statement.kind],
      table: statement.table,
      ...(statement.index !== undefined && { index: statement.index }),
      statement,
    }));
  }
  const table = request.TableName ?? request.ResourceArn ?? request.StreamArn;
  return [{ action: operation, table, ...(request.IndexName !== undefined && { index: request.IndexName }) }];
}

/** The same, or nothing of a malformed call: the engine will refuse it. */
export function targetsIfReadable(call: Pick<Call, 'operation' | 'input'>): Target[] {
  try {
    return targetsOf(call);
  } catch {
    return [];
  }
}

/** Whether anything that the call does is a write. */
export const isWrite = (call: Pick<Call, 'operation' | 'input'>): boolean =>
  targetsIfReadable(call).some(({ action }) => WRITES.has(action));

function statementsOf(input: Request): Statement[] {
  const { Statement, Parameters, Statements, TransactStatements } = input;
  const entries = Statements ?? TransactStatements ?? (Statement === undefined ? [] : [{ Statement, Parameters }]);
  return entries.map((entry) => readStatement(entry.Statement ?? '', entry.Parameters));
}

/** The ARN of a target, or `*` for what is about no table. */
export function arnOf({ table, index }: Pick<Target, 'table' | 'index'>, region: string): string {
  if (table === undefined) return '*';
  const arn = table.startsWith('arn:') ? table : `arn:aws:dynamodb:${region}:${ACCOUNT_ID}:table/${table}`;
  return index === undefined ? arn : `${arn}/index/${index}`;
}

/** The members of requests that say what is done where. */
interface Request extends StatementRequest {
  TableName?: string;
  IndexName?: string;
  ResourceArn?: string;
  StreamArn?: string;
  RequestItems?: Record<string, unknown>;
  TransactItems?: Record<string, { TableName: string }>[];
  Statements?: StatementRequest[];
  TransactStatements?: StatementRequest[];
}

interface StatementRequest {
  Statement?: string;
  Parameters?: AttributeValue[];
}
