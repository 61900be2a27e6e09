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

/** The other services that faults can hit, and their operations that run here. */
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
} as const;

export type ServiceName = keyof typeof SERVICE_OPERATIONS;
export type OperationOf<Name extends ServiceName> = (typeof SERVICE_OPERATIONS)[Name][number];
