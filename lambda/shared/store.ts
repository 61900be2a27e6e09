import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createStore } from '#model/store';
import { noteConsumedCapacity } from './consumed-capacity';
import { env } from './env';
import { noteLostAnswers } from './lost-answers';
import { productCache } from './product-cache';
import { SDK_RETRY } from './sdk-retry';

/** A document client of a region. */
function documentsOf(region: string): DynamoDBDocumentClient {
  const dynamodb = new DynamoDBClient({
    region,
    maxAttempts: SDK_RETRY.maxAttempts,
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: SDK_RETRY.requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  });
  noteLostAnswers(dynamodb);
  noteConsumedCapacity(dynamodb);
  return DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });
}

const home = env('HOME_REGION');
const here = env('AWS_REGION');

/** The document client behind the model, for what ElectroDB has no call for: PartiQL. It works in the home region. */
export const client = documentsOf(home);

/** The model on the tables that the template names: in the home region, on this region's replica, and through the cache. */
export const store = createStore(
  { users: env('USERS_TABLE'), products: env('PRODUCTS_TABLE'), orders: env('ORDERS_TABLE') },
  client,
  here === home ? { cache: productCache(client) } : { replica: () => documentsOf(here) },
);
