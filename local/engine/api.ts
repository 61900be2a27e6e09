import type { Engine } from './engine';

/** An error of the DynamoDB API; `name` is its type, as `ResourceNotFoundException`. */
export class ApiError extends Error {
  constructor(type: string, message: string) {
    super(message);
    this.name = type;
  }
}

/**
 * Calls an operation of the DynamoDB API on an engine. The platform's own few calls do not load the SDK: that takes
 * longer than everything else at a second start.
 * @throws ApiError
 */
export async function callApi<Output>(engine: Engine, operation: string, input: object): Promise<Output> {
  const { status, body } = await engine.send(
    { 'x-amz-target': `DynamoDB_20120810.${operation}`, 'content-type': 'application/x-amz-json-1.0' },
    Buffer.from(JSON.stringify(input)),
  );
  const answer = JSON.parse(body.toString('utf8')) as { __type?: string; message?: string; Message?: string };
  if (status === 200) return answer as Output;
  throw new ApiError((answer.__type ?? 'Error').replace(/^.*#/, ''), answer.message ?? answer.Message ?? '');
}
