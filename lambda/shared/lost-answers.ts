import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { awsError } from './errors';

/** Calls of which some try had no answer, or a 5xx: it may have been done, whatever the last try was told. */
const lost = new WeakSet<object>();

/**
 * Makes the client remember which calls lost an answer. The SDK tries again by itself and shows the last error only: a
 * call that was done without an answer, and then throttled, would look like one that was not done.
 */
export function noteLostAnswers(client: DynamoDBClient): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if ((context as { isLost?: boolean }).isLost && typeof error === 'object' && error !== null) lost.add(error);
        throw error;
      }
    },
    { name: 'lostAnswerOfCall', step: 'initialize', override: true },
  );
  client.middlewareStack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
        if (status === undefined || status >= 500) Object.assign(context, { isLost: true });
        throw error;
      }
    },
    // The SDK's retries are of the same step and high priority, so they are around it.
    { name: 'lostAnswerOfTry', step: 'finalizeRequest', priority: 'low', override: true },
  );
}

/** Whether some try of the call that failed so had no answer. */
export const hasLostAnswer = (error: unknown): boolean => {
  const cause = awsError(error);
  return cause !== undefined && lost.has(cause);
};
