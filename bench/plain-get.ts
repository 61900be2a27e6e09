import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';

/** The read of get-product without a model, validation, logger or metrics: the yardstick of `bench/bundle.ts`. */
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));

export const handler = async (event: { pathParameters: { productId: string } }) => {
  const { Item } = await client.send(
    new GetCommand({ TableName: process.env.PRODUCTS_TABLE, Key: { pk: event.pathParameters.productId, sk: 'Product' } }),
  );
  return { statusCode: Item ? 200 : 404, body: JSON.stringify(Item ?? {}) };
};
