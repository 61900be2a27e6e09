/**
 * Every problem that a function answers: its type (the bare slug of RFC 9457), the status and the title.
 * https://www.rfc-editor.org/rfc/rfc9457
 */
const PROBLEMS = {
  'invalid-input': [400, 'The request is not valid'],
  'invalid-cursor': [400, 'The cursor is not valid'],
  'item-too-large': [400, 'The item is too large'],
  'transaction-too-large': [400, 'The transaction is too large'],
  'missing-idempotency-key': [400, 'The header Idempotency-Key is missing'],
  forbidden: [403, 'Only an admin may do this'],
  'email-not-verified': [403, 'The e-mail is not verified'],
  'not-found': [404, 'Not found'],
  'unknown-product': [404, 'No such product'],
  'user-exists': [409, 'The user exists'],
  'email-taken': [409, 'The e-mail is taken'],
  'product-exists': [409, 'The product exists'],
  'insufficient-stock': [409, 'Not enough stock'],
  'not-orderable': [409, 'The product cannot be ordered'],
  'illegal-transition': [409, 'The order cannot change to this status'],
  'cart-full': [409, 'The cart is full'],
  'item-collection-full': [409, 'The item collection is full'],
  'precondition-failed': [412, 'Changed since it was read'],
  'payload-too-large': [413, 'The body is too large'],
  'idempotency-key-reused': [422, 'The Idempotency-Key was used with another body'],
  'precondition-required': [428, 'The header If-Match is missing'],
  'answer-too-large': [500, 'The answer is too large'],
  'internal-error': [500, 'Internal error'],
  throttled: [503, 'Too busy'],
  unavailable: [503, 'DynamoDB does not answer'],
  'home-region-unavailable': [503, 'The home region does not answer'],
  'outcome-unknown': [503, 'It is not known whether this was done'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemType = keyof typeof PROBLEMS;

/** An error that is the caller's answer: `application/problem+json` with its type's status. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;

  /**
   * @param extra more members of the answer, for example `lines` of `insufficient-stock`
   * @param options the failure behind it, for the log line
   */
  constructor(
    readonly type: ProblemType,
    readonly detail: string,
    readonly extra: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(`${type}: ${detail}`, options);
    [this.status, this.title] = PROBLEMS[type];
  }
}

/** A write was sent that may have been done. @param cause the failure after which nothing more was tried, if there was one */
export const outcomeUnknown = (cause?: unknown) =>
  new Problem('outcome-unknown', 'This may have been done. Read before you repeat it.', {}, cause === undefined ? undefined : { cause });

/** What went wrong with one input: a path such as `lines.0.quantity`, and why. */
export interface InputError {
  path: string;
  message: string;
}

/** The most input errors that one response lists, and the most characters of a path in it: a body can have very many of both. */
export const MAX_INPUT_ERRORS = 20;
export const MAX_INPUT_PATH = 200;

export function invalidInput(given: readonly InputError[]): Problem {
  const errors = given.slice(0, MAX_INPUT_ERRORS).map(({ path, message }) => ({ path: path.slice(0, MAX_INPUT_PATH), message }));
  const detail = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
  return new Problem('invalid-input', detail, { errors });
}

/** An item that a write would take over 400 KB. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
export const itemTooLarge = () =>
  new Problem('item-too-large', 'With this the item would have more than 400 KB, which is the most that DynamoDB stores.');

/** A partition of a table with local indexes takes 10 GB. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html */
export const itemCollectionFull = () =>
  new Problem('item-collection-full', 'All that is stored under this partition key has reached 10 GB; only deletes are taken.');

/** The problem behind a refusal of a single write that is due to the size of the data; undefined for any other error. */
export function problemOfWrite(error: unknown): Problem | undefined {
  const cause = awsError(error);
  if (cause?.name === 'ItemCollectionSizeLimitExceededException') return itemCollectionFull();
  return cause?.name === 'ValidationException' && isItemSize(cause.message) ? itemTooLarge() : undefined;
}

/** "Item size has exceeded the maximum allowed size", and the same of an item "to update". */
export const isItemSize = (message: string | undefined): boolean => /item size .*exceeded the maximum/i.test(message ?? '');

/**
 * What a failure of DynamoDB means for the caller.
 * - `throttled`: nothing was done; trying again later is right.
 * - `unknown-outcome`: no answer, or a 5xx: it may have been done. Only a read or the same ClientRequestToken tells.
 * - `other`: a defect (validation, access denied, a missing table) or not DynamoDB's.
 */
export type FailureKind = 'throttled' | 'unknown-outcome' | 'other';

const THROTTLED = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'TransactionConflictException',
]);

export function failureKind(error: unknown): FailureKind {
  const cause = awsError(error);
  if (!cause) return 'other';
  if (THROTTLED.has(cause.name)) return 'throttled';
  const status = cause.$metadata?.httpStatusCode;
  if (cause.name === 'TransactionInProgressException' || (status !== undefined && status >= 500)) {
    return 'unknown-outcome';
  }
  // The SDK gives an answer that never came (time-out, connection reset) no status.
  return status === undefined ? 'unknown-outcome' : 'other';
}

/**
 * Whether the call that failed may be sent again: one that DynamoDB refused for a passing reason, or one that had no answer and
 * comes to the same when it is done twice, which who sends it must know. Never a write that DAX did not answer, nor a call to a home
 * region that the request waited for long enough.
 */
export function mayRepeat(error: unknown): boolean {
  const cause = awsError(error);
  return failureKind(error) !== 'other' && !(cause instanceof UnansweredWrite || cause instanceof HomeRegionAway);
}

/**
 * A write that went to DAX and had no answer: it may have been done. It is reported, and not sent again. Sent to DAX, it would
 * wait for the same cluster; sent to DynamoDB, it would leave what DAX holds as it was.
 */
export class UnansweredWrite extends Error {
  override readonly name = 'UnansweredWrite';
  /** No status, as that of a call that the SDK had no answer to. */
  readonly $metadata = {};

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}

/**
 * The home region, asked from another one, did not answer in the time that a request waits for it (home-region.ts). It has no cause:
 * the SDK repeats a call whose error has a cause that passes.
 */
export class HomeRegionAway extends Error {
  override readonly name = 'HomeRegionAway';
  /** No status, as that of a call that the SDK had no answer to. */
  readonly $metadata = {};
}

/** The SDK's own error: ElectroDB wraps it as the cause of an ElectroError. Undefined for an error of another origin. */
export function awsError(error: unknown): SdkError | undefined {
  const cause = error instanceof Error && 'isElectroError' in error ? error.cause : error;
  return cause instanceof Error && '$metadata' in cause ? (cause as SdkError) : undefined;
}

interface SdkError extends Error {
  $metadata?: { httpStatusCode?: number; requestId?: string; attempts?: number };
  /** One throttling error names them with a capital letter, the others without. */
  ThrottlingReasons?: unknown;
  throttlingReasons?: unknown;
}
