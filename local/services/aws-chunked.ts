import { ServiceError, type ServiceRequest } from './service';

/**
 * The content of an upload, which a client may send in chunks with a checksum behind them.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 *
 * @throws ServiceError IncompleteBody
 */
export function contentOf({ headers, body }: ServiceRequest): Buffer {
  if (!String(headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-')) return body;
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at);
    // A signature may follow the size.
    const [, digits] = /^([\da-f]+)(?:;.*)?$/i.exec(end < 0 ? '' : body.toString('latin1', at, end)) ?? [];
    if (!digits) throw incomplete();
    const size = Number.parseInt(digits, 16);
    // The trailers that follow the last chunk are not read: nothing damages what travels over loopback.
    if (size === 0) break;
    const start = end + 2;
    chunks.push(body.subarray(start, start + size));
    at = start + size + 2;
  }
  const content = Buffer.concat(chunks);
  const promised = headers['x-amz-decoded-content-length'];
  if (promised !== undefined && Number(promised) !== content.length) throw incomplete();
  return content;
}

const incomplete = () =>
  new ServiceError('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header.');
