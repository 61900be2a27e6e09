import '../support/flow-environment';
import * as z from 'zod/mini';
import { openCursor, sealCursor } from '../../lambda/shared/cursor';
import { env } from '../../lambda/shared/env';
import { requireMatch } from '../../lambda/shared/etag';
import { flow, type Request } from '../../lambda/shared/http';
import { jsonObject, timeRange, upright } from '../../lambda/shared/input';
import { mergeShards } from '../../lambda/shared/shards';
import { isExpired, ttlSeconds } from '../../lambda/shared/time';
import { capturedOutput } from '../support/captured-output';

test('a variable that is missing is named', () => {
  expect(() => env('NOT_SET')).toThrow('The environment variable NOT_SET is not set');
});

describe('cursors', () => {
  const scope = ['list', 'ann', 'x'] as const;
  const now = Date.parse('2026-11-23T00:00:00Z');

  afterEach(() => Object.assign(process.env, { CURSOR_SECRET: 'current secret', CURSOR_SECRET_PREVIOUS: 'none' }));

  test('open to what was sealed, for an hour, for their own scope', () => {
    const cursor = sealCursor('there', scope, now) as string;
    expect(openCursor(cursor, scope, now + 3_599_999)).toBe('there');
    expect(() => openCursor(cursor, scope, now + 3_600_000)).toThrow('expired');
    expect(() => openCursor(cursor, ['list', 'bob', 'x'], now)).toThrow('invalid-cursor');
    expect([sealCursor(null, scope, now), openCursor(undefined, scope, now)]).toEqual([null, undefined]);
  });

  test('outlive one rotation of the secret, and no more', () => {
    const cursor = sealCursor('there', scope, now) as string;
    Object.assign(process.env, { CURSOR_SECRET: 'next', CURSOR_SECRET_PREVIOUS: 'current secret' });
    expect(openCursor(cursor, scope, now)).toBe('there');
    Object.assign(process.env, { CURSOR_SECRET: 'next but one', CURSOR_SECRET_PREVIOUS: 'next' });
    expect(() => openCursor(cursor, scope, now)).toThrow('invalid-cursor');
  });

  test('signed with the placeholder of the previous secret are forged', () => {
    process.env.CURSOR_SECRET = 'none';
    const forged = sealCursor('there', scope, now) as string;
    process.env.CURSOR_SECRET = 'current secret';
    expect(() => openCursor(forged, scope, now)).toThrow('invalid-cursor');
  });
});

describe('time ranges', () => {
  const range = z.object(timeRange).check(upright());
  test.each([
    [{}, ['0000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z']],
    [{ from: '2026-01-02', to: '2026-01-02' }, ['2026-01-02T00:00:00.000Z', '2026-01-02T23:59:59.999Z']],
    [{ from: '2026-01-02T03:04:05+02:00' }, ['2026-01-02T01:04:05.000Z', '9999-12-31T23:59:59.999Z']],
    [{ to: '2026-01-02T03:04:05.6Z' }, ['0000-01-01T00:00:00.000Z', '2026-01-02T03:04:05.600Z']],
    [{ to: '2024-02-29' }, ['0000-01-01T00:00:00.000Z', '2024-02-29T23:59:59.999Z']],
  ])('%j', (given, [from, to]) => {
    expect(range.parse(given)).toEqual({ from, to });
  });
  test.each([
    { from: '2026-02-30' },
    { from: '2025-02-29' },
    { to: '2026-13-01' },
    { to: 'now' },
    { to: '' },
    { from: '2026-01-01T00:00:00' },
    { from: '2026-01-01T25:00:00Z' },
    { from: '2026-01-02', to: '2026-01-01' },
  ])('%j is refused', (given) => {
    expect(range.safeParse(given).success).toBe(false);
  });
});

test('a JSON object is refused where DynamoDB would not store it as it is', () => {
  const nested = (levels: number): object => (levels === 0 ? {} : { a: nested(levels - 1) });
  const good = [{}, { a: null, b: [1, 'x', { c: -0.5 }], c: 9_007_199_254_740_991 }, nested(30)];
  const bad = [[], 'x', null, { a: 2 ** 53 }, { a: 1e300 }, { a: 1e-200 }, { a: '\ud800' }, nested(31)];
  for (const value of good) expect(jsonObject(100_000).safeParse(value).success).toBe(true);
  for (const value of bad) expect(jsonObject(100_000).safeParse(value).success).toBe(false);
});

test('If-Match takes the ETag, a list that holds it, or any', () => {
  for (const good of ['"1-a"', '"2-b", "1-a"', '*']) expect(() => requireMatch(good, '"1-a"')).not.toThrow();
  for (const bad of ['"1-b"', '1-a', 'W/"1-a"', '']) expect(() => requireMatch(bad, '"1-a"')).toThrow('precondition-failed');
});

test('TTL is in seconds, and over at its second', () => {
  const expiresAt = ttlSeconds(1_700_000_000_999, 60);
  expect(expiresAt).toBe(1_700_000_060);
  expect([isExpired({ expiresAt }, 1_700_000_059_999), isExpired({ expiresAt }, 1_700_000_060_000)]).toEqual([false, true]);
});

describe('merging shards', () => {
  const compare = (a: number, b: number) => a - b;
  const shards = [[1, 4, 9], [2, 3], [], [5, 6, 7, 8]];
  const read = (pageSize: number) => (shard: number) =>
    Promise.resolve({ items: shards[shard]!.slice(0, pageSize), more: shards[shard]!.length > pageSize });

  test('gives the first items over all shards', async () => {
    expect(await mergeShards({ shards: 4, limit: 5, read: read(10), compare })).toEqual({ items: [1, 2, 3, 4, 5], more: true });
    expect(await mergeShards({ shards: 4, limit: 9, read: read(10), compare })).toEqual({
      items: [1, 2, 3, 4, 5, 6, 7, 8, 9],
      more: false,
    });
  });

  test('stops before an item that a shard with a short page may hold', async () => {
    // Shard 0 ends at 4 and has more, so 5 and 6 of shard 3 may come too early.
    expect(await mergeShards({ shards: 4, limit: 9, read: read(2), compare })).toEqual({ items: [1, 2, 3, 4], more: true });
  });
});

describe('a flow', () => {
  const event = { routeKey: 'GET /x', headers: {}, requestContext: { requestId: 'r' } } as never;
  const context = (ms: number) => ({ getRemainingTimeInMillis: () => ms }) as never;
  capturedOutput();

  test('answers before the timeout of Lambda, whatever its operation does', async () => {
    const hanging = flow('hanging', () => new Promise(() => {}));
    const answer = await hanging(event, context(600));
    expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '1', 'content-type': 'application/problem+json' } });
    expect(JSON.parse(answer.body as string)).toMatchObject({ type: 'unavailable' });
  });

  /** What a flow answers that demands something of the token, by its claims as API Gateway hands them on. */
  const guarded = async (claims: object, guard: (request: Request) => void) => {
    const requestContext = { requestId: 'r', authorizer: { jwt: { claims: { sub: 'ann', ...claims } } } };
    const guardedFlow = flow('guarded', async (request) => {
      guard(request);
      return { status: 204 };
    });
    return guardedFlow({ routeKey: 'GET /x', headers: {}, requestContext } as never, context(10_000));
  };

  test.each(['[admin]', '[staff admin]', '[admin staff]', '[] admin]', '[[admin admin]', '[a,b (c) 日本 ✓ admin ]]'])(
    'an admin has the groups %j',
    async (claim) => {
      expect((await guarded({ 'cognito:groups': claim }, (request) => request.requireAdmin())).statusCode).toBe(204);
    },
  );

  test.each([
    '', '[]', '[ ]', 'admin', ' admin', 'staff admin', '[admin', 'admin]', '[[admin]]', '["admin"]', '[["admin"]]', '["x admin"]',
    '[ admin]', '[admin ]', '[staff  admin]', ' [admin]', '[admin]\n', '[admin\n]', '[admin\tstaff]', '[\u00a0admin]', '[staff\u00a0admin]',
    '[staff\u2003admin]', '[staff\u3000admin]', '[\u200badmin]', '[\ufeffadmin]', '[admin\0]', '[\u202eadmin staff]', '[staff,admin]',
    '[administrator]', '[Admin]', '[ADMIN]', '[\uff41dmin]', '[\u0430dmin]', '[admin\u0301]', '[\ud800 admin]', '<nil>', 'map[admin:true]',
    ['admin'], [['admin']], [' admin'], ['x admin'], { admin: true }, true, null, undefined,
  ])('the groups %j make no admin', async (claim) => {
    expect((await guarded({ 'cognito:groups': claim }, (request) => request.requireAdmin())).statusCode).toBe(403);
  });

  const proof = (email: string, claims: object) => guarded(claims, (request) => request.requireProvedEmail(email));

  test.each(['ann@example.com', 'ANN@Example.com'])('the e-mail %j is proved by a verified claim that differs in case at most', async (email) => {
    expect((await proof(email, { email: 'Ann@example.COM', email_verified: 'true' })).statusCode).toBe(204);
  });

  const notTrue = ['false', 'True', ' true', 'true ', '1', '', '[true]', '<nil>'];
  const others = ['', 'anna@example.com', 'nn@example.com', ' ann@example.com', 'ann@example.com ', 'ann@example.co', '[ann@example.com]'];
  test.each<object>([
    {},
    { email: 'ann@example.com' },
    { email_verified: 'true' },
    ...notTrue.map((text) => ({ email: 'ann@example.com', email_verified: text })),
    ...others.map((email) => ({ email, email_verified: 'true' })),
    { email: ['ann@example.com'], email_verified: 'true' },
    { phone_number: 'ann@example.com', 'custom:email': 'ann@example.com', email_verified: 'true' },
  ])('an e-mail is not proved by the claims %j', async (claims) => {
    const { statusCode, body } = await proof('ann@example.com', claims);
    expect([statusCode, JSON.parse(body as string)]).toEqual([403, expect.objectContaining({ type: 'email-not-verified', status: 403 })]);
  });

  test('an e-mail is not proved by another one that Unicode maps to it in lower case', async () => {
    expect((await proof('kate@example.com', { email: '\u212aate@example.com', email_verified: 'true' })).statusCode).toBe(403);
    expect((await proof('\u212aate@example.com', { email: 'kate@example.com', email_verified: 'true' })).statusCode).toBe(403);
  });

  test.each([
    ['fits', 6_200_000, '.', 200],
    ['is too large', 6_300_000, '.', 500],
    ['is too large once it is text inside the JSON of the function', 3_200_000, '"', 500],
  ])('an answer that %s', async (_, length, character, status) => {
    const large = flow('large', () => Promise.resolve({ status: 200, body: character.repeat(length) }));
    const answer = await large(event, context(10_000));
    expect([answer.statusCode, Buffer.byteLength(JSON.stringify(answer)) <= 6 * 1024 * 1024]).toEqual([status, true]);
    expect((JSON.parse(answer.body as string) as { type?: string }).type).toBe(status === 500 ? 'answer-too-large' : undefined);
  });

  test('answers a defect without what it knows of it', async () => {
    const broken = flow('broken', () => Promise.reject(new Error('secret detail')));
    const answer = await broken(event, context(10_000));
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('secret');
    expect(JSON.parse(answer.body as string)).toMatchObject({ type: 'internal-error' });
  });
});

test('an object that is nested far too deep is refused, and does not end in a stack', () => {
  const deep: unknown = JSON.parse(`${'{"a":'.repeat(7_000)}1${'}'.repeat(7_000)}`);
  expect(jsonObject(4_096).safeParse(deep).error?.issues).toHaveLength(1);
});
