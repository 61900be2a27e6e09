/**
 * A record as filters see it: one of DynamoDB as it is in the event; one of Kinesis without its envelope, and with its
 * data decoded, as JSON if it is any.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html
 */
export function filterable(record: { readonly [key: string]: unknown }): unknown {
  const { kinesis } = record;
  if (!isEnvelope(kinesis)) return record;
  const text = Buffer.from(kinesis.data, 'base64').toString('utf8');
  return { ...kinesis, data: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const isEnvelope = (value: unknown): value is { data: string } =>
  typeof value === 'object' && value !== null && 'data' in value && typeof value.data === 'string';
