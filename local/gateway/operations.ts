/** DynamoDB's operations on items, all of which report the capacity that they consume. */
export const OPERATIONS = [
  'BatchExecuteStatement',
  'BatchGetItem',
  'BatchWriteItem',
  'DeleteItem',
  'ExecuteStatement',
  'ExecuteTransaction',
  'GetItem',
  'PutItem',
  'Query',
  'Scan',
  'TransactGetItems',
  'TransactWriteItems',
  'UpdateItem',
] as const;

/** The other services, and their operations that run here. */
export const SERVICE_OPERATIONS = {
  ses: ['SendEmail'],
  events: ['PutEvents', 'ListEventBuses', 'ListRules'],
  s3: ['PutObject', 'GetObject', 'HeadObject', 'DeleteObject', 'HeadBucket', 'ListBuckets', 'ListObjectsV2'],
  sqs: [
    'GetQueueUrl',
    'ListQueues',
    'SendMessage',
    'ReceiveMessage',
    'DeleteMessage',
    'ChangeMessageVisibility',
    'GetQueueAttributes',
    'PurgeQueue',
  ],
  lambda: ['Invoke', 'ListFunctions', 'GetFunction', 'GetFunctionConfiguration'],
  sts: ['GetCallerIdentity'],
} as const;

/** Those that functions call, so that faults can hit them. */
export const FAULTY_SERVICES = ['ses', 'events', 's3', 'sqs'] as const;

export type ServiceName = keyof typeof SERVICE_OPERATIONS;
export type FaultyServiceName = (typeof FAULTY_SERVICES)[number];
export type OperationOf<Name extends ServiceName> = (typeof SERVICE_OPERATIONS)[Name][number];
