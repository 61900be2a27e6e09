import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createStore } from '#model/store';
import { env } from './env';
import { noteLostAnswers } from './lost-answers';
import { SDK_RETRY } from './sdk-retry';

const dynamodb = new DynamoDBClient({
  maxAttempts: SDK_RETRY.maxAttempts,
  requestHandler: {
    connectionTimeout: 1_000,
    requestTimeout: SDK_RETRY.requestTimeoutMs,
    throwOnRequestTimeout: true,
  },
});
noteLostAnswers(dynamodb);

/** The document client behind the model, for what ElectroDB has no call for: PartiQL. */
export const client = DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });

/** The model on the tables that the template names. */
export const store = createStore(
  { users: env('USERS_TABLE'), products: env('PRODUCTS_TABLE'), orders: env('ORDERS_TABLE') },
  client,
);
