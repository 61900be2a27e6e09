import type { Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Store } from '#model/store';

/** DynamoDB actions by `Entity` (the table that it lives in) or `Entity.accessPattern` (the index that serves it). */
export type DataAccess = Readonly<Record<string, readonly DataAction[]>>;

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html */
type DataAction =
  | 'BatchGetItem'
  | 'BatchWriteItem'
  | 'ConditionCheckItem'
  | 'DeleteItem'
  | 'GetItem'
  | 'PartiQLDelete'
  | 'PartiQLInsert'
  | 'PartiQLSelect'
  | 'PartiQLUpdate'
  | 'PutItem'
  | 'Query'
  | 'Scan'
  | 'UpdateItem';

/**
 * One statement per table or index that it reads or writes; and where it selects by PartiQL, one that denies a
 * statement without partition key, which would be a Scan under another name.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
 *
 * @throws Error when the model has no such entry
 */
export function dataStatements(stack: Stack, name: string, access: DataAccess, store: Store): PolicyStatement[] {
  const entities: Record<string, NamedEntity | undefined> = store.entities;
  const actionsOn = new Map<string, Set<string>>();
  for (const [target, actions] of Object.entries(access)) {
    const [entityName = '', pattern] = target.split('.', 2);
    const entity = entities[entityName];
    const index = pattern === undefined ? undefined : entity?.schema.indexes[pattern]?.index;
    if (!entity || (pattern !== undefined && index === undefined)) {
      throw new Error(`${name} lists access to ${target}; the model has no such entity or index.`);
    }
    const table = `table/${entity.getTableName()}`;
    const resource = index === undefined ? table : `${table}/index/${index}`;
    const all = actionsOn.get(resource) ?? new Set();
    for (const action of actions) all.add(`dynamodb:${action}`);
    actionsOn.set(resource, all);
  }
  return [...actionsOn].flatMap(([resource, actions]) => {
    const resources = [stack.formatArn({ service: 'dynamodb', resource })];
    const allow = new PolicyStatement({ actions: [...actions].sort(), resources });
    if (!actions.has(SELECT)) return [allow];
    const conditions = { Bool: { 'dynamodb:FullTableScan': ['true'] } };
    return [allow, new PolicyStatement({ effect: Effect.DENY, actions: [SELECT], resources, conditions })];
  });
}

const SELECT = 'dynamodb:PartiQLSelect';

interface NamedEntity {
  getTableName(): string | undefined;
  readonly schema: { readonly indexes: Readonly<Record<string, { readonly pk: unknown; readonly index?: string }>> };
}
