import { awsError, failureKind } from './errors';

/** An error can quote what it was given, however long that is. */
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
    ...(!(error instanceof SyntaxError) && { reason: (cause?.message ?? String(error)).slice(0, MAX_REASON) }),
    ...(error instanceof Error && { stack: framesOf(error) }),
    ...(requestId !== undefined && { failedRequestId: requestId }),
    ...(throttlingReasons !== undefined && { throttlingReasons }),
  };
}

/** The stack without the message before it. */
const framesOf = ({ stack = '' }: Error): string => /^ +at [^]*/m.exec(stack)?.[0].trim() ?? '';
