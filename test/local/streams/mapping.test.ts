import { readMapping } from '../../../local/streams/mapping';
import { UserError } from '../../../local/user-error';

const required = { EventSourceArn: 'arn:aws:dynamodb:eu-west-1:0:table/Orders/stream/1', FunctionName: 'on-order', StartingPosition: 'LATEST' };
const filters = (...patterns: unknown[]) => ({ FilterCriteria: { Filters: patterns.map((pattern) => ({ Pattern: JSON.stringify(pattern) })) } });

test('a mapping without settings has the defaults of Lambda', () => {
  expect(readMapping('Mapping', required)).toEqual({
    id: 'Mapping',
    functionName: 'on-order',
    eventSourceArn: required.EventSourceArn,
    batchSize: 100,
    windowSeconds: 0,
    maximumRetryAttempts: -1,
    maximumRecordAgeSeconds: -1,
    bisect: false,
    reportsItemFailures: false,
    startingPosition: 'LATEST',
    matches: expect.any(Function),
    enabled: true,
  });
});

test('a mapping has all the settings of the template', () => {
  expect(
    readMapping('Mapping', {
      ...required,
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: 300,
      MaximumRetryAttempts: 10_000,
      MaximumRecordAgeInSeconds: 60,
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:eu-west-1:0:failed' } },
      Enabled: false,
      ParallelizationFactor: 1,
      TumblingWindowInSeconds: 0,
      Tags: [{ Key: 'a', Value: 'b' }],
    }),
  ).toMatchObject({
    batchSize: 10_000,
    windowSeconds: 300,
    maximumRetryAttempts: 10_000,
    maximumRecordAgeSeconds: 60,
    bisect: true,
    reportsItemFailures: true,
    startingPosition: 'TRIM_HORIZON',
    onFailure: 'arn:aws:sqs:eu-west-1:0:failed',
    enabled: false,
  });
});

test('a batch of more than ten needs no window, which is a rule of queues', () => {
  expect(readMapping('Mapping', { ...required, BatchSize: 11 })).toMatchObject({ batchSize: 11, windowSeconds: 0 });
});

describe('filters', () => {
  test.each([[{}], [{ FilterCriteria: {} }], [filters()]])('%j matches every record', (criteria) => {
    expect(readMapping('Mapping', { ...required, ...criteria }).matches({ eventName: 'REMOVE' })).toBe(true);
  });

  test('the filters of a mapping are OR-ed', () => {
    const { matches } = readMapping('Mapping', { ...required, ...filters({ eventName: ['INSERT'] }, { eventName: ['REMOVE'] }) });
    expect(['INSERT', 'MODIFY', 'REMOVE'].map((eventName) => matches({ eventName }))).toEqual([true, false, true]);
  });

  test('filters see the data of a Kinesis record decoded, as JSON if it is any', () => {
    const kinesis = (data: string) => ({ kinesis: { partitionKey: 'p', data: Buffer.from(data).toString('base64') } });
    const criteria = filters({ data: { order: { total: [{ numeric: ['>', 5] }] } } }, { data: ['é'] });
    const { matches } = readMapping('Mapping', { ...required, ...criteria });
    expect(matches(kinesis('{"order":{"total":6}}'))).toBe(true);
    expect(matches(kinesis('{"order":{"total":5}}'))).toBe(false);
    expect(matches(kinesis('é'))).toBe(true);
    expect(matches(kinesis('e'))).toBe(false);
  });

  test('a malformed filter is refused, and the error names the mapping', () => {
    expect(() => readMapping('Mapping', { ...required, ...filters({ a: [{ about: 1 }] }) })).toThrow(
      'The event source mapping Mapping: The event pattern at a has the operator "about"; known: prefix',
    );
    expect(() => readMapping('Mapping', { ...required, FilterCriteria: { Filters: [{ Pattern: '{' }] } })).toThrow(UserError);
  });
});

test.each<[properties: object, message: string]>([
  [{ EventSourceArn: undefined }, 'EventSourceArn must be a text'],
  [{ FunctionName: '' }, 'FunctionName must not be empty'],
  [{ StartingPosition: 'AT_TIMESTAMP' }, 'StartingPosition must be TRIM_HORIZON or LATEST: AT_TIMESTAMP is not emulated here'],
  [{ StartingPosition: undefined }, 'StartingPosition must be TRIM_HORIZON or LATEST: AT_TIMESTAMP is not emulated here'],
  [{ BatchSize: 0 }, 'BatchSize must be a whole number from 1 to 10000'],
  [{ BatchSize: 10_001 }, 'BatchSize must be a whole number from 1 to 10000'],
  [{ BatchSize: 1.5 }, 'BatchSize must be a whole number from 1 to 10000'],
  [{ MaximumBatchingWindowInSeconds: 301 }, 'MaximumBatchingWindowInSeconds must be a whole number from 0 to 300'],
  [{ MaximumRetryAttempts: -2 }, 'MaximumRetryAttempts must be a whole number from -1 to 10000'],
  [{ MaximumRetryAttempts: 10_001 }, 'MaximumRetryAttempts must be a whole number from -1 to 10000'],
  [{ MaximumRecordAgeInSeconds: 59 }, 'MaximumRecordAgeInSeconds must be -1, or a whole number from 60 to 604800'],
  [{ MaximumRecordAgeInSeconds: 604_801 }, 'MaximumRecordAgeInSeconds must be -1, or a whole number from 60 to 604800'],
  [{ BisectBatchOnFunctionError: 'yes' }, 'BisectBatchOnFunctionError must be true or false'],
  [{ FunctionResponseTypes: ['Other'] }, 'FunctionResponseTypes.0 must be ReportBatchItemFailures'],
  [{ ParallelizationFactor: 2 }, 'ParallelizationFactor other than 1 is not emulated here'],
  [{ TumblingWindowInSeconds: 5 }, 'TumblingWindowInSeconds other than 0 is not emulated here'],
  [{ Topics: ['a'] }, 'has Topics, which is not emulated here; known: EventSourceArn'],
  [{ DestinationConfig: { OnSuccess: {} } }, 'DestinationConfig has OnSuccess, which is not emulated here; known: OnFailure'],
])('refuses %j', (properties, message) => {
  expect(() => readMapping('Mapping', { ...required, ...properties })).toThrow(UserError);
  expect(() => readMapping('Mapping', { ...required, ...properties })).toThrow(`The event source mapping Mapping: ${message}`);
});
