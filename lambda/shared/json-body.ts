import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { parse } from 'lossless-json';
import { invalidInput, MAX_INPUT_ERRORS } from './errors';
import { numberOf } from './numbers';

/**
 * The body of a request as text, without its byte order mark; empty where there is no body. API Gateway passes a body of a text
 * type as text, and any other as base64. Base64 keeps bytes that are not UTF-8; in text they are U+FFFD, so that different bytes
 * are the same text.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * @throws Problem `invalid-input` for a body that is not UTF-8
 */
export function bodyText({ body, isBase64Encoded }: Pick<APIGatewayProxyEventV2, 'body' | 'isBase64Encoded'>): string {
  const text = decode(Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'));
  if (text?.includes('\ufffd') === false) return text;
  throw invalidInput([{ path: '', message: 'the body must be UTF-8, without the replacement character U+FFFD' }]);
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The value of a JSON text, with its numbers as `numberOf` reads them.
 * @throws Problem `invalid-input` for a text that is not JSON, and for a member that is given twice
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = parse(text, undefined, { parseNumber: numberOf, onDuplicateKey: ({ newValue }) => newValue });
  } catch (error) {
    // The parser calls itself at each level.
    const reason = text === '' ? 'is empty' : error instanceof RangeError ? 'is nested too deeply' : 'is not JSON';
    throw invalidInput([{ path: '', message: `the body ${reason}` }]);
  }
  const repeated = repeatedMembers(text);
  if (repeated.length > 0) throw invalidInput(repeated.map((path) => ({ path, message: 'is given twice' })));
  return value;
}

/**
 * The paths of the members that their object has twice, the first 20 of them. Parsers keep one of the two, and lossless-json
 * reports neither the path nor two that are equal.
 * @param json valid JSON
 */
function repeatedMembers(json: string): string[] {
  /** The objects and arrays that are open. `at` is the member or the index in each, and undefined before a member's name. */
  const open: { names?: Set<string>; at?: string | number | undefined }[] = [];
  const repeated = new Set<string>();
  for (let index = 0; index < json.length && repeated.size < MAX_INPUT_ERRORS; index++) {
    const inner = open.at(-1);
    switch (json[index]) {
      case '{':
        open.push({ names: new Set() });
        break;
      case '[':
        open.push({ at: 0 });
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        if (inner) inner.at = typeof inner.at === 'number' ? inner.at + 1 : undefined;
        break;
      case '"': {
        const start = index;
        for (index++; json[index] !== '"'; index++) if (json[index] === '\\') index++;
        if (!inner?.names || inner.at !== undefined) break;
        const name = JSON.parse(json.slice(start, index + 1)) as string;
        inner.at = name;
        if (inner.names.has(name)) repeated.add(open.map(({ at }) => at).join('.'));
        inner.names.add(name);
      }
    }
  }
  return [...repeated];
}
