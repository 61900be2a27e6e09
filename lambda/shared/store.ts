import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createStore } from '#model/store';
import { env } from './env';

/**
 * The SDK's retry budget: up to 4 attempts of 2.5 s; when throttled it waits up to 0.5, 1 and 2 s between them.
 * A function's timeout is above the sum, so that a flow always learns how its call ended.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
 */
export const SDK_RETRY = { maxAttempts: 4, requestTimeoutMs: 2_500, maxBackoffMs: 3_500 } as const;

const client = DynamoDBDocumentClient.from(
  new DynamoDBClient({
    maxAttempts: SDK_RETRY.maxAttempts,
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: SDK_RETRY.requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  }),
  { marshallOptions: { removeUndefinedValues: true } },
);

/** The model on the tables that the template names. */
export const store = createStore(
  { users: env('USERS_TABLE'), products: env('PRODUCTS_TABLE'), orders: env('ORDERS_TABLE') },
  client,
);
