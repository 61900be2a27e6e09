import type { Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { ON_REPLICA } from '#model/replica';
import type { Store, TableNames } from '#model/store';

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

/** What is done through a DAX cluster, by the same names. DAX has no PartiQL. */
export type DaxAccess = Readonly<Record<string, readonly DaxAction[]>>;

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodbacceleratordax.html */
type DaxAction = Exclude<DataAction, `PartiQL${string}`>;

/**
 * What of the API each action allows. A write may be an operation of its own or an item of a transaction, and the action does
 * not say which.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
 */
const OPERATIONS = {
  BatchGetItem: ['BatchGetItem'],
  BatchWriteItem: ['BatchWriteItem'],
  ConditionCheckItem: ['TransactWriteItems'],
  DeleteItem: ['DeleteItem', 'TransactWriteItems'],
  GetItem: ['GetItem'],
  PartiQLDelete: ['ExecuteTransaction'],
  PartiQLInsert: ['ExecuteTransaction'],
  PartiQLSelect: ['ExecuteStatement'],
  PartiQLUpdate: ['ExecuteTransaction'],
  PutItem: ['PutItem', 'TransactWriteItems'],
  Query: ['Query'],
  Scan: ['Scan'],
  UpdateItem: ['UpdateItem', 'TransactWriteItems'],
} as const satisfies Record<DataAction, readonly string[]>;

/** An operation of DynamoDB's API that the catalogues come to: the dimension `Operation` of its metrics. */
export type Operation = (typeof OPERATIONS)[DataAction][number];

/** The operations on one table, or on its indexes, that some rows of a catalogue come to. */
export function operationsOn(tableName: string, rows: readonly DataAccess[], { store }: DataBinding): Operation[] {
  const entities: Record<string, NamedEntity | undefined> = store.entities;
  const actions = rows
    .flatMap((row) => Object.entries(row))
    .filter(([target]) => entities[target.split('.', 1)[0] ?? '']?.getTableName() === tableName)
    .flatMap(([, listed]) => listed);
  return [...new Set(actions.flatMap((action): readonly Operation[] => OPERATIONS[action]))].sort();
}

/** What a function does on DynamoDB: in the home region, and on the replica of its own region. */
export interface RegionalAccess {
  readonly access: DataAccess;
  readonly replica?: DataAccess;
}

/** The store that functions work on: the model bound to its tables, and where these are. */
export interface DataBinding {
  readonly store: Store;
  readonly tableNames: TableNames;
  readonly homeRegion: string;
  readonly statusShards: number;
  /** The ARN of the key that encrypts the tables, by region, where it is a customer's. */
  readonly keyArns?: Readonly<Record<string, string>>;
}

/**
 * One statement per table or index that it reads or writes, in the region where it does; and where it selects by PartiQL, one
 * that denies a statement without partition key, which would be a Scan under another name.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
 *
 * @throws Error when the model has no such entry, or the replica of another region must not be used so
 */
export function dataStatements(stack: Stack, name: string, { access, replica = {} }: RegionalAccess, data: DataBinding): PolicyStatement[] {
  for (const [target, actions] of Object.entries(replica)) requireReplicable(name, target, actions);
  const all = actionsByArn(stack, name, data, [
    { region: data.homeRegion, access },
    { region: stack.region, access: replica },
  ]);
  return [...all].flatMap(([arn, actions]) => {
    const resources = [arn];
    const allow = new PolicyStatement({ actions: [...actions], resources });
    if (!actions.includes(SELECT)) return [allow];
    const conditions = { Bool: { 'dynamodb:FullTableScan': ['true'] } };
    return [allow, new PolicyStatement({ effect: Effect.DENY, actions: [SELECT], resources, conditions })];
  });
}

/**
 * What several accesses come to: the actions on each table and index, by its ARN, as `dynamodb:GetItem` and in order.
 * @param name whose accesses they are, for the message
 * @throws Error when the model has no such entry
 */
export function actionsByArn(
  stack: Stack,
  name: string,
  { store }: Pick<DataBinding, 'store'>,
  accesses: readonly { region: string; access: DataAccess }[],
): Map<string, readonly string[]> {
  const entities: Record<string, NamedEntity | undefined> = store.entities;
  const actionsOn = new Map<string, string[]>();
  for (const { region, access } of accesses) {
    for (const [target, actions] of Object.entries(access)) {
      const [entityName = '', pattern] = target.split('.', 2);
      const entity = entities[entityName];
      const index = pattern === undefined ? undefined : entity?.schema.indexes[pattern]?.index;
      if (!entity || (pattern !== undefined && index === undefined)) {
        throw new Error(`${name} lists access to ${target}; the model has no such entity or index.`);
      }
      const table = `table/${entity.getTableName()}`;
      const arn = stack.formatArn({ service: 'dynamodb', region, resource: index === undefined ? table : `${table}/index/${index}` });
      const all = [...(actionsOn.get(arn) ?? []), ...actions.map((action) => `dynamodb:${action}`)];
      actionsOn.set(arn, [...new Set(all)].sort());
    }
  }
  return actionsOn;
}

/** What a table's key is used for: by who reads and writes, and by who only reads. */
const KEY_ACTIONS = {
  write: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
  read: ['kms:Decrypt', 'kms:DescribeKey'],
};

/**
 * What whoever works on a table needs of the customer's key that encrypts it: DynamoDB uses it in the name of its caller.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
 */
export function keyStatement(stack: Stack, region: string, keyArn: string, use: keyof typeof KEY_ACTIONS = 'write'): PolicyStatement {
  return new PolicyStatement({
    actions: KEY_ACTIONS[use],
    resources: [keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `dynamodb.${region}.${stack.urlSuffix}` } },
  });
}

/** The regions that a function works in. */
export function regionsOf(stack: Stack, { access, replica = {} }: RegionalAccess, { homeRegion }: DataBinding): string[] {
  const regions = [...(Object.keys(access).length > 0 ? [homeRegion] : []), ...(Object.keys(replica).length > 0 ? [stack.region] : [])];
  return [...new Set(regions)];
}

/** @throws Error for what is done in the home region only */
function requireReplicable(name: string, target: string, actions: readonly DataAction[]): void {
  const [entity = ''] = target.split('.', 1);
  const allowed = (ON_REPLICA as Record<string, 'read' | 'write' | undefined>)[entity];
  const refused = actions.filter((action) => allowed === undefined || (allowed === 'read' && !READS.includes(action)));
  if (refused.length === 0) return;
  throw new Error(
    `${name} lists ${refused.join(', ')} of ${target} on the replica of its region. ` +
      (allowed === undefined ? `${entity} is pinned to the home region` : `${entity} is written in the home region only`) +
      ': list it under access (lambda/model/replica.ts says why).',
  );
}

const READS: readonly DataAction[] = ['BatchGetItem', 'GetItem', 'Query'];

const SELECT = 'dynamodb:PartiQLSelect';

interface NamedEntity {
  getTableName(): string | undefined;
  readonly schema: { readonly indexes: Readonly<Record<string, { readonly pk: unknown; readonly index?: string }>> };
}
