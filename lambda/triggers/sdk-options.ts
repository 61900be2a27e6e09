import { SDK_RETRY } from '#shared/sdk-retry';

/** What the clients of the other services have in common with DynamoDB's. */
export const sdkOptions = {
  maxAttempts: SDK_RETRY.maxAttempts,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: SDK_RETRY.requestTimeoutMs, throwOnRequestTimeout: true },
};
