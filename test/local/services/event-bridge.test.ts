import { EventBridgeClient, ListArchivesCommand,
  ListEventBusesCommand,
  ListRulesCommand, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { UserError } from '../../../local/user-error';
import { allow, failure, FUNCTION_ARN, queueArn, resourcesOf, startServices, type StartedServices, type Template } from './start-services';

const LOG_GROUP_ARN = 'arn:aws:logs:eu-west-1:000000000000:log-group:/aws/events/store:*';
const BUS_ARN = 'arn:aws:events:eu-west-1:000000000000:event-bus/store';
const rule = (Targets: object[], more: object = {}): Template[string] => [
  'AWS::Events::Rule',
  { Name: 'placed', EventBusName: 'store', EventPattern: { 'detail-type': ['OrderPlaced'] }, Targets, ...more },
];
const TEMPLATE: Template = {
  Bus: ['AWS::Events::EventBus', { Name: 'store' }],
  Queue: ['AWS::SQS::Queue', { QueueName: 'placed' }],
  Totals: ['AWS::SQS::Queue', { QueueName: 'totals' }],
  Placed: rule([
    { Id: 'queue', Arn: queueArn('placed') },
    { Id: 'function', Arn: FUNCTION_ARN },
    { Id: 'logs', Arn: LOG_GROUP_ARN },
  ]),
  Large: rule([{ Id: 'total', Arn: queueArn('totals'), InputPath: '$.detail.total' }], {
    Name: 'large',
    EventBusName: BUS_ARN,
    EventPattern: { source: ['store.orders'], detail: { total: [{ numeric: ['>', 100] }] } },
  }),
  Constant: rule([{ Id: 'total', Arn: queueArn('totals'), Input: '"constant"' }], { Name: 'constant', EventPattern: { detail: { constant: [true] } } }),
  Off: rule([{ Id: 'queue', Arn: queueArn('totals') }], { Name: 'off', State: 'DISABLED' }),
  Default: rule([{ Id: 'queue', Arn: queueArn('totals') }], { Name: 'default', EventBusName: undefined, EventPattern: { source: ['store.orders'] } }),
};

let services: StartedServices;
beforeEach(async () => {
  services = await startServices(TEMPLATE, [allow('events:PutEvents', BUS_ARN)]);
});
afterEach(() => services.stop());

const entry = (detail: object = {}, more: Partial<PutEventsRequestEntry> = {}): PutEventsRequestEntry => ({
  EventBusName: 'store',
  Source: 'store.orders',
  DetailType: 'OrderPlaced',
  Detail: JSON.stringify(detail),
  ...more,
});
const put = (Entries: PutEventsRequestEntry[], client = services.owner) =>
  new EventBridgeClient(client).send(new PutEventsCommand({ Entries }));

function received(name: string): unknown[] {
  return services.queues.receive(services.queues.named(name)!, 10, 0).map(({ body }) => JSON.parse(body) as unknown);
}

test.each<[string, unknown]>([
  ['null', null],
  ['a list', []],
  ['a number as its source', { ...entry(), Source: 7 }],
  ['null as its bus', { ...entry(), EventBusName: null }],
  ['text as its time', { ...entry(), Time: 'now' }],
  ['a time past all dates', { ...entry(), Time: 1e300 }],
  ['text as its resources', { ...entry(), Resources: 'a' }],
])('an entry that is %s refuses the request, and none is sent', async (_, malformed) => {
  const response = await fetch(services.url, {
    method: 'POST',
    headers: { 'x-amz-target': 'AWSEvents.PutEvents', authorization: 'AWS4-HMAC-SHA256 Credential=owner/20260501/eu-west-1/events/aws4_request' },
    body: JSON.stringify({ Entries: [entry(), malformed] }),
  });
  expect([response.status, await response.json()]).toEqual([400, expect.objectContaining({ __type: 'com.amazonaws.events#SerializationException' })]);
  expect(services.outbox.list('event')).toEqual([]);
});

test('an event goes to the outbox, and to the targets of the rules that match', async () => {
  const result = await put([
    entry({ eventId: 'e1', total: 101 }, { Resources: ['order/1'] }),
    entry({ constant: true, total: 100 }, { DetailType: 'Other', EventBusName: BUS_ARN, Time: new Date('2026-01-02T03:04:05.678Z') }),
  ]);
  const [first, second] = (result.Entries ?? []).map(({ EventId }) => EventId);
  expect(result.FailedEntryCount).toBe(0);
  expect(services.outbox.list('event').reverse()).toMatchObject([
    { eventId: 'e1', bus: 'store', source: 'store.orders', detailType: 'OrderPlaced', detail: { eventId: 'e1', total: 101 }, rules: ['placed', 'large'] },
    { eventId: second, detailType: 'Other', rules: ['constant'] },
  ]);
  const envelope = {
    version: '0',
    id: first,
    'detail-type': 'OrderPlaced',
    source: 'store.orders',
    account: '000000000000',
    time: '2026-05-01T10:00:00Z',
    region: 'eu-west-1',
    resources: ['order/1'],
    detail: { eventId: 'e1', total: 101 },
  };
  expect(received('placed')).toEqual([envelope]);
  expect(received('totals')).toEqual([101, 'constant']);
  await services.asyncInvocations.settled();
  expect(services.invocations).toEqual([{ arn: FUNCTION_ARN, payload: JSON.stringify(envelope) }]);
});

test('an event on another bus matches the rules of that bus only; its time is its own', async () => {
  await put([entry({}, { EventBusName: undefined, Time: new Date('2026-01-02T03:04:05.678Z') })]);
  expect(services.outbox.list()).toMatchObject([{ bus: 'default', rules: ['default'] }]);
  expect(received('totals')).toMatchObject([{ time: '2026-01-02T03:04:05Z' }]);
});

test('a function that fails is invoked three times; then the event is dropped, and that is told', async () => {
  services.outcome.now = () => Promise.resolve({ error: { errorType: 'Error', errorMessage: 'down' } });
  await put([entry()]);
  await services.asyncInvocations.settled();
  expect(services.invocations).toHaveLength(3);
  expect(services.dropped).toEqual([`${FUNCTION_ARN} failed 3 times, and its event is dropped: Error: down`]);
});

test('a function that fails once gets the event again, and no more', async () => {
  services.outcome.now = () =>
    services.invocations.length === 1 ? Promise.reject(new Error('crashed')) : Promise.resolve({ payload: '1' });
  await put([entry()]);
  await services.asyncInvocations.settled();
  expect([services.invocations.length, services.dropped]).toEqual([2, []]);
});

test.each<[string, Partial<PutEventsRequestEntry>]>([
  ['MalformedDetail', { Detail: '{' }],
  ['MalformedDetail', { Detail: '[]' }],
  ['MalformedDetail', { Detail: 'null' }],
  ['InvalidArgument', { Detail: undefined }],
  ['InvalidArgument', { Source: undefined }],
  ['InvalidArgument', { DetailType: undefined }],
  ['NotAuthorizedForSource', { Source: 'aws.s3' }],
  ['ResourceNotFoundException', { EventBusName: 'none' }],
])('%s of one entry (%j) does not touch the others', async (ErrorCode, change) => {
  const result = await put([entry({}, change), entry()]);
  expect(result).toMatchObject({ FailedEntryCount: 1, Entries: [{ ErrorCode }, { EventId: expect.any(String) as string }] });
  expect(services.outbox.list()).toHaveLength(1);
});

test('a request is too large in entries or in bytes', async () => {
  expect(await failure(put(Array<PutEventsRequestEntry>(11).fill(entry())))).toMatchObject({ name: 'ValidationException' });
  expect(await failure(put([]))).toMatchObject({ name: 'ValidationException' });
  const bytes = (count: number) => ({ ...entry(), Detail: JSON.stringify({ text: 'x'.repeat(count - '{"text":""}'.length) }) });
  const room = 1024 * 1024 - 'store.ordersOrderPlaced'.length;
  expect(await failure(put([bytes(room)]))).toMatchObject({ name: 'none' });
  expect(await failure(put([bytes(room + 1)]))).toMatchObject({ name: 'ValidationException' });
  expect(services.outbox.list()).toHaveLength(1);
});

test('a function needs events:PutEvents on every bus', async () => {
  await put([entry()], services.flow);
  expect(await failure(put([entry(), entry({}, { EventBusName: undefined })], services.flow))).toMatchObject({ name: 'AccessDeniedException' });
  expect(services.outbox.list()).toHaveLength(1);
  expect(services.permissions.list()).toMatchObject({
    items: [{ used: 1 }],
    denied: [{ action: 'events:PutEvents', resource: 'arn:aws:events:eu-west-1:000000000000:event-bus/default' }],
  });
});

test('an operation of EventBridge that does not run here is refused by name', async () => {
  const refused = await failure(new EventBridgeClient(services.owner).send(new ListArchivesCommand({})));
  expect(refused).toMatchObject({
    name: 'UnknownOperationException',
    message: 'ListArchives does not run here. Of this service there is ListEventBuses, ListRules, PutEvents.',
  });
});

test('the buses and the rules of the templates are listed', async () => {
  const client = new EventBridgeClient(services.owner);
  const { EventBuses = [] } = await client.send(new ListEventBusesCommand({}));
  expect(EventBuses.map(({ Name, Arn }) => [Name, Arn])).toEqual(['default', 'store'].map((name) => [name, `arn:aws:events:eu-west-1:000000000000:event-bus/${name}`]));
  const { Rules = [] } = await client.send(new ListRulesCommand({ EventBusName: 'store' }));
  expect(Rules.length).toBeGreaterThan(0);
  for (const { Name, Arn, EventPattern, State, EventBusName } of Rules) {
    expect([Arn, State, EventBusName]).toEqual([`arn:aws:events:eu-west-1:000000000000:rule/store/${Name}`, 'ENABLED', 'store']);
    expect(JSON.parse(EventPattern!)).toBeInstanceOf(Object);
  }
  expect((await client.send(new ListRulesCommand({ EventBusName: 'store', NamePrefix: Rules[0]!.Name! }))).Rules).toContainEqual(Rules[0]);
  expect(await failure(client.send(new ListRulesCommand({ EventBusName: 'none' })))).toMatchObject({ name: 'ResourceNotFoundException' });
});

test.each<[string, Template[string], string]>([
  ['a transformer', rule([{ Id: 't', Arn: queueArn('placed'), InputTransformer: {} }]), 'the target t with InputTransformer, which'],
  ['another target', rule([{ Id: 't', Arn: 'arn:aws:sns:eu-west-1:000000000000:x' }]), 'the target t with the ARN arn:aws:sns:eu-west-1:000000000000:x;'],
  ['an unknown queue', rule([{ Id: 't', Arn: queueArn('none') }]), 'the target t with the ARN arn:aws:sqs'],
  ['a path with a list', rule([{ Id: 't', Arn: queueArn('placed'), InputPath: '$.resources[0]' }]), 'the target t with the InputPath $.resources[0]'],
  ['a schedule', rule([], { ScheduleExpression: 'rate(1 day)' }), 'a ScheduleExpression'],
  ['no pattern', rule([], { EventPattern: undefined }), 'no EventPattern'],
  ['an unknown bus', rule([], { EventBusName: 'none' }), 'the event bus none'],
])('a rule with %s stops the start', (_, bad, message) => {
  const start = () => resourcesOf({ ...TEMPLATE, Bad: bad });
  expect(start).toThrow(UserError);
  expect(start).toThrow(`The rule placed has ${message}`);
});

test('a pattern that is not known stops the start, and names the rule', () => {
  const start = () => resourcesOf({ ...TEMPLATE, Bad: rule([], { EventPattern: { source: [{ around: 5 }] } }) });
  expect(start).toThrow(UserError);
  expect(start).toThrow(/^The rule placed: .*around/);
});
