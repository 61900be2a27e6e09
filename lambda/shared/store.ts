import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createStore } from '#model/store';
import { noteConsumedCapacity } from './consumed-capacity';
import { env } from './env';
import { HOME_REGION_WAIT, limitWait } from './home-region';
import { productCache } from './product-cache';
import { SDK_RETRY } from './sdk-retry';
import { noteWrites } from './sent-writes';

const home = env('HOME_REGION');
const here = env('AWS_REGION');

/** A document client of a region. For one of another region a request waits a limited time only. */
function documentsOf(region: string): DynamoDBDocumentClient {
  const isElsewhere = region !== here;
  const dynamodb = new DynamoDBClient({
    region,
    maxAttempts: SDK_RETRY.maxAttempts,
    requestHandler: {
      connectionTimeout: isElsewhere ? HOME_REGION_WAIT.connectMs : 1_000,
      requestTimeout: SDK_RETRY.requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  });
  noteWrites(dynamodb);
  noteConsumedCapacity(dynamodb);
  const documents = DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });
  if (isElsewhere) limitWait(documents);
  return documents;
}

/** The document client behind the model, for what ElectroDB has no call for: PartiQL. It works in the home region. */
export const client = documentsOf(home);

/** The model on the tables that the template names: in the home region, on this region's replica, and through the cache. */
export const store = createStore(
  { users: env('USERS_TABLE'), products: env('PRODUCTS_TABLE'), orders: env('ORDERS_TABLE') },
  client,
  here === home ? { cache: productCache(client) } : { replica: () => documentsOf(here) },
);
