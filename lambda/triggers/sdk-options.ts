import { SDK_RETRY } from '#shared/sdk-retry';

/** What the clients of the other services have in common with DynamoDB's. */
export const sdkOptions = {
  maxAttempts: SDK_RETRY.maxAttempts,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: SDK_RETRY.requestTimeoutMs, throwOnRequestTimeout: true },
};

/** Ends a call at a deadline (epoch milliseconds): its retries could otherwise outlast the function. */
export const abortAt = (deadline: number) => ({ abortSignal: AbortSignal.timeout(Math.max(0, deadline - Date.now())) });
