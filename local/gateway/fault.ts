import * as z from 'zod/mini';
import { FAULTY_SERVICES, type FaultyServiceName, OPERATIONS, SERVICE_OPERATIONS } from './operations';

/** Reads of the indexes, which alone can lag. */
const INDEX_READS = ['Query', 'Scan', 'ExecuteStatement'] as const;
const SINGLE_WRITES = ['PutItem', 'UpdateItem', 'DeleteItem'] as const;
const TRANSACTIONS = ['TransactWriteItems', 'TransactGetItems', 'ExecuteTransaction'] as const;

/** Where throttling comes from. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html */
export const LIMITS = [
  'ProvisionedThroughputExceeded',
  'AccountLimitExceeded',
  'KeyRangeThroughputExceeded',
  'MaxOnDemandThroughputExceeded',
] as const;

/** Why an action cancels a transaction. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html */
export const CANCELLATION_CODES = [
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'ItemCollectionSizeLimitExceeded',
  'ValidationError',
  'ConditionalCheckFailed',
  'DuplicateItem',
] as const;

const oneOf = <Value extends string>(values: readonly Value[]) => z.enum(values, `must be one of ${values.join(', ')}`);

const RATE = 'must be a number from 0 to 1';
const COUNT = 'must be a whole number from 1';
const AFTER = 'must be a whole number from 0';
const SECONDS = 'must be a number from 0 to 3600';
const CODE = 'must be the code of an error, as AccessDeniedException';
const REASON = `must be Table or Index, then Read or Write, then one of ${LIMITS.join(', ')}`;

/** What a fault of any kind says, and the operations that the kind concerns. */
const common = <Operation extends string>(operations: readonly Operation[]) => ({
  /** The flow that it hits; every flow unless given. */
  function: z.optional(z.string('must be the name of a flow')),
  operation: z.optional(oneOf(operations)),
  /** The share of calls that it hits; of `unprocessed` the share of items. */
  rate: z.optional(z.number(RATE).check(z.minimum(0, RATE), z.maximum(1, RATE))),
  /** How many calls it hits at most. */
  count: z.optional(z.int(COUNT).check(z.minimum(1, COUNT))),
  /** How many calls pass before. */
  after: z.optional(z.int(AFTER).check(z.minimum(0, AFTER))),
});

const service = oneOf(FAULTY_SERVICES);

/** What a fault says that can hit the other services too: DynamoDB unless it names one. The operation is checked once that is known. */
const ofAnyService = { ...common(OPERATIONS), operation: z.optional(z.string('must be the name of an operation')), service: z.optional(service) };

/** What a fault says that hits deliveries of streams; it concerns no operation. */
const { operation: _, ...ofConsumers } = common([]);

const fault = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys' ? `unknown: ${keys.join(', ')}; allowed: ${Object.keys(shape).join(', ')}` : undefined,
  });

/** The kinds of faults. */
const FAULTS = {
  throttle: fault({
    kind: z.literal('throttle'),
    ...ofAnyService,
    reason: z.optional(z.templateLiteral([z.enum(['Table', 'Index']), z.enum(['Read', 'Write']), z.enum(LIMITS)], REASON)),
  }),
  'internal-error': fault({ kind: z.literal('internal-error'), ...ofAnyService }),
  conflict: fault({
    kind: z.literal('conflict'),
    ...common([...SINGLE_WRITES, ...TRANSACTIONS]),
    reason: z.optional(oneOf(['TransactionConflict', 'ItemCollectionSizeLimitExceeded'])),
    /** Of a transaction, one for each action; null for one that is not at fault. */
    reasons: z.optional(
      z.readonly(
        z
          .array(z.nullable(oneOf(CANCELLATION_CODES)), 'must be a list')
          .check(z.refine((codes) => codes.some((code) => code !== null), 'must name a reason')),
      ),
    ),
  }),
  unprocessed: fault({ kind: z.literal('unprocessed'), ...common(['BatchWriteItem', 'BatchGetItem']) }),
  'timeout-after-commit': fault({ kind: z.literal('timeout-after-commit'), ...ofAnyService }),
  /** A service answers with an error of the caller's (4xx). */
  refused: fault({
    kind: z.literal('refused'),
    ...ofAnyService,
    service,
    code: z.string(CODE).check(z.regex(/^[A-Za-z][\w.]{0,99}$/, CODE)),
    message: z.optional(z.string('must be text')),
  }),
  'gsi-lag': fault({
    kind: z.literal('gsi-lag'),
    ...common(INDEX_READS),
    /** How old what the indexes show is: 5 unless given. */
    seconds: z.optional(z.number(SECONDS).check(z.minimum(0, SECONDS), z.maximum(3_600, SECONDS))),
  }),
  /** A batch of a stream is delivered once more. */
  'duplicate-batch': fault({ kind: z.literal('duplicate-batch'), ...ofConsumers }),
  /** The process of a function that reads a stream is killed in the middle of a batch, or just after it. */
  'kill-consumer': fault({ kind: z.literal('kill-consumer'), ...ofConsumers }),
};

const KINDS = Object.keys(FAULTS);

/** The kinds of faults, and the members that each may have besides `kind`. */
export const FAULT_MEMBERS = Object.entries(FAULTS).map(([kind, { shape }]) => [kind, Object.keys(shape).filter((name) => name !== 'kind')] as const);

const anyFault = z.discriminatedUnion(
  'kind',
  [
    FAULTS.throttle,
    FAULTS['internal-error'],
    FAULTS.conflict,
    FAULTS.unprocessed,
    FAULTS['timeout-after-commit'],
    FAULTS.refused,
    FAULTS['gsi-lag'],
    FAULTS['duplicate-batch'],
    FAULTS['kill-consumer'],
  ],
  `must be one of ${KINDS.join(', ')}`,
);

/** A fault to inject between a function and DynamoDB or another service, or between a stream and a function. */
export type Fault = z.output<typeof anyFault>;
/** A fault that hits calls of DynamoDB by itself. */
export type CallFault = Exclude<Fault, { kind: 'gsi-lag' | 'duplicate-batch' | 'kill-consumer' | 'refused' }>;
/** A fault that can hit calls of the other services. */
export type ServiceFault = FaultOf<'throttle' | 'internal-error' | 'timeout-after-commit' | 'refused'>;
export type ConsumerFault = Extract<Fault, { kind: 'duplicate-batch' | 'kill-consumer' }>;
export type FaultOf<Kind extends Fault['kind']> = Extract<Fault, { kind: Kind }>;

/** A fault as JSON. @param functions the flows that there are */
export const faultInput = (functions: readonly string[]) =>
  anyFault.check((context) => {
    const { value: fault, issues } = context;
    const refuse = (member: string, message: string) => issues.push({ code: 'custom', input: fault, path: [member], message });
    if (fault.function !== undefined && !functions.includes(fault.function)) {
      refuse('function', `must be one of ${functions.join(', ')}`);
    }
    const { service, operation } = { service: undefined, operation: undefined, ...fault };
    const operations: readonly string[] = service === undefined ? OPERATIONS : SERVICE_OPERATIONS[service];
    if (operation !== undefined && !operations.includes(operation)) refuse('operation', `must be one of ${operations.join(', ')}`);
    if (fault.kind === 'throttle' && service !== undefined && fault.reason !== undefined) {
      refuse('reason', `is one of DynamoDB's; ${service} gives none`);
    }
    if (fault.kind === 'conflict' && fault.reasons && SINGLE_WRITES.some((operation) => operation === fault.operation)) {
      refuse('reasons', `are those of a transaction; ${fault.operation} is none`);
    }
  });

/** The service that a fault hits; undefined for DynamoDB. */
export const serviceOf = (fault: Fault): FaultyServiceName | undefined => ('service' in fault ? fault.service : undefined);

/** The operations of its service that a fault concerns. */
export function operationsOf(fault: Fault): readonly string[] {
  if ('operation' in fault && fault.operation !== undefined) return [fault.operation];
  const service = serviceOf(fault);
  if (service !== undefined) return SERVICE_OPERATIONS[service];
  switch (fault.kind) {
    case 'conflict':
      return fault.reasons ? TRANSACTIONS : [...SINGLE_WRITES, ...TRANSACTIONS];
    case 'unprocessed':
      return ['BatchWriteItem', 'BatchGetItem'];
    case 'gsi-lag':
      return INDEX_READS;
    case 'duplicate-batch':
    case 'kill-consumer':
      return [];
    default:
      return OPERATIONS;
  }
}
