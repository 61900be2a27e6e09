import type { WireReply } from '../engine/engine';
import { ACCOUNT_ID } from '../resolve';
import { contentOf } from './aws-chunked';
import { etagOf, type Objects, type StoredObject } from './objects';
import type { Outbox } from './outbox';
import { type StandIn, type Protocol, type ServiceCall, ServiceError, type ServiceRequest } from './service';

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

/** A list answers at most so many keys. */
const MOST_KEYS = 1_000;

/** Nobody knows when a template's bucket was made here. */
const CREATED = '2026-01-01T00:00:00.000Z';

/**
 * Objects of S3, in path style; what is put goes to the outbox too.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 */
export function s3Service(options: { region: string; objects: Objects; outbox: Outbox; now(): number }): StandIn<'s3'> {
  const { region, objects, outbox, now } = options;

  const existing = (call: ServiceCall): { bucket: string; key: string } => {
    const place = placeOf(call);
    if (!objects.buckets.includes(place.bucket)) throw new ServiceError('NoSuchBucket', 'The specified bucket does not exist', 404);
    return place;
  };

  /** The bucket of a call that the caller may make. */
  const bucketOf = (call: ServiceCall, action: string): { bucket: string } => {
    const { bucket } = existing(call);
    call.authorize({ action, resource: `arn:aws:s3:::${bucket}` });
    return { bucket };
  };

  /** The bucket and the key of a call that the caller may make. */
  const authorized = (call: ServiceCall, action: string): { bucket: string; key: string } => {
    const { bucket, key } = existing(call);
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

      DeleteObject(call) {
        const { bucket, key } = authorized(call, 's3:DeleteObject');
        objects.delete(bucket, key);
        return { status: 204, headers: {}, body: Buffer.alloc(0) };
      },

      HeadBucket(call) {
        bucketOf(call, 's3:ListBucket');
        return { status: 200, headers: { 'x-amz-bucket-region': region }, body: Buffer.alloc(0) };
      },

      ListBuckets(call) {
        call.authorize({ action: 's3:ListAllMyBuckets', resource: '*' });
        const buckets = objects.buckets.map((name) => element('Bucket', element('Name', escaped(name)) + element('CreationDate', CREATED)));
        return xmlReply('ListAllMyBucketsResult', element('Owner', element('ID', ACCOUNT_ID)) + element('Buckets', buckets.join('')));
      },

      ListObjectsV2(call) {
        const { bucket } = bucketOf(call, 's3:ListBucket');
        const asked = (name: string) => call.query.get(name) ?? '';
        const most = Number(call.query.get('max-keys') ?? MOST_KEYS);
        if (!Number.isInteger(most) || most < 0) throw new ServiceError('InvalidArgument', 'max-keys must be a whole number from 0.');
        const text = asked('encoding-type') === 'url' ? (key: string) => encodeURIComponent(key).replaceAll('%2F', '/') : escaped;
        const [prefix, delimiter, token] = [asked('prefix'), asked('delimiter'), Buffer.from(asked('continuation-token'), 'base64url').toString('utf8')];
        const after = token || asked('start-after');
        // A key, or what several keys begin with up to the delimiter.
        const entries = new Map(
          objects.keys(bucket, prefix).map((key) => {
            const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
            return end === -1 ? [key, 'key'] : [key.slice(0, end + delimiter.length), 'prefix'];
          }),
        );
        const left = [...entries.keys()].filter((entry) => Buffer.compare(Buffer.from(entry), Buffer.from(after)) > 0);
        const page = left.slice(0, Math.min(most, MOST_KEYS));
        const isTruncated = page.length < left.length && most > 0;
        const contents = page.map((entry) => {
          const object = entries.get(entry) === 'key' ? objects.describe(bucket, entry) : undefined;
          if (!object) return element('CommonPrefixes', element('Prefix', text(entry)));
          const LastModified = new Date(object.lastModified).toISOString();
          const members = { Key: text(entry), LastModified, ETag: escaped(object.etag), Size: String(object.bytes), StorageClass: 'STANDARD' };
          return element('Contents', elements(members));
        });
        const head = {
          Name: escaped(bucket),
          Prefix: text(prefix),
          ...(delimiter && { Delimiter: text(delimiter) }),
          ...(asked('encoding-type') && { EncodingType: escaped(asked('encoding-type')) }),
          MaxKeys: String(most),
          KeyCount: String(page.length),
          IsTruncated: String(isTruncated),
          ...(isTruncated && { NextContinuationToken: Buffer.from(page.at(-1) ?? '').toString('base64url') }),
        };
        return xmlReply('ListBucketResult', elements(head) + contents.join(''));
      },
    },
  };
}

/** Members of the query that belong to an operation, and do not name another one. */
const OWN_QUERY = ['x-id', 'list-type', 'prefix', 'delimiter', 'max-keys', 'continuation-token', 'start-after', 'encoding-type', 'fetch-owner'];

/** Operations on what a bucket or an object has besides its content say so in the query. */
function operationOf(request: ServiceRequest): string | undefined {
  const { method, query } = request;
  const { bucket, key } = placeOf(request);
  const other = [...query.keys()].find((name) => !OWN_QUERY.includes(name));
  if (other !== undefined || (key !== '' && query.has('list-type'))) return query.get('x-id') ?? `${method} ?${other ?? 'list-type'}`;
  if (key !== '') return { PUT: 'PutObject', GET: 'GetObject', HEAD: 'HeadObject', DELETE: 'DeleteObject' }[method];
  if (bucket === '') return { GET: 'ListBuckets' }[method];
  if (method === 'GET') return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
  return { HEAD: 'HeadBucket', PUT: 'CreateBucket', DELETE: 'DeleteBucket' }[method];
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

const element = (name: string, content: string): string => `<${name}>${content}</${name}>`;

const elements = (members: Record<string, string>): string =>
  Object.entries(members)
    .map(([name, content]) => element(name, content))
    .join('');

const xmlReply = (name: string, content: string): WireReply => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(`<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${name}>`),
});

const escaped = (text: string) => text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
