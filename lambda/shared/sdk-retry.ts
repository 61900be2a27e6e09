/**
 * The SDK's retry budget: up to 4 attempts of 2.5 s; when throttled it waits up to 1, 2 and 4 s between them.
 * A function's timeout is above the sum, so that a call that began at once ends before the function does.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
 */
export const SDK_RETRY = { maxAttempts: 4, requestTimeoutMs: 2_500, maxBackoffMs: 7_000 } as const;
