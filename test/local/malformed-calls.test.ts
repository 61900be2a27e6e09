import * as fc from 'fast-check';
import { OPERATIONS } from '../../local/gateway/operations';
import { runs } from '../support/complete';
import { startStore, type TestStore } from '../support/store';

/** Calls that no client makes, with the same seed every time. */
describe('a malformed call', () => {
  let store: TestStore;
  beforeAll(async () => {
    store = await startStore('per-domain');
  });
  afterAll(() => store.stop());

  const MEMBERS = ['TableName', 'IndexName', 'Key', 'Item', 'Keys', 'RequestItems', 'TransactItems', 'Statements', 'TransactStatements', 'Statement', 'Parameters', 'UpdateExpression', 'FilterExpression', 'KeyConditionExpression', 'ProjectionExpression', 'ExpressionAttributeNames', 'ExpressionAttributeValues', 'ReturnConsumedCapacity', 'ClientRequestToken', 'Put', 'Update', 'store-dev-Users', 'pk', 'S', 'N'];
  const leaf = fc.oneof(fc.constantFrom(null, true, 7, '', 'store-dev-Users', 'SET € = :z', '((a', 'a = :z', "SELECT * FROM \"store-dev-Users\"", {}, []), fc.string());
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...MEMBERS), tie('value'), { maxKeys: 4 })),
  }));
  const JAVASCRIPT = /TypeError|RangeError|is not a function|is not iterable|Cannot (?:read|convert)|reading '/;

  test('of DynamoDB is answered as DynamoDB answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...OPERATIONS), fc.oneof(value, fc.dictionary(fc.constantFrom(...MEMBERS), value)), async (operation, input) => {
        const response = await fetch(store.dynamodb, {
          method: 'POST',
          headers: { 'x-amz-target': `DynamoDB_20120810.${operation}`, authorization: 'AWS4-HMAC-SHA256 Credential=owner/20260501/us-east-1/dynamodb/aws4_request' },
          body: JSON.stringify(input),
        });
        expect([response.status < 500, await response.text()]).toEqual([true, expect.not.stringMatching(JAVASCRIPT)]);
      }),
      { seed: 16, numRuns: runs(200, 5_000) },
    );
  }, 600_000);
});
