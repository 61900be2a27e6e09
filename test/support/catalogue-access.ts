import type { Call } from '../../local/gateway/call';
import { type EntityName, entity } from './samples';

/** The entity whose row lists a query over an item collection. */
const ROOTS: Record<string, EntityName> = { account: 'User', productFile: 'Product', orderFile: 'Order' };

const TRANSACT_ACTIONS: Record<string, string> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
};

type Attributes = Record<string, { S?: string }>;

/**
 * What a call does, as a row of the catalogue lists it: `Entity[.accessPattern] Action`. A role knows tables only, and
 * two entities of one table share what it allows; the keys in the call tell them apart.
 */
export function catalogueAccess({ operation, input }: Pick<Call, 'operation' | 'input'>): string[] {
  const call = input as {
    IndexName?: string;
    Key?: Attributes;
    Item?: Attributes;
    ExpressionAttributeValues?: Attributes;
    RequestItems?: Record<string, { Keys?: Attributes[] } | { PutRequest?: { Item: Attributes }; DeleteRequest?: { Key: Attributes } }[]>;
    TransactItems?: Record<string, { Key?: Attributes; Item?: Attributes }>[];
    Statement?: string;
    Parameters?: { S?: string }[];
    TransactStatements?: { Statement: string; Parameters: { S?: string }[] }[];
  };
  switch (operation) {
    case 'Query':
    case 'Scan':
      return [`${entityIn(call.ExpressionAttributeValues, call.IndexName)} ${operation}`];
    case 'BatchGetItem':
    case 'BatchWriteItem':
      return Object.values(call.RequestItems ?? {}).flatMap((part) =>
        (Array.isArray(part) ? part.map(({ PutRequest, DeleteRequest }) => PutRequest?.Item ?? DeleteRequest?.Key) : (part.Keys ?? [])).map(
          (item) => `${entityIn(item)} ${operation}`,
        ),
      );
    case 'TransactWriteItems':
      return (call.TransactItems ?? []).flatMap((action) =>
        Object.entries(action).map(([kind, { Key, Item }]) => `${entityIn(Item ?? Key)} ${TRANSACT_ACTIONS[kind]}`),
      );
    case 'ExecuteStatement':
    case 'ExecuteTransaction':
      return (call.TransactStatements ?? [{ Statement: call.Statement ?? '', Parameters: call.Parameters ?? [] }]).map(
        ({ Statement, Parameters }) => `${entityIn(Object.fromEntries(Parameters.entries()))} PartiQL${Statement[0]}${/\w+/.exec(Statement.slice(1))?.[0].toLowerCase()}`,
      );
    default:
      return [`${entityIn(call.Item ?? call.Key)} ${operation}`];
  }
}

/** The entity that a sort key among some values belongs to; with the access pattern that reads the index. */
function entityIn(values: Record<string, { S?: string }> = {}, index?: string): string {
  for (const { S: text = '' } of Object.values(values)) {
    const [, collection, name = ROOTS[collection ?? '']] = /^\$(?:([a-z]\w*)(?:#|$))?(?:([A-Z]\w*?)_\d+(?:#|$))?/.exec(text) ?? [];
    if (name === undefined) continue;
    if (index === undefined) return name;
    const patterns = Object.entries(entity(name as EntityName).schema.indexes);
    return `${name}.${patterns.find(([, definition]) => definition.index === index)?.[0]}`;
  }
  throw new Error(`No sort key of the model in ${JSON.stringify(values)}`);
}
