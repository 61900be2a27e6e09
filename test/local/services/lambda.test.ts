import { GetFunctionCommand, GetFunctionConfigurationCommand, InvokeCommand, type InvokeCommandInput, LambdaClient, ListFunctionsCommand, ListLayersCommand } from '@aws-sdk/client-lambda';
import { allow, failure, FUNCTION_ARN, startServices, type StartedServices } from './start-services';

let services: StartedServices;
beforeEach(async () => {
  services = await startServices({}, [allow('lambda:InvokeFunction', FUNCTION_ARN)]);
});
afterEach(() => services.stop());

async function invoke(change: Partial<InvokeCommandInput> = {}, client = services.owner) {
  const input = { FunctionName: FUNCTION_ARN, Payload: '{"a":"ä"}', ...change };
  const { Payload, StatusCode, FunctionError } = await new LambdaClient(client).send(new InvokeCommand(input));
  return { StatusCode, FunctionError, payload: Payload?.transformToString() };
}

test.each([FUNCTION_ARN, 'store-refund', '000000000000:function:store-refund', 'store-refund:$LATEST'])('invokes %s', async (FunctionName) => {
  services.outcome.now = () => Promise.resolve({ payload: '{"b":"ö"}' });
  expect(await invoke({ FunctionName })).toEqual({ StatusCode: 200, FunctionError: undefined, payload: '{"b":"ö"}' });
  expect(services.invocations).toEqual([{ arn: FUNCTION_ARN, payload: '{"a":"ä"}' }]);
});

test('an error of the function is an answer', async () => {
  services.outcome.now = () => Promise.resolve({ error: { errorType: 'TypeError', errorMessage: 'x is not', trace: ['at'] } });
  expect(await invoke()).toEqual({
    StatusCode: 200,
    FunctionError: 'Unhandled',
    payload: '{"errorType":"TypeError","errorMessage":"x is not","trace":["at"]}',
  });
});

test('an event is accepted before the function has run', async () => {
  let finish = (_: { payload: string }) => {};
  services.outcome.now = () => new Promise((done) => (finish = done));
  expect(await invoke({ InvocationType: 'Event' })).toEqual({ StatusCode: 202, FunctionError: undefined, payload: undefined });
  finish({ payload: 'null' });
  await services.asyncInvocations.settled();
  expect(services.invocations).toHaveLength(1);
});

test('an empty payload is an empty event', async () => {
  await invoke({ Payload: undefined });
  expect(services.invocations).toEqual([{ arn: FUNCTION_ARN, payload: '{}' }]);
});

test.each<[Partial<InvokeCommandInput>, string, number]>([
  [{ FunctionName: 'none' }, 'ResourceNotFoundException', 404],
  [{ FunctionName: 'store-refund:1' }, 'ResourceNotFoundException', 404],
  [{ Payload: '{' }, 'InvalidRequestContentException', 400],
  [{ InvocationType: 'DryRun' }, 'InvalidParameterValueException', 400],
  [{ InvocationType: 'Event', Payload: JSON.stringify('x'.repeat(1024 * 1024)) }, 'RequestTooLargeException', 413],
])('%j is refused', async (change, name, status) => {
  expect(await failure(invoke(change))).toMatchObject({ name, status });
  expect(services.invocations).toEqual([]);
});

test('a function needs lambda:InvokeFunction on the function', async () => {
  await invoke({ FunctionName: 'store-refund' }, services.flow);
  expect(await failure(invoke({ FunctionName: 'other' }, services.flow))).toMatchObject({ name: 'AccessDeniedException', status: 403 });
  expect(services.permissions.list()).toMatchObject({
    items: [{ used: 1 }],
    denied: [{ action: 'lambda:InvokeFunction', resource: FUNCTION_ARN.replace('store-refund', 'other'), times: 1 }],
  });
});

test('an operation of Lambda that does not run here is refused by name', async () => {
  const refused = await failure(new LambdaClient(services.owner).send(new ListLayersCommand({})));
  expect(refused).toMatchObject({ name: 'UnknownOperationException', message: expect.stringMatching(/^GET \/2018-10-31\/layers of lambda does not run here\./) as string });
});

test('the functions are listed, and each is told as its template has it', async () => {
  const client = new LambdaClient(services.owner);
  const told = {
    FunctionName: 'store-refund',
    FunctionArn: FUNCTION_ARN,
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    MemorySize: 512,
    Timeout: 20,
    Environment: { Variables: { TABLE: 'store' } },
    State: 'Active',
  };
  expect((await client.send(new ListFunctionsCommand({}))).Functions).toMatchObject([told]);
  expect((await client.send(new GetFunctionCommand({ FunctionName: 'store-refund' }))).Configuration).toMatchObject(told);
  expect(await client.send(new GetFunctionConfigurationCommand({ FunctionName: FUNCTION_ARN }))).toMatchObject(told);
  expect(await failure(client.send(new GetFunctionCommand({ FunctionName: 'none' })))).toMatchObject({ name: 'ResourceNotFoundException', status: 404 });
});

test('a version or an alias is not found, and $LATEST is the function', async () => {
  const invoke = (Qualifier: string) => new LambdaClient(services.owner).send(new InvokeCommand({ FunctionName: 'store-refund', Qualifier }));
  expect(await failure(invoke('live'))).toMatchObject({ name: 'ResourceNotFoundException', message: `Function not found: ${FUNCTION_ARN}:live` });
  expect(services.invocations).toEqual([]);
  expect((await invoke('$LATEST')).StatusCode).toBe(200);
});

test('LogType Tail has the end of what the function printed', async () => {
  services.outcome.now = () => Promise.resolve({ payload: '1', log: `${'x'.repeat(5_000)}END` });
  const { LogResult = '' } = await new LambdaClient(services.owner).send(new InvokeCommand({ FunctionName: 'store-refund', LogType: 'Tail' }));
  expect(Buffer.from(LogResult, 'base64').toString('utf8')).toBe(`${'x'.repeat(4_093)}END`);
  expect(services.invocations).toMatchObject([{ tail: true }]);
});
