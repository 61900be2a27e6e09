import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Flow, FLOWS } from '../../lib/flows';
import { DISPATCHERS } from '../../lib/triggers';
import { type Context, CONTEXTS } from '../support/contexts';
import { stacksOf } from '../support/stacks';
import { assemblyOf, PROJECT } from '../support/synthesize-once';
import { normalised, resourcesOf, templateOf } from '../support/templates';
import { SDK_RETRY } from '../../lambda/shared/sdk-retry';

const flows = FLOWS as readonly Flow[];

/** What one role may do in DynamoDB: `Action resource`. */
function dataActions(layout: 'per-domain' | 'single-table', flow: Flow): string[] {
  const template = templateOf(layout, 'Api');
  const id = flow.name.replaceAll('-', '');
  const policies = Object.entries(template.Resources).filter(
    ([logicalId, { Type }]) => Type === 'AWS::IAM::Policy' && new RegExp(`^${id}RoleDefaultPolicy`).test(logicalId),
  );
  expect(policies).toHaveLength(1);
  const { Statement } = policies[0]![1].Properties.PolicyDocument as { Statement: StatementTemplate[] };
  return Statement.filter((statement) => !deniesScans(statement)).flatMap(({ Action, Resource, Effect, ...rest }) => {
    expect([Effect, rest]).toEqual(['Allow', {}]);
    return [Action].flat().flatMap((action) =>
      [Resource].flat().map((resource) => `${action} ${JSON.stringify(resource).replace(/.*:(table\/[^"]+)".*/, '$1')}`),
    );
  })
    .filter((entry) => entry.startsWith('dynamodb:'))
    .map((entry) => entry.replace('dynamodb:', '').replaceAll('store-dev-', ''))
    .sort();
}

/** The one statement that is no permission. */
const deniesScans = ({ Effect, Action, Condition }: StatementTemplate) =>
  Effect === 'Deny' && Action === 'dynamodb:PartiQLSelect' && JSON.stringify(Condition) === '{"Bool":{"dynamodb:FullTableScan":["true"]}}';

interface StatementTemplate {
  Effect: string;
  Condition?: unknown;
  Action: string | string[];
  Resource: unknown;
}

test('the role of each function holds exactly these actions on these tables and indexes', () => {
  expect(Object.fromEntries(flows.map((flow) => [flow.name, dataActions('per-domain', flow)]))).toMatchInlineSnapshot(`
{
  "adjust-stock": [
    "GetItem table/Products",
    "PutItem table/Products",
    "UpdateItem table/Products",
  ],
  "batch-get-products": [
    "BatchGetItem table/Products",
  ],
  "cancel-order": [
    "GetItem table/Orders",
    "Query table/Orders/index/gsi2",
    "UpdateItem table/Orders",
    "UpdateItem table/Products",
  ],
  "create-product": [
    "PutItem table/Products",
  ],
  "create-session": [
    "DeleteItem table/Users",
    "PutItem table/Users",
    "Query table/Users",
  ],
  "create-user": [
    "PutItem table/Users",
  ],
  "delete-cart-item": [
    "DeleteItem table/Users",
  ],
  "delete-order": [
    "DeleteItem table/Orders",
    "GetItem table/Orders",
    "Query table/Orders/index/gsi2",
  ],
  "delete-product": [
    "DeleteItem table/Products",
  ],
  "delete-user": [
    "DeleteItem table/Users",
    "GetItem table/Users",
  ],
  "export-orders": [
    "Scan table/Orders",
  ],
  "get-account": [
    "Query table/Users",
  ],
  "get-cart": [
    "Query table/Users",
  ],
  "get-order": [
    "GetItem table/Orders",
    "Query table/Orders/index/gsi2",
  ],
  "get-order-file": [
    "Query table/Orders/index/gsi2",
  ],
  "get-product": [
    "GetItem table/Products",
  ],
  "get-product-file": [
    "Query table/Products",
  ],
  "get-session": [
    "GetItem table/Users",
  ],
  "get-user": [
    "GetItem table/Users",
  ],
  "import-products": [
    "BatchWriteItem table/Products",
    "PutItem table/Products",
    "UpdateItem table/Products",
  ],
  "insert-product": [
    "PartiQLInsert table/Products",
    "PartiQLUpdate table/Products",
  ],
  "list-customer-orders-by-status": [
    "Query table/Orders/index/lsi2",
  ],
  "list-low-stock": [
    "BatchGetItem table/Products",
    "Query table/Products/index/gsi2",
  ],
  "list-orders": [
    "Query table/Orders",
  ],
  "list-orders-by-amount": [
    "Query table/Orders/index/lsi1",
  ],
  "list-orders-by-status": [
    "Query table/Orders/index/gsi1",
  ],
  "list-products": [
    "Query table/Products/index/gsi1",
  ],
  "list-users": [
    "GetItem table/Users",
    "Query table/Users/index/gsi1",
  ],
  "place-order": [
    "BatchGetItem table/Products",
    "ConditionCheckItem table/Products",
    "GetItem table/Orders",
    "PutItem table/Orders",
    "UpdateItem table/Products",
  ],
  "put-cart-item": [
    "DeleteItem table/Users",
    "GetItem table/Users",
    "PutItem table/Users",
    "Query table/Users",
    "UpdateItem table/Users",
  ],
  "remove-product": [
    "GetItem table/Products",
    "PartiQLDelete table/Products",
  ],
  "select-orders": [
    "PartiQLSelect table/Orders",
  ],
  "set-price": [
    "GetItem table/Products",
    "PartiQLInsert table/Products",
    "PartiQLUpdate table/Products",
  ],
  "transfer-stock": [
    "GetItem table/Products",
    "PutItem table/Products",
    "UpdateItem table/Products",
  ],
  "update-order-status": [
    "GetItem table/Orders",
    "Query table/Orders/index/gsi2",
    "UpdateItem table/Orders",
    "UpdateItem table/Products",
  ],
  "update-product": [
    "GetItem table/Products",
    "UpdateItem table/Products",
  ],
  "update-user": [
    "DeleteItem table/Users",
    "GetItem table/Users",
    "PutItem table/Users",
    "UpdateItem table/Users",
  ],
}
`);
});

test('in one table the roles hold the same actions there', () => {
  for (const flow of flows) {
    const expected = dataActions('per-domain', flow).map((entry) => entry.replace(/table\/\w+/, 'table/Store'));
    expect([flow.name, dataActions('single-table', flow)]).toEqual([flow.name, [...new Set(expected)].sort()]);
  }
});

test('no statement on data has a wildcard, one flow may scan, and no SELECT may', () => {
  const statements = (['per-domain', 'single-table'] as const)
    .flatMap((layout) => resourcesOf(layout, 'AWS::IAM::Policy'))
    .flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: StatementTemplate[] }).Statement)
    .filter(({ Action }) => [Action].flat().some((action) => action.startsWith('dynamodb:') || action === '*'));
  expect(statements.length).toBeGreaterThanOrEqual(2 * flows.length);
  for (const { Action, Resource } of statements) {
    expect(JSON.stringify([Action, Resource])).not.toContain('*');
  }
  const may = (action: string) => flows.filter((flow) => dataActions('per-domain', flow).some((entry) => entry.startsWith(`${action} `)));
  expect(may('Scan').map(({ name }) => name)).toEqual(['export-orders']);
  const denied = statements.filter(deniesScans);
  const selected = statements.filter(({ Effect, Action }) => Effect === 'Allow' && [Action].flat().includes('dynamodb:PartiQLSelect'));
  expect(selected.length).toBeGreaterThanOrEqual(2);
  expect(denied.map(({ Resource }) => Resource)).toEqual(selected.map(({ Resource }) => Resource));
});

test('only what sends traces may do so on every resource, since X-Ray has none to name', () => {
  const statements = (['per-domain', 'single-table'] as const)
    .flatMap((layout) => resourcesOf(layout, 'AWS::IAM::Policy'))
    .flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: StatementTemplate[] }).Statement)
    .filter(({ Resource }) => [Resource].flat().includes('*'));
  expect(statements.length).toBeGreaterThanOrEqual(2 * flows.length);
  for (const { Action } of statements) expect(Action).toEqual(['xray:PutTelemetryRecords', 'xray:PutTraceSegments']);
});

const functionsOf = (stack: 'Api' | 'Events') =>
  Object.values(templateOf('per-domain', stack).Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');

test('every function has the defaults of the project', () => {
  const functions = resourcesOf('per-domain', 'AWS::Lambda::Function');
  expect(functions).toHaveLength(flows.length + DISPATCHERS['per-domain'].length);
  for (const { Properties } of functions) {
    expect(Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      TracingConfig: { Mode: 'Active' },
    });
    // Without a level of its own: metrics are in lines of level INFO.
    expect(Properties.LoggingConfig).toEqual({ LogFormat: 'JSON', LogGroup: { Ref: expect.any(String) } });
  }
  const ofFlows = functionsOf('Api');
  expect(ofFlows).toHaveLength(flows.length);
  for (const { Properties } of ofFlows) {
    const { maxAttempts, requestTimeoutMs, maxBackoffMs } = SDK_RETRY;
    const timeoutMs = (Properties.Timeout as number) * 1_000;
    expect(timeoutMs).toBeGreaterThan(maxAttempts * requestTimeoutMs + maxBackoffMs);
    expect(timeoutMs).toBeLessThan(30_000);
  }
  for (const { Properties } of resourcesOf('per-domain', 'AWS::Logs::LogGroup')) expect(Properties.RetentionInDays).toBe(30);
});

test('no bundle has the X-Ray SDK: Lambda traces an invocation without it', () => {
  const assembly = assemblyOf('per-domain');
  const files = readdirSync(assembly, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.mjs'));
  expect(files.length).toBeGreaterThan(flows.length);
  // Its names of variables outlive the minifier.
  const traced = files.filter((file) => /aws-xray-sdk|AWS_XRAY_/.test(readFileSync(join(assembly, file), 'utf8')));
  expect(traced).toEqual([]);
  expect(/.*aws-xray-sdk.*/.exec(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8'))?.[0]).toBeUndefined();
});

test('every route but the public ones is behind the JWT authorizer', () => {
  const routes = resourcesOf('per-domain', 'AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties);
  expect(Object.fromEntries(routes.map(({ RouteKey, AuthorizationType }) => [RouteKey, AuthorizationType]))).toEqual(
    Object.fromEntries(flows.map(({ route, who }) => [route, who === 'public' ? 'NONE' : 'JWT'])),
  );
  const [authorizer, ...others] = resourcesOf('per-domain', 'AWS::ApiGatewayV2::Authorizer');
  expect(others).toEqual([]);
  expect(authorizer!.Properties).toMatchObject({ AuthorizerType: 'JWT', IdentitySource: ['$request.header.Authorization'] });
});

test('only flows that page have the secret, and it is in no template', () => {
  for (const { Properties } of functionsOf('Api')) {
    const { Variables } = Properties.Environment as { Variables: Record<string, string> };
    const flow = flows.find(({ name }) => name === Variables.POWERTOOLS_SERVICE_NAME)!;
    expect([flow.name, Variables.CURSOR_SECRET]).toEqual([
      flow.name,
      flow.pages ? '{{resolve:secretsmanager:store-dev-cursor:SecretString:current::}}' : undefined,
    ]);
  }
});

describe('what the config changes in the API stack', () => {
  test('raising the version of the cursor secret changes the functions that have it, and only those', () => {
    const functions = (context: Context) =>
      Object.entries(normalised(stacksOf(context).Api).Resources).filter(([, { Type }]) => Type === 'AWS::Lambda::Function');
    const before = Object.fromEntries(functions(CONTEXTS['per-domain']));
    const changed = functions(CONTEXTS['second cursor secret']).filter(([id, fn]) => JSON.stringify(fn) !== JSON.stringify(before[id]));
    const pages = flows.filter((flow) => flow.pages).map(({ name }) => name);
    const names = changed.map(([, { Properties }]) => (Properties.Environment as { Variables: Record<string, string> }).Variables.POWERTOOLS_SERVICE_NAME);
    expect(names.sort()).toEqual(pages.sort());
  });
});
