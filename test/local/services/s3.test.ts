import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from '@aws-sdk/client-s3';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { allow, failure, startServices, type StartedServices } from './start-services';

const Bucket = 'store-archive';
const ARN = `arn:aws:s3:::${Bucket}`;
let services: StartedServices;
let s3: S3Client;
beforeEach(async () => {
  services = await startServices({ Archive: ['AWS::S3::Bucket', { BucketName: Bucket }] }, [
    allow('s3:PutObject', `${ARN}/*`),
    allow('s3:GetObject', `${ARN}/a b.json`),
  ]);
  s3 = new S3Client(services.owner);
});
afterEach(() => services.stop());

const put = (Key: string, Body: PutObjectCommandInput['Body'], more: Partial<PutObjectCommandInput> = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = async (Key: string) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

test('an object is kept with its headers, and goes to the outbox', async () => {
  const { ETag } = await put('a b.json', '{"a":1}', { ContentType: 'application/json', Metadata: { order: '7' } });
  expect(ETag).toBe('"bb6cb5c68df4652941caf652a366f2d8"');
  expect(services.outbox.list()).toEqual([
    { kind: 'archive', at: '2026-05-01T10:00:00.250Z', bucket: Bucket, key: 'a b.json', bytes: 7, body: { a: 1 } },
  ]);
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'a b.json' }));
  expect(await object.Body?.transformToString()).toBe('{"a":1}');
  expect(object).toMatchObject({
    ContentType: 'application/json',
    Metadata: { order: '7' },
    ETag,
    ContentLength: 7,
    LastModified: new Date('2026-05-01T10:00:00Z'),
  });
  expect(await s3.send(new HeadObjectCommand({ Bucket, Key: 'a b.json' }))).toMatchObject({ ETag, ContentLength: 7 });
});

test('what is no JSON has no body in the outbox', async () => {
  await put('text', 'höchst');
  expect(services.outbox.list()).toMatchObject([{ bytes: 7 }]);
  expect(services.outbox.list()[0]?.body).toBeUndefined();
});

test('an upload in chunks with a checksum behind them is what was sent', async () => {
  const content = Buffer.alloc(300_000, 'a\r\n0;');
  const parts = [content.subarray(0, 100_001), content.subarray(100_001)];
  const seen: unknown[] = [];
  s3.middlewareStack.add((next) => (args) => {
    seen.push((args.request as { headers: Record<string, string> }).headers['x-amz-content-sha256']);
    return next(args);
  }, { step: 'finalizeRequest', priority: 'low' });
  await put('stream', Readable.from(parts), { ContentLength: content.length });
  expect(seen).toEqual(['STREAMING-UNSIGNED-PAYLOAD-TRAILER']);
  expect(await get('stream')).toBe(content.toString());
});

test.each([
  ['no chunk size', 'x\r\n'],
  ['a chunk that ends early', '5\r\nabc\r\n0\r\n\r\n'],
  ['fewer bytes than promised', '3\r\nabc\r\n0\r\n\r\n'],
])('an upload with %s is refused', async (_, body) => {
  const answer = await fetch(`${services.url}/${Bucket}/broken`, {
    method: 'PUT',
    body,
    headers: {
      authorization: 'AWS4-HMAC-SHA256 Credential=AKIAOWNER/20260501/eu-west-1/s3/aws4_request, Signature=x',
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': '4',
    },
  });
  expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('<Code>IncompleteBody</Code>')]);
  expect(services.outbox.list()).toEqual([]);
});

test('any key is a key of its own, and stays in the folder', async () => {
  const keys = ['a', 'A', 'a/b', 'a//b', '/a', 'a/', '..', '../x', '../../../x', '.', 'a%2Fb', 'a+b', 'a b', 'ä', '✓', 'a?b=c#d', '\\', 'a\u0000b'];
  keys.push(...[199, 200, 201, 1_024].map((length) => 'k'.repeat(length)), `${'k'.repeat(200)}/x`);
  for (const key of keys) await put(key, key);
  for (const key of keys) expect(await get(key)).toBe(key);
  expect(services.outbox.list().map(({ key }) => key).reverse()).toEqual(keys);
  expect(readdirSync(services.folder).sort()).toEqual(['objects', 'outbox.jsonl', 'queues.jsonl']);
  expect(readdirSync(join(services.folder, 'objects'))).toEqual([Bucket]);
  // Also where the file system takes names that differ in case only for one.
  expect(readdirSync(join(services.folder, 'objects', Bucket)).filter((name) => /[A-Z]/.test(name))).toEqual([]);
  expect(existsSync(join(services.folder, '..', 'x'))).toBe(false);
});

test('an object can be put only where there is none', async () => {
  await put('once', '1', { IfNoneMatch: '*' });
  expect(await failure(put('once', '2', { IfNoneMatch: '*' }))).toMatchObject({ name: 'PreconditionFailed', status: 412 });
  expect(await get('once')).toBe('1');
});

test('what S3 refuses has the names that the SDK knows', async () => {
  expect(await failure(get('none'))).toMatchObject({ name: 'NoSuchKey', status: 404 });
  expect(await failure(s3.send(new HeadObjectCommand({ Bucket, Key: 'none' })))).toMatchObject({ name: 'NotFound', status: 404 });
  expect(await failure(put('x', 'x', { Bucket: 'other' }))).toMatchObject({ name: 'NoSuchBucket', status: 404 });
  // A bucket of another region.
  expect(await failure(put('x', 'x', { Bucket: 'elsewhere' }))).toMatchObject({ name: 'NoSuchBucket' });
  expect(await failure(put('k'.repeat(1_025), 'x'))).toMatchObject({ name: 'KeyTooLongError' });
  expect(await failure(s3.send(new GetObjectCommand({ Bucket, Key: 'none', Range: 'bytes=0-1' })))).toMatchObject({ name: 'NotImplemented' });
  await put('x', 'x');
  expect(await failure(s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'x' })))).toMatchObject({ name: 'UnknownOperationException' });
});

test('a function needs the action on the object, and s3:ListBucket to be told that there is none', async () => {
  s3 = new S3Client(services.flow);
  await put('a', '1');
  const denied = { name: 'AccessDenied', status: 403 };
  expect(await failure(get('a'))).toMatchObject({ ...denied, message: expect.stringContaining(`s3:GetObject on resource: ${ARN}/a `) as string });
  expect(await failure(get('a b.json'))).toMatchObject({ ...denied, message: 'Access Denied' });
  await put('a b.json', '2');
  expect(await get('a b.json')).toBe('2');
  expect(services.permissions.list()).toMatchObject({
    items: [{ action: 's3:PutObject', used: 2 }, { action: 's3:GetObject', used: 2 }],
    denied: [{ action: 's3:GetObject', resource: `${ARN}/a` }, { action: 's3:ListBucket', resource: ARN }],
  });
});

test('buckets and objects are listed, page by page and by folder, and deleted', async () => {
  const KEYS = ['a/1', 'a/2 ü&<', 'a/b/3', 'z', `${'long/'.repeat(60)}end`];
  for (const key of KEYS) await put(key, key);
  expect((await s3.send(new ListBucketsCommand({}))).Buckets).toMatchObject([{ Name: Bucket }]);
  expect((await s3.send(new HeadBucketCommand({ Bucket }))).BucketRegion).toBe('eu-west-1');

  const found: (string | undefined)[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2, ContinuationToken }));
    expect([page.KeyCount, page.IsTruncated]).toEqual([page.Contents!.length, page.NextContinuationToken !== undefined]);
    found.push(...page.Contents!.map(({ Key }) => Key));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  expect(found).toEqual([...KEYS].sort());

  const folder = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'a/', Delimiter: '/' }));
  expect(folder.Contents).toMatchObject([
    { Key: 'a/1', Size: 3, ETag: expect.stringMatching(/^"[0-9a-f]{32}"$/) as string, LastModified: new Date('2026-05-01T10:00:00.250Z') },
    { Key: 'a/2 ü&<' },
  ]);
  expect(folder.CommonPrefixes).toEqual([{ Prefix: 'a/b/' }]);
  expect((await s3.send(new ListObjectsV2Command({ Bucket, StartAfter: 'long' }))).Contents?.map(({ Key }) => Key)).toEqual(KEYS.slice(3).sort());

  for (const key of [...KEYS, 'never there']) await s3.send(new DeleteObjectCommand({ Bucket, Key: key }));
  expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
  expect(await failure(get('z'))).toMatchObject({ name: 'NoSuchKey' });
  expect(await failure(s3.send(new ListObjectsV2Command({ Bucket: 'elsewhere' })))).toMatchObject({ name: 'NoSuchBucket' });
});

test('a role lists and deletes only what it may', async () => {
  const asFlow = new S3Client(services.flow);
  for (const command of [new ListObjectsV2Command({ Bucket }), new DeleteObjectCommand({ Bucket, Key: 'x' }), new ListBucketsCommand({})]) {
    expect(await failure(asFlow.send(command as ListBucketsCommand))).toMatchObject({ name: 'AccessDenied', status: 403 });
  }
});
