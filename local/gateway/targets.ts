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
  /** The keys and items that it names. A Query names its key in a condition. */
  keys?: readonly AttributeMap[];
}

export type AttributeMap = Readonly<Record<string, AttributeValue>>;

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
  // By the operation, whatever else the request holds: an engine does not look at what the operation does not have.
  switch (operation) {
    case 'TransactGetItems':
    case 'TransactWriteItems':
      return (request.TransactItems ?? []).flatMap((item) =>
        Object.entries(item).map(([kind, { TableName, Key, Item }]) => ({
          action: TRANSACT_ACTIONS[kind] ?? kind,
          table: TableName,
          keys: given(kind === 'Put' ? Item : Key),
        })),
      );
    case 'BatchGetItem':
    case 'BatchWriteItem':
      return Object.entries(request.RequestItems ?? {}).map(([table, part]) => ({ action: operation, table, keys: keysOfBatch(part) }));
    case 'ExecuteStatement':
    case 'BatchExecuteStatement':
    case 'ExecuteTransaction':
      return statementsOf(operation, request).map((statement) => ({
        action: PARTIQL_ACTIONS[statement.kind],
        table: statement.table,
        ...(statement.index !== undefined && { index: statement.index }),
        statement,
      }));
    default: {
      const { TableName, ResourceArn, StreamArn, IndexName, Key, Item } = request;
      const table = TableName ?? ResourceArn ?? StreamArn;
      return [{ action: operation, table, ...(IndexName !== undefined && { index: IndexName }), keys: given(operation === 'PutItem' ? Item : Key) }];
    }
  }
}

const given = (...keys: (AttributeMap | undefined)[]): AttributeMap[] => keys.filter((key) => key !== undefined);

const keysOfBatch = (part: BatchPart): readonly AttributeMap[] =>
  Array.isArray(part) ? part.flatMap(({ PutRequest, DeleteRequest }) => given(PutRequest?.Item, DeleteRequest?.Key)) : (part.Keys ?? []);

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

function statementsOf(operation: string, { Statement, Parameters, Statements = [], TransactStatements = [] }: Request): Statement[] {
  const entries = operation === 'ExecuteStatement' ? [{ Statement, Parameters }] : operation === 'ExecuteTransaction' ? TransactStatements : Statements;
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
  Key?: AttributeMap;
  Item?: AttributeMap;
  RequestItems?: Record<string, BatchPart>;
  TransactItems?: Record<string, { TableName: string; Key?: AttributeMap; Item?: AttributeMap }>[];
  Statements?: StatementRequest[];
  TransactStatements?: StatementRequest[];
}

/** What a BatchGetItem or a BatchWriteItem does in one table. */
type BatchPart = { Keys?: readonly AttributeMap[] } | { PutRequest?: { Item: AttributeMap }; DeleteRequest?: { Key: AttributeMap } }[];

interface StatementRequest {
  Statement?: string | undefined;
  Parameters?: AttributeValue[] | undefined;
}
