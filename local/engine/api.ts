import type { Engine, WireReply } from './engine';

/** An error of the DynamoDB API; `name` is its type, as `ResourceNotFoundException`. */
export class ApiError extends Error {
  constructor(type: string, message: string) {
    super(message);
    this.name = type;
  }
}

/**
 * Calls an operation of the DynamoDB API on an engine, or of DynamoDB Streams. The platform's own few calls do not load
 * the SDK: that takes longer than everything else at a second start.
 * @throws ApiError
 */
export async function callApi<Output>(
  engine: Pick<Engine, 'send'>,
  operation: string,
  input: object,
  service: 'DynamoDB' | 'DynamoDBStreams' = 'DynamoDB',
): Promise<Output> {
  const headers = { 'x-amz-target': `${service}_20120810.${operation}`, 'content-type': 'application/x-amz-json-1.0' };
  return answerOf<Output>(await engine.send(headers, Buffer.from(JSON.stringify(input))));
}

/** The answer in a reply. @throws ApiError */
export function answerOf<Output>({ status, body }: WireReply): Output {
  const answer = JSON.parse(body.toString('utf8')) as { __type?: string; message?: string; Message?: string };
  if (status === 200) return answer as Output;
  throw new ApiError((answer.__type ?? 'Error').replace(/^.*#/, ''), answer.message ?? answer.Message ?? '');
}
