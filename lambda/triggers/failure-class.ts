import { isServerError, isThrottlingError, isTransientError } from '@smithy/core/retry';
import { awsError, failureKind, Problem } from '#shared/errors';

/**
 * What a failure means for the record that met it; whoever reads a stream acts on this, and on nothing else.
 * - `passing`: throttled, an answer of 5xx, no answer. The record fails, and Lambda delivers it again.
 * - `final`: a service refuses what this record holds, and always will. It is reported and not repeated.
 * - `set-up`: anything else: a permission, a bucket, a quota, a record that no code here can read. Retrying alone repairs
 *   none of it, so the record goes to the on-failure queue at once, and a redrive does it after the repair.
 */
export type FailureClass = 'passing' | 'final' | 'set-up';

/** A service refuses what this record holds. Only an effect can tell, since it knows what it sent. */
export class FinalRefusal extends Error {
  /** @param cause the service's error: the log has its name, message and request id */
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = cause.name;
    if ('$metadata' in cause) Object.assign(this, { $metadata: cause.$metadata });
  }
}

export function failureClass(error: unknown): FailureClass {
  if (error instanceof FinalRefusal) return 'final';
  return isPassing(error) ? 'passing' : 'set-up';
}

/** What the SDK itself would repeat, a call that ended at its deadline, and what an operation says of DynamoDB. */
function isPassing(error: unknown): boolean {
  if (error instanceof Problem) return error.status === 503;
  const cause = awsError(error) ?? error;
  if (!(cause instanceof Error) || isQuota(cause)) return false;
  const known = cause as Error & { cause?: Error };
  return cause.name === 'AbortError' || failureKind(cause) === 'throttled' || isThrottlingError(known) || isTransientError(known) || isServerError(known);
}

/**
 * A quota lasts longer than any retry: SES answers that of a day as throttling.
 * https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html
 */
const isQuota = ({ name, message }: Error): boolean => name === 'LimitExceededException' || /quota exceeded/i.test(message);
