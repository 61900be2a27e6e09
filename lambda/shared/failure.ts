import { awsError, failureKind } from './errors';
import { redact } from './redact';

/** An error can quote what it was given, however long that is. It is cut when it is redacted: half an address has no form. */
const MAX_REASON = 1_000;

/**
 * What a log line says of a failure. Not a word of the data: a message of DynamoDB names attributes and limits; one that
 * quotes what could not be read is left out.
 */
export function failureOf(error: unknown) {
  const cause = awsError(error) ?? (error instanceof Error ? error : undefined);
  const { requestId } = awsError(error)?.$metadata ?? {};
  const throttlingReasons = awsError(error)?.ThrottlingReasons ?? awsError(error)?.throttlingReasons;
  return {
    kind: failureKind(error),
    error: cause?.name ?? 'unknown',
    // `JSON.parse` quotes the text in which it found a fault.
    ...(!(error instanceof SyntaxError) && { reason: redact(cause?.message ?? String(error)).slice(0, MAX_REASON) }),
    ...(error instanceof Error && { stack: framesOf(error) }),
    ...(requestId !== undefined && { failedRequestId: requestId }),
    ...(throttlingReasons !== undefined && { throttlingReasons }),
  };
}

/** The frames of the stack, without the message before them, which may have lines of any form. */
function framesOf({ stack = '', message }: Error): string {
  const rest = stack.slice(Math.max(0, stack.indexOf(message)) + message.length);
  return rest
    .split('\n')
    .filter((line) => /^ {4}at .*(:\d+:\d+|<anonymous>|native)\)?$/.test(line))
    .join('\n')
    .trim();
}
