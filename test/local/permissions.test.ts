import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assembly, Resource, Stack } from '../../local/assembly';
import type { WireReply } from '../../local/engine/engine';
import { chain } from '../../local/gateway/call';
import type { ClientSession } from '../../local/gateway/client-sessions';
import { Permissions } from '../../local/gateway/permissions';
import { EVALUATED_SERVICES } from '../../local/iam/policy';
import { refuseResourcePolicies, roleReader } from '../../local/iam/roles';
import { Resolver } from '../../local/resolve';
import { TableKeys } from '../../local/table-keys';
import { UserError } from '../../local/user-error';
import { aProduct, startStore, type TestStore } from '../support/store';
import { assemblyOf } from '../support/synthesize-once';

const stack: Stack = { name: 'store', region: 'eu-west-1', template: {} };
const resource = (logicalId: string, type: string, properties: Record<string, unknown>): Resource => ({ stack, logicalId, type, properties });
const table = resource('Table', 'AWS::DynamoDB::GlobalTable', { TableName: 'Orders' });
const fn = resource('Function', 'AWS::Lambda::Function', { Role: { 'Fn::GetAtt': ['Role', 'Arn'] } });
const ARN = 'arn:aws:dynamodb:eu-west-1:000000000000:table/Orders';
const TABLE_ARN = { 'Fn::GetAtt': ['Table', 'Arn'] };

function roleWith(statements: object[], role: object = {}, Version: string | undefined = '2012-10-17') {
  const resources = [
    table,
    fn,
    resource('Role', 'AWS::IAM::Role', { ...role }),
    resource('Policy', 'AWS::IAM::Policy', { Roles: [{ Ref: 'Role' }], PolicyDocument: { Version, Statement: statements } }),
    resource('Foreign', 'AWS::IAM::Policy', {
      Roles: ['another'],
      PolicyDocument: { Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
    }),
  ];
  const assembly: Assembly = { stacks: [stack], resources, assetFolder: () => '' };
  return roleReader(assembly, new Resolver(assembly, () => ''))(fn, fn.properties.Role);
}

const allow = (Action: string | string[], Resource: unknown = TABLE_ARN) => ({ Effect: 'Allow', Action, Resource });

/** What comes of a call of a function whose role has these statements, or of a client: `ok`, or the error's type and message. */
async function ask(
  statements: object[],
  operation: string,
  input: object,
  permissions = permissionsOf(statements),
  client?: ClientSession,
): Promise<string> {
  const handle = chain([permissions.step], () => Promise.resolve({ status: 200, headers: {}, body: Buffer.from('{"__type":"#ok"}') }));
  const caller = client ? { client } : { function: 'flow' };
  const call = { operation, input: { ...input }, headers: {}, accessKeyId: '', region: 'eu-west-1', traceId: undefined, ...caller };
  const { body } = (await handle(call)) as WireReply;
  const { __type, message = '' } = JSON.parse(body.toString()) as { __type: string; message?: string };
  return `${__type.replace(/.*#/, '')} ${message}`.trim();
}

const permissionsOf = (statements: object[], role = {}) =>
  new Permissions(
    [{ name: 'flow', functionName: 'store-flow', role: roleWith(statements, role) }],
    new TableKeys([
      {
        TableName: 'Orders',
        AttributeDefinitions: [],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
        GlobalSecondaryIndexes: [{ IndexName: 'gsi1', KeySchema: [{ AttributeName: 'gsi1pk', KeyType: 'HASH' }], Projection: {} }],
      },
    ]),
  );

describe('what a role allows', () => {
  const TableName = 'Orders';

  test.each<[string, object, string[]]>([
    ['GetItem', { TableName }, ['GetItem']],
    ['GetItem', { TableName: ARN }, ['GetItem']],
    ['Query', { TableName }, ['Query']],
    ['Query', { TableName, IndexName: 'gsi1' }, ['Query /index/gsi1']],
    ['Scan', { TableName, IndexName: 'gsi1' }, ['Scan /index/gsi1']],
    ['BatchGetItem', { RequestItems: { Orders: { Keys: [] } } }, ['BatchGetItem']],
    ['BatchWriteItem', { RequestItems: { Orders: [] } }, ['BatchWriteItem']],
    ['TransactGetItems', { TransactItems: [{ Get: { TableName } }] }, ['GetItem']],
    [
      'TransactWriteItems',
      { TransactItems: [{ Put: { TableName } }, { Update: { TableName } }, { Delete: { TableName } }, { ConditionCheck: { TableName } }] },
      ['PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'],
    ],
    ['ExecuteStatement', { Statement: `SELECT * FROM "Orders" WHERE pk = 'a'` }, ['PartiQLSelect']],
    ['ExecuteStatement', { Statement: `SELECT * FROM "Orders"."gsi1" WHERE gsi1pk = ?`, Parameters: [{ S: 'a' }] }, ['PartiQLSelect /index/gsi1']],
    [
      'ExecuteTransaction',
      {
        TransactStatements: [
          { Statement: `INSERT INTO "Orders" VALUE {'pk': 'a'}` },
          { Statement: `UPDATE "Orders" SET a = 1 WHERE pk = ?`, Parameters: [{ S: 'a' }] },
          { Statement: `DELETE FROM "Orders" WHERE pk = 'c'` },
        ],
      },
      ['PartiQLInsert', 'PartiQLUpdate', 'PartiQLDelete'],
    ],
    ['BatchExecuteStatement', { Statements: [{ Statement: `DELETE FROM "Orders" WHERE pk = 'c'` }] }, ['PartiQLDelete']],
    ['DescribeTable', { TableName }, ['DescribeTable']],
  ])('%s %j needs %j, each of them', async (operation, input, needs) => {
    const statements = needs.map((need) => {
      const [action, index = ''] = need.split(' ');
      return allow(`dynamodb:${action}`, ARN + index);
    });
    expect(await ask(statements, operation, input)).toBe('ok');
    for (const [at, need] of needs.entries()) {
      const [action, index = ''] = need.split(' ');
      expect(await ask(statements.toSpliced(at, 1), operation, input)).toBe(
        'AccessDeniedException User: arn:aws:sts::000000000000:assumed-role/store-eu-west-1-Role/store-flow is not authorized to perform: ' +
          `dynamodb:${action} on resource: ${ARN + index} because no identity-based policy allows the dynamodb:${action} action`,
      );
    }
  });

  test('a batch needs the action on each of its tables', async () => {
    const both = { RequestItems: { Orders: {}, Products: {} } };
    expect(await ask([allow('dynamodb:BatchGetItem')], 'BatchGetItem', both)).toMatch(/on resource: \S+:table\/Products /);
  });

  test('what is about no table needs the action on everything', async () => {
    expect(await ask([allow('dynamodb:ListTables', '*')], 'ListTables', {})).toBe('ok');
    expect(await ask([allow('dynamodb:ListTables')], 'ListTables', {})).toMatch('on resource: * because');
  });

  test.each<[string | string[], unknown, boolean]>([
    ['dynamodb:*', TABLE_ARN, true],
    ['*', '*', true],
    ['DynamoDB:getitem', TABLE_ARN, true],
    ['dynamodb:Get?tem', `${ARN.slice(0, -1)}?`, true],
    ['dynamodb:?GetItem', TABLE_ARN, false],
    ['dynamodb:Get', TABLE_ARN, false],
    ['dynamodb:GetItem', ARN.toLowerCase(), false],
    ['dynamodb:GetItem', `${ARN}/index/*`, false],
    ['dynamodb:GetItem', ARN.replace('eu-west-1', 'us-east-1'), false],
    [['s3:*', 'dynamodb:GetItem'], ['arn:aws:s3:::x', TABLE_ARN], true],
    ['s3:*', '*', false],
  ])('%j on %j', async (action, on, allowed) => {
    expect((await ask([allow(action, on)], 'GetItem', { TableName })).startsWith('ok')).toBe(allowed);
  });

  test('Deny wins over Allow', async () => {
    const deny = { Effect: 'Deny', Action: 'dynamodb:Put*', Resource: '*' };
    expect(await ask([deny, allow('dynamodb:*')], 'GetItem', { TableName })).toBe('ok');
    expect(await ask([deny, allow('dynamodb:*')], 'PutItem', { TableName })).toMatch(
      `dynamodb:PutItem on resource: ${ARN} with an explicit deny in an identity-based policy`,
    );
  });

  test('a full table scan by PartiQL is denied where the role says so, in the index as in the table', async () => {
    const deny = { Effect: 'Deny', Action: 'dynamodb:PartiQLSelect', Resource: '*', Condition: { Bool: { 'dynamodb:FullTableScan': ['true'] } } };
    const select = (Statement: string) =>
      ask([allow(['dynamodb:PartiQLSelect', 'dynamodb:PartiQLDelete'], '*'), deny], 'ExecuteStatement', { Statement });
    expect(await select(`SELECT * FROM "Orders" WHERE pk = 'a'`)).toBe('ok');
    expect(await select(`SELECT * FROM "Orders"."gsi1" WHERE gsi1pk = 'a'`)).toBe('ok');
    expect(await select(`DELETE FROM "Orders" WHERE sk = 'a'`)).toBe('ok');
    for (const scan of [`"Orders"`, `"Orders" WHERE sk = 'a'`, `"Orders"."gsi1" WHERE pk = 'a'`, `"Orders"."none" WHERE pk = 'a'`, `"None" WHERE pk = 'a'`]) {
      expect(await select(`SELECT * FROM ${scan}`)).toMatch('with an explicit deny');
    }
  });

  test('a statement that is not PartiQL is invalid', async () => {
    expect(await ask([allow('*', '*')], 'ExecuteStatement', { Statement: 'DROP TABLE x' })).toBe(
      "ValidationException Statement wasn't well formed, can't be processed: Unexpected DROP at 0",
    );
  });

  test('counts what was used, once per call, and what was lacking', async () => {
    const statements = [allow(['dynamodb:PutItem', 'dynamodb:GetItem', 'dynamodb:Scan'])];
    const permissions = permissionsOf(statements);
    const Put = { TableName };
    await ask(statements, 'TransactWriteItems', { TransactItems: [{ Put }, { Put }] }, permissions);
    await ask(statements, 'GetItem', { TableName }, permissions);
    await ask(statements, 'GetItem', { TableName }, permissions);
    // A call that is denied uses nothing.
    await ask(statements, 'TransactWriteItems', { TransactItems: [{ Put }, { Delete: Put }] }, permissions);
    await ask(statements, 'DeleteItem', { TableName }, permissions);
    const entry = { function: 'flow', resource: ARN };
    expect(permissions.list()).toEqual({
      items: [
        { ...entry, action: 'dynamodb:PutItem', used: 1 },
        { ...entry, action: 'dynamodb:GetItem', used: 2 },
        { ...entry, action: 'dynamodb:Scan', used: 0 },
      ],
      denied: [{ ...entry, action: 'dynamodb:DeleteItem', times: 2 }],
    });
  });
});

describe('a condition on the leading keys', () => {
  const CALL = { TableName: 'Orders' };
  const leadingKeys = (...keys: string[]) => ({ 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': keys } });
  const NAMED = { Null: { 'dynamodb:LeadingKeys': 'false' } };
  const any = (Condition: object, Effect = 'Allow') => ({ Effect, Action: 'dynamodb:*', Resource: '*', Condition });
  const get = (...keys: string[]): [string, object] => ['BatchGetItem', { RequestItems: { Orders: { Keys: keys.map((key) => ({ pk: { S: key } })) } } }];
  const isAllowed = async (statement: object, ...[operation, input]: [string, object]) => (await ask([allow('dynamodb:None'), statement], operation, input)) === 'ok';

  test('is for calls all of whose keys are listed, as they are', async () => {
    const own = any({ ...leadingKeys('user_ann', 'order_ann'), ...NAMED });
    for (const keys of [['user_ann'], ['order_ann', 'user_ann', 'user_ann']]) expect([keys, await isAllowed(own, ...get(...keys))]).toEqual([keys, true]);
    for (const keys of [['user_anna'], ['user_an'], ['User_ann'], ['user_ann '], ['user_ann', 'user_anna'], []]) {
      expect([keys, await isAllowed(own, ...get(...keys))]).toEqual([keys, false]);
    }
    expect(await isAllowed(any({ ...leadingKeys('*', 'user_*', 'user_???'), ...NAMED }), ...get('user_ann'))).toBe(false);
  });

  test('ForAllValues alone is also for a call that names no key: Null is what demands one', async () => {
    expect(await isAllowed(any(leadingKeys('a')), 'Scan', CALL)).toBe(true);
    expect(await isAllowed(any({ ...leadingKeys('a'), ...NAMED }), 'Scan', CALL)).toBe(false);
    expect(await isAllowed(any({ Null: { 'dynamodb:LeadingKeys': 'true' } }), 'Scan', CALL)).toBe(true);
    expect(await isAllowed(any({ Null: { 'dynamodb:LeadingKeys': 'true' } }), ...get('a'))).toBe(false);
  });

  test('is on the key of the index that is read', async () => {
    const query = (names: string): [string, object] => [
      'Query',
      { ...CALL, IndexName: 'gsi1', KeyConditionExpression: `${names} = :v`, ExpressionAttributeValues: { ':v': { S: 'a' } } },
    ];
    const own = any({ ...leadingKeys('a'), ...NAMED });
    expect([await isAllowed(own, ...query('gsi1pk')), await isAllowed(own, ...query('pk'))]).toEqual([true, false]);
  });

  test('a key that cannot be read is allowed by none, denied by each, and said why', async () => {
    const query: [string, object] = ['Query', { ...CALL, KeyConditionExpression: 'pk = :v OR pk = :v', ExpressionAttributeValues: { ':v': { S: 'a' } } }];
    expect(await ask([any({ ...leadingKeys('a'), ...NAMED })], ...query)).toMatch(
      /allows the dynamodb:Query action \(its partition key is not known here: its KeyConditionExpression has an unexpected OR\)$/,
    );
    expect(await isAllowed(any(leadingKeys('a')), ...query)).toBe(false);
    expect(await ask([allow('dynamodb:*'), any(leadingKeys('b'), 'Deny')], ...query)).toMatch('with an explicit deny');
    expect(await ask([allow('dynamodb:*'), any(NAMED, 'Deny')], ...query)).toMatch('with an explicit deny');
    expect(await ask([allow('dynamodb:*')], ...query)).toBe('ok');
  });

  test('a body that the operation does not take is answered as such', async () => {
    const malformed = 'SerializationException The body is none of a TransactGetItems.';
    expect(await ask([allow('dynamodb:*')], 'TransactGetItems', { TransactItems: [{ Get: null }] })).toBe(malformed);
  });

  describe("with a tag of the caller's session", () => {
    const own = any({ ...leadingKeys('$user_${aws:PrincipalTag/id}'), ...NAMED });
    const asClient = (tags: Record<string, string>, key: string, statement = own) => {
      const client = { role: roleWith([statement]), sessionName: 'CognitoIdentityCredentials', tags };
      return ask([], ...get(key), permissionsOf([]), client);
    };

    test.each(['ann', 'anna', '*', 'a?n', '${aws:PrincipalTag/id}', '$', '$&', '$1', '{}', 'a#b', "a'b", 'a.b', '\\', ''])('the value %j is taken as it is', async (id) => {
      expect(await asClient({ id }, `$user_${id}`)).toBe('ok');
      for (const other of ['ann', 'anna', 'azn', '*', 'a#', 'azb'].filter((entry) => entry !== id)) {
        expect([other, await asClient({ id }, `$user_${other}`)]).toEqual([other, expect.stringMatching(/^AccessDeniedException/)]);
      }
    });

    test('a tag that the session lacks equals nothing', async () => {
      for (const key of ['$user_', '$user_undefined', '$user_${aws:PrincipalTag/id}']) {
        expect([key, await asClient({ ID: 'ann' }, key)]).toEqual([key, expect.stringMatching(/^AccessDeniedException/)]);
      }
      expect(await asClient({}, 'shared', any({ ...leadingKeys('$user_${aws:PrincipalTag/id}', 'shared'), ...NAMED }))).toBe('ok');
    });

    test('several tags are replaced', async () => {
      const both = any({ ...leadingKeys('${aws:PrincipalTag/a}#${aws:PrincipalTag/b}#${aws:PrincipalTag/a}'), ...NAMED });
      expect(await asClient({ a: '1', b: '2' }, '1#2#1', both)).toBe('ok');
    });

    test('a function has none', async () => {
      expect(await ask([own], ...get('$user_'))).toMatch(/^AccessDeniedException/);
    });

    test('a client is told who it is, and not counted', async () => {
      const permissions = permissionsOf([allow('dynamodb:*')]);
      const client = { role: roleWith([own]), sessionName: 'CognitoIdentityCredentials', tags: { id: 'ann' } };
      expect(await ask([], ...get('$user_ben'), permissions, client)).toMatch(
        /^AccessDeniedException User: \S+:assumed-role\/store-eu-west-1-Role\/CognitoIdentityCredentials is not authorized to perform: dynamodb:BatchGetItem on/,
      );
      expect(await ask([], ...get('$user_ann'), permissions, client)).toBe('ok');
      expect(permissions.list()).toMatchObject({ items: [{ used: 0 }], denied: [] });
    });
  });
});

describe('a call of another service, or of a service for the function', () => {
  const sendMessage = (resource: string) => ({ action: 'sqs:SendMessage', resource });

  test.each(['events', 'kinesis', 'lambda', 's3', 'ses', 'sqs'])('%s: what the role allows, and nothing else', (service) => {
    const permissions = permissionsOf([allow([`${service}:Do*`, 'logs:Do'], `arn:aws:${service}:::one`)]);
    const need = { action: `${service}:DoThis`, resource: `arn:aws:${service}:::one` };
    expect(permissions.check('flow', need)).toBeUndefined();
    expect(permissions.check('flow', { ...need, resource: `arn:aws:${service}:::two` })).toBe(
      'User: arn:aws:sts::000000000000:assumed-role/store-eu-west-1-Role/store-flow is not authorized to perform: ' +
        `${service}:DoThis on resource: arn:aws:${service}:::two because no identity-based policy allows the ${service}:DoThis action`,
    );
    expect(permissions.list()).toEqual({
      items: [{ function: 'flow', action: `${service}:Do*`, resource: `arn:aws:${service}:::one`, used: 1 }],
      denied: [{ function: 'flow', action: `${service}:DoThis`, resource: `arn:aws:${service}:::two`, times: 1 }],
    });
  });

  test('each need of a call counts', () => {
    const permissions = permissionsOf([allow('sqs:SendMessage', 'a')]);
    expect(permissions.check('flow', sendMessage('a'), sendMessage('b'))).toMatch('sqs:SendMessage on resource: b');
    expect(permissions.list()).toMatchObject({ items: [{ used: 0 }], denied: [{ resource: 'b', times: 1 }] });
  });

  test('a condition on a full table scan says nothing of a call that has none', () => {
    const Condition = { Bool: { 'dynamodb:FullTableScan': 'true' } };
    const permissions = permissionsOf([allow('sqs:*', '*'), { Effect: 'Deny', Action: '*', Resource: '*', Condition }]);
    expect(permissions.check('flow', sendMessage('a'))).toBeUndefined();
  });

  test('the owner of the machine may do everything', () => {
    const permissions = permissionsOf([]);
    expect([permissions.check(undefined, sendMessage('a')), permissions.check('none', sendMessage('a'))]).toEqual([undefined, undefined]);
    expect(permissions.list().denied).toEqual([]);
  });
});

describe('what the templates say of a role', () => {
  const KNOWN = 'Bool on dynamodb:FullTableScan, ForAllValues:StringEquals on dynamodb:LeadingKeys, Null on dynamodb:LeadingKeys';

  test('inline policies of the role count; statements on services that are not evaluated are not even resolved', () => {
    const Policies = [{ PolicyName: 'inline', PolicyDocument: { Statement: allow('dynamodb:Query', [TABLE_ARN, `${ARN}/index/*`]) } }];
    const role = roleWith([allow('kms:Decrypt', { 'Fn::GetAtt': ['Unknown', 'Arn'] }), allow(['logs:*', 'dynamodb:GetItem'])], { Policies });
    expect(role).toEqual({
      name: 'store-eu-west-1-Role',
      statements: [
        { effect: 'Allow', actions: ['dynamodb:Query'], resources: [ARN, `${ARN}/index/*`], conditions: [] },
        { effect: 'Allow', actions: ['dynamodb:GetItem'], resources: [ARN], conditions: [] },
      ],
    });
  });

  test.each<[object, string]>([
    [
      { Condition: { StringEquals: { 'dynamodb:Attributes': 'x' } } },
      `a statement on dynamodb:GetItem with the condition StringEquals on dynamodb:Attributes, which is not evaluated here; known: ${KNOWN}.`,
    ],
    [{ Condition: { StringEquals: { 'dynamodb:FullTableScan': 'true' } } }, 'a statement on dynamodb:GetItem with the condition StringEquals on'],
    [
      { Condition: { Bool: { 'aws:SecureTransport': 'true' } } },
      `a statement on dynamodb:GetItem with the condition Bool on aws:SecureTransport, which is not evaluated here; known: ${KNOWN}.`,
    ],
    [
      { Condition: { StringEquals: { 'dynamodb:LeadingKeys': 'a' } } },
      `a statement on dynamodb:GetItem with the condition StringEquals on dynamodb:LeadingKeys, which is not evaluated here; known: ${KNOWN}.`,
    ],
    [{ Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'a*' } } }, 'a statement on dynamodb:GetItem with the condition ForAllValues:StringLike on'],
    [{ Condition: { 'ForAnyValue:StringEquals': { 'dynamodb:LeadingKeys': 'a' } } }, 'a statement on dynamodb:GetItem with the condition ForAnyValue:StringEquals on'],
    ...['${aws:userid}', '${aws:PrincipalTag/a}${*}', "${aws:PrincipalTag/a, 'b'}", '${aws:PrincipalTag/}'].map((value): [object, string] => [
      { Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['ann', value] } } },
      `a statement on dynamodb:GetItem with the variable in ${value}, which is not evaluated here; known: \${aws:PrincipalTag/NAME}.`,
    ]),
    [{ Resource: 'arn:aws:dynamodb:*:*:table/${aws:PrincipalTag/table}' }, 'a statement on dynamodb:GetItem with a variable in its Resource'],
    [
      { NotResource: '*' },
      'a statement on dynamodb:GetItem with NotResource, which is not evaluated here; known: Sid, Effect, Action, Resource, Condition.',
    ],
    [{ Action: undefined, NotAction: 's3:*' }, 'a statement with NotAction, which'],
    [{ Principal: '*' }, 'a statement on dynamodb:GetItem with Principal, which'],
    [{ Effect: 'Maybe' }, 'a statement on dynamodb:GetItem with the Effect Maybe'],
  ])('%j stops the start', (change, message) => {
    const statement = JSON.parse(JSON.stringify({ ...allow('dynamodb:GetItem'), ...change })) as object;
    expect(() => roleWith([statement])).toThrow(UserError);
    expect(() => roleWith([statement])).toThrow(`The role store-eu-west-1-Role has ${message}`);
  });

  test.each<[object, string]>([
    [{ ManagedPolicyArns: ['arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess'] }, 'the managed policy arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess'],
    [{ PermissionsBoundary: 'arn:aws:iam::aws:policy/PowerUserAccess' }, 'a PermissionsBoundary'],
  ])('%j stops the start', (role, message) => {
    expect(() => roleWith([], role)).toThrow(`The role store-eu-west-1-Role has ${message}`);
  });

  test('a variable stops the start in a policy of the version that has none', () => {
    const statement = { ...allow('dynamodb:GetItem'), Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': '${aws:PrincipalTag/id}' } } };
    expect(() => roleWith([statement])).not.toThrow();
    for (const version of ['2008-10-17', '']) {
      expect(() => roleWith([statement], {}, version)).toThrow("with a variable, which is text to IAM in a policy without Version '2012-10-17'.");
    }
  });

  test.each([...EVALUATED_SERVICES])('a condition on %s stops the start', (service) => {
    const statement = { ...allow(`${service}:Do`, '*'), Condition: { StringEquals: { 'aws:SourceVpc': 'x' } } };
    expect(() => roleWith([statement])).toThrow(`a statement on ${service}:Do with the condition StringEquals on aws:SourceVpc`);
  });

  test('a managed policy without these services does not stop the start', () => {
    const ManagedPolicyArns = [{ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::aws:policy/service-role/AWSLambdaBasicExecutionRole']] }];
    expect(roleWith([], { ManagedPolicyArns }).statements).toEqual([]);
  });

  test('a policy of a table itself stops the start', () => {
    expect(() => refuseResourcePolicies([table])).not.toThrow();
    const shared = resource('Shared', table.type, { Replicas: [{ Region: 'eu-west-1', ResourcePolicy: { PolicyDocument: {} } }] });
    expect(() => refuseResourcePolicies([table, shared])).toThrow('The table Shared has a ResourcePolicy');
  });
});

describe('a flow whose catalogue row is wrong', () => {
  interface Policy {
    PolicyDocument: { Statement: { Action: string | string[]; Resource: unknown }[] };
  }
  const folder = mkdtempSync(join(tmpdir(), 'store-assembly-'));
  let store: TestStore | undefined;
  afterAll(async () => {
    // Its denials are what the test is about.
    await store?.stop().catch(() => {});
    rmSync(folder, { recursive: true });
  });

  /** The assembly with other actions of place-order on Products. */
  function change(actions: (actions: string[]) => string[]): void {
    const file = join(folder, 'Api.template.json');
    const template = JSON.parse(readFileSync(file, 'utf8')) as { Resources: Record<string, { Type: string; Properties: Policy }> };
    const policy = Object.entries(template.Resources).find(([id, { Type }]) => Type === 'AWS::IAM::Policy' && /place-?order/i.test(id))?.[1];
    const statement = policy!.Properties.PolicyDocument.Statement.find(
      ({ Action, Resource }) => JSON.stringify(Action).includes('dynamodb:') && JSON.stringify(Resource).includes('Products'),
    )!;
    statement.Action = actions([statement.Action].flat());
    writeFileSync(file, JSON.stringify(template));
  }

  test('a store fails where an action is missing, and shows where one is too many', async () => {
    cpSync(assemblyOf('per-domain'), folder, { recursive: true });
    change((actions) => [...actions.filter((action) => action !== 'dynamodb:UpdateItem'), 'dynamodb:Scan']);
    store = await startStore('per-domain', { assembly: folder });
    await store.admin.post('/products', aProduct({ productId: 'tea' }));
    const ann = await store.user('ann');

    const placed = await ann.post('/orders', { lines: [{ productId: 'tea', quantity: 1 }] }, { 'idempotency-key': '1' });

    expect([placed.status, placed.body.type]).toEqual([500, 'internal-error']);
    const products = 'arn:aws:dynamodb:us-east-1:000000000000:table/store-dev-Products';
    const { body } = await store.anonymous.get('/_local/permissions');
    expect(body.denied).toEqual([{ function: 'place-order', action: 'dynamodb:UpdateItem', resource: products, times: 1 }]);
    expect(body.items).toEqual(
      expect.arrayContaining([
        { function: 'place-order', action: 'dynamodb:Scan', resource: products, used: 0 },
        { function: 'place-order', action: 'dynamodb:BatchGetItem', resource: products, used: 1 },
      ]),
    );
    const { items } = (await store.anonymous.get('/_local/trace')).body;
    expect(items[0]).toMatchObject({ function: 'place-order', operation: 'TransactWriteItems', outcome: 'AccessDeniedException' });
    await expect(store.stop()).rejects.toThrow(`AccessDenied: place-order lacks dynamodb:UpdateItem on ${products}`);
  });
});
