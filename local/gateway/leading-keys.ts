import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { isFullTableScan, valuesOf } from '../partiql/statement';
import { type KeyConditionRequest, partitionKeysOfQuery, UnreadableKey } from './key-condition';
import type { Target } from './targets';

/**
 * What a call has as `dynamodb:LeadingKeys`: the partition keys that it names, as text; none for a Scan.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 *
 * @param input of the call
 * @param partitionKey the attributes of the partition key of the table or index; undefined for one that there is not
 * @throws UnreadableKey where it cannot be told which they are
 */
export function leadingKeysOf(target: Target, input: object, partitionKey: readonly string[] | undefined): string[] {
  const [attribute, ...others] = partitionKey ?? [];
  if (attribute === undefined) return [];
  if (others.length > 0) throw new UnreadableKey('its partition key has several attributes');
  return valuesIn(target, input, attribute).map((value) => textOf(attribute, value));
}

function valuesIn({ action, statement, keys = [] }: Target, input: object, attribute: string): unknown[] {
  if (action === 'Query') return partitionKeysOfQuery(input as KeyConditionRequest, attribute);
  if (!statement) return keys.flatMap((key) => (key[attribute] === undefined ? [] : [key[attribute]]));
  if (isFullTableScan(statement, [attribute])) return [];
  const values = valuesOf(statement, attribute);
  if (!values) throw new UnreadableKey(`the statement does not say by = what ${attribute} is`);
  return values;
}

/** A text, a number or a binary as it is on the wire. */
function textOf(attribute: string, value: unknown): string {
  const [[type, text] = [], ...others] = Object.entries((value ?? {}) as AttributeValue);
  if (others.length > 0 || !['S', 'N', 'B'].includes(type ?? '') || typeof text !== 'string') {
    throw new UnreadableKey(`${attribute} is ${JSON.stringify(value)}, which is no key`);
  }
  return text;
}
