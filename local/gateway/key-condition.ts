import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** A partition key that cannot be read from a call. */
export class UnreadableKey extends Error {}

/** The members of a Query that say which partition it reads. */
export interface KeyConditionRequest {
  KeyConditionExpression?: unknown;
  ExpressionAttributeNames?: Readonly<Record<string, unknown>>;
  ExpressionAttributeValues?: Readonly<Record<string, AttributeValue>>;
  KeyConditions?: Readonly<Record<string, { ComparisonOperator?: string; AttributeValueList?: readonly AttributeValue[] }>>;
}

/**
 * All that a Query says its partition key equals: by an expression, or by the older KeyConditions.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
 *
 * @param attribute the partition key of the table or index
 * @throws UnreadableKey for an expression that is none
 */
export function partitionKeysOfQuery(request: KeyConditionRequest, attribute: string): AttributeValue[] {
  const { KeyConditionExpression: expression, KeyConditions = {} } = request;
  const { ComparisonOperator, AttributeValueList = [] } = KeyConditions[attribute] ?? {};
  const older = ComparisonOperator === 'EQ' ? AttributeValueList : [];
  if (expression === undefined) return [...older];
  if (typeof expression !== 'string') throw new UnreadableKey('its KeyConditionExpression is no text');
  const equalities = new Reader(tokensOf(expression), request).equalities();
  return [...older, ...equalities.flatMap((equality) => (equality.attribute === attribute ? [equality.value] : []))];
}

interface Equality {
  attribute: string;
  value: AttributeValue;
}

/** One side of a comparison. */
type Operand = { attribute: string } | { value: AttributeValue };

const TOKEN = /\s*(<=|>=|<>|[=<>(),]|[#:]?\w+)/y;
const COMPARISONS = ['=', '<', '<=', '>', '>='];

function tokensOf(expression: string): string[] {
  const tokens: string[] = [];
  const text = expression.trimEnd();
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    const [, token] = TOKEN.exec(text) ?? [];
    if (token === undefined) throw new UnreadableKey(`its KeyConditionExpression is not read beyond ${at}`);
    tokens.push(token);
  }
  return tokens;
}

/** Reads comparisons that are joined by AND: a key condition has nothing else. */
class Reader {
  private at = 0;

  constructor(
    private readonly tokens: readonly string[],
    private readonly request: KeyConditionRequest,
  ) {}

  equalities(): Equality[] {
    const found = this.conjunction();
    if (this.at < this.tokens.length) throw this.unexpected();
    return found;
  }

  private conjunction(): Equality[] {
    const found = this.condition();
    while (this.takes('AND')) found.push(...this.condition());
    return found;
  }

  private condition(): Equality[] {
    if (this.takes('(')) {
      const found = this.conjunction();
      this.expect(')');
      return found;
    }
    if (this.takes('begins_with')) {
      this.expect('(');
      this.operand();
      this.expect(',');
      this.operand();
      this.expect(')');
      return [];
    }
    const left = this.operand();
    if (this.takes('BETWEEN')) {
      this.operand();
      this.expect('AND');
      this.operand();
      return [];
    }
    const comparison = COMPARISONS.find((text) => this.takes(text));
    if (comparison === undefined) throw this.unexpected();
    const sides = { ...left, ...this.operand() };
    return comparison === '=' && 'attribute' in sides && 'value' in sides ? [sides] : [];
  }

  private operand(): Operand {
    const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = this.request;
    const token = this.tokens[this.at++] ?? '';
    if (/^\w/.test(token)) return { attribute: token };
    const [name, value] = [names[token], values[token]];
    if (token.startsWith('#') && typeof name === 'string') return { attribute: name };
    if (token.startsWith(':') && value !== undefined) return { value };
    this.at--;
    throw this.unexpected();
  }

  private takes(text: string): boolean {
    // Keywords are taken in any case.
    const found = this.tokens[this.at]?.toUpperCase() === text.toUpperCase();
    if (found) this.at++;
    return found;
  }

  private expect(text: string): void {
    if (!this.takes(text)) throw this.unexpected();
  }

  private unexpected(): UnreadableKey {
    const token = this.tokens[this.at];
    return new UnreadableKey(token === undefined ? 'its KeyConditionExpression ends too early' : `its KeyConditionExpression has an unexpected ${token}`);
  }
}
