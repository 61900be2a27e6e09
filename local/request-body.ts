import type { IncomingMessage } from 'node:http';

/** The body of a request is larger than its server takes. */
export class BodyTooLarge extends Error {}

/** The client went before the request was complete. Nobody waits for an answer. */
export class IncompleteRequest extends Error {}

/**
 * The whole body of a request: every server here reads it with this function, and does nothing before.
 * What is over the limit is read and thrown away, so that the client gets to read the answer.
 *
 * @throws BodyTooLarge
 * @throws IncompleteRequest where the body ends before its Content-Length or its last chunk
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
    }
  } catch (error) {
    throw new IncompleteRequest('The request ended before it was complete.', { cause: error });
  }
  if (length > maxBytes) throw new BodyTooLarge(`The body has ${length} bytes; the limit is ${maxBytes}.`);
  return Buffer.concat(chunks);
}
