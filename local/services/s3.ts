import { contentOf } from './aws-chunked';
import { etagOf, type Objects, type StoredObject } from './objects';
import type { Outbox } from './outbox';
import { type FaultyService, type Protocol, type ServiceCall, ServiceError, type ServiceRequest } from './service';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const restXml: Protocol = {
  error: ({ code, message, status, headers }) => ({
    status,
    headers: { 'content-type': 'application/xml', ...headers },
    body: Buffer.from(`<Error><Code>${escaped(code)}</Code><Message>${escaped(message)}</Message></Error>`),
  }),
  accessDenied: { code: 'AccessDenied', status: 403 },
};

/** Headers that would change what a call does. */
const UNKNOWN_HEADERS = ['range', 'if-match', 'if-modified-since', 'if-unmodified-since', 'x-amz-copy-source'];

const LONGEST_KEY_BYTES = 1_024;

/**
 * Objects of S3, in path style; what is put goes to the outbox too.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 */
export function s3Service(options: { objects: Objects; outbox: Outbox; now(): number }): FaultyService<'s3'> {
  const { objects, outbox, now } = options;

  /** The bucket and the key of a call that the caller may make. */
  const authorized = (call: ServiceCall, action: string): { bucket: string; key: string } => {
    const { bucket, key } = placeOf(call);
    if (!objects.buckets.includes(bucket)) throw new ServiceError('NoSuchBucket', 'The specified bucket does not exist', 404);
    if (Buffer.byteLength(key) > LONGEST_KEY_BYTES) throw new ServiceError('KeyTooLongError', 'Your key is too long');
    call.authorize({ action, resource: `arn:aws:s3:::${bucket}/${key}` });
    const unknown = UNKNOWN_HEADERS.find((name) => name in call.headers);
    if (unknown) throw new ServiceError('NotImplemented', `The header ${unknown} does not run here.`, 501);
    return { bucket, key };
  };

  const read = (call: ServiceCall): StoredObject => {
    const { bucket, key } = authorized(call, 's3:GetObject');
    const found = objects.get(bucket, key);
    if (found) return found;
    // Who may not list a bucket is not told what it does not hold.
    if (!call.isAllowed({ action: 's3:ListBucket', resource: `arn:aws:s3:::${bucket}` })) {
      throw new ServiceError('AccessDenied', 'Access Denied', 403);
    }
    throw new ServiceError('NoSuchKey', 'The specified key does not exist.', 404);
  };

  const get = (call: ServiceCall) => {
    const { content, headers, lastModified } = read(call);
    return {
      status: 200,
      headers: {
        ...headers,
        etag: etagOf(content),
        'last-modified': new Date(lastModified).toUTCString(),
        'content-length': String(content.length),
      },
      body: content,
    };
  };

  return {
    maxBodyBytes: 5 * 1024 ** 3,
    protocol: restXml,
    faults: {
      name: 's3',
      throttled: new ServiceError('SlowDown', 'Please reduce your request rate.', 503),
      internalError: new ServiceError('InternalError', 'We encountered an internal error. Please try again.', 500),
    },
    operationOf,
    operations: {
      PutObject(call) {
        const { bucket, key } = authorized(call, 's3:PutObject');
        const unless = call.headers['if-none-match'];
        if (unless !== undefined && unless !== '*') {
          throw new ServiceError('NotImplemented', 'If-None-Match must be * here.', 501);
        }
        if (unless !== undefined && objects.get(bucket, key)) {
          throw new ServiceError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', 412);
        }
        const content = contentOf(call);
        objects.put(bucket, key, { content, headers: keptHeaders(call), lastModified: now() });
        outbox.add({ kind: 'archive', bucket, key, bytes: content.length, body: parsed(content) });
        return { status: 200, headers: { etag: etagOf(content) }, body: Buffer.alloc(0) };
      },
      GetObject: get,
      HeadObject: get,
    },
  };
}

/** Operations on buckets, and on what an object has besides its content, say so in the query or have no key. */
function operationOf(request: ServiceRequest): string | undefined {
  const others = [...request.query.keys()].filter((name) => name !== 'x-id');
  if (others.length > 0 || placeOf(request).key === '') return request.query.get('x-id') ?? undefined;
  return { PUT: 'PutObject', GET: 'GetObject', HEAD: 'HeadObject' }[request.method];
}

function placeOf({ path }: ServiceRequest): { bucket: string; key: string } {
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  try {
    return { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key) };
  } catch {
    throw new ServiceError('InvalidURI', 'Could not parse the specified URI.');
  }
}

/** The headers of an upload that a download has again. */
function keptHeaders({ headers }: ServiceCall): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-') || name === 'cache-control');
  const encodings = (headers['content-encoding'] ?? '').split(',').map((part) => part.trim());
  const encoding = encodings.filter((part) => part !== '' && part !== 'aws-chunked').join(',');
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
    ...(encoding !== '' && { 'content-encoding': encoding }),
    'content-type': headers['content-type'] ?? 'application/octet-stream',
  };
}

function parsed(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch {
    return undefined;
  }
}

const escaped = (text: string) => text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
