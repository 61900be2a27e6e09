import { SDK_RETRY } from '#shared/sdk-retry';

/** What the clients of the other services have in common with DynamoDB's. */
export const sdkOptions = {
  maxAttempts: SDK_RETRY.maxAttempts,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: SDK_RETRY.requestTimeoutMs, throwOnRequestTimeout: true },
};

/** Ends a call at a deadline (epoch milliseconds): its retries could otherwise outlast the function. Past it, none is sent. */
export const abortAt = (deadline: number) => {
  const left = deadline - Date.now();
  return { abortSignal: left > 0 ? AbortSignal.timeout(left) : AbortSignal.abort() };
};
