import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { Issuer, verifyToken } from '../../local/api/issuer';

describe('tokens are verified as the authorizer of the template says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-issuer-'));
  const authorizer = { issuer: 'https://issuer.example', audience: ['client'] };
  let issuer: Issuer;
  let token: string;

  beforeAll(async () => {
    issuer = await Issuer.open(join(folder, 'key.pem'));
    token = await issuer.token(authorizer, { sub: 'ann', groups: ['admin'] });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const verify = (authorization: string | undefined, from = authorizer) =>
    verifyToken(authorization, from, createLocalJWKSet(issuer.jwks));

  test('a token of the issuer is accepted, with and without Bearer, also after a restart', async () => {
    expect(await verify(`Bearer ${token}`)).toMatchObject({ sub: 'ann', 'cognito:groups': ['admin'] });
    expect(await verify(token)).toMatchObject({ sub: 'ann' });
    const { jwks } = await Issuer.open(join(folder, 'key.pem'));
    expect(await verifyToken(token, authorizer, createLocalJWKSet(jwks))).toMatchObject({ sub: 'ann' });
    expect(Object.keys(issuer.jwks.keys[0]!).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });

  test('a token is an ID token as Cognito makes it', async () => {
    const claims = {
      sub: 'ann',
      iss: 'https://issuer.example',
      aud: 'client',
      token_use: 'id',
      'cognito:username': 'ann',
      auth_time: expect.any(Number),
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.any(String),
      origin_jti: expect.any(String),
      event_id: expect.any(String),
    };
    const issued = async (given: object) => verify(await issuer.token(authorizer, { sub: 'ann', ...given }));
    // A user without groups or e-mail has no claim of them.
    expect(await issued({})).toEqual(claims);
    expect(await issued({ groups: [] })).toEqual(claims);
    expect(await issued({ groups: ['a', 'admin'], email: 'Ann@example.com' })).toEqual({ ...claims, 'cognito:groups': ['a', 'admin'], email: 'Ann@example.com', email_verified: true });
    expect(await issued({ email: 'ann@example.com', emailVerified: false })).toEqual({ ...claims, email: 'ann@example.com', email_verified: false });
    expect((await issued({}))!.exp! - (await issued({}))!.iat!).toBe(3_600);
  });

  test('no token, a changed one, another issuer and another audience are refused', async () => {
    for (const bad of [undefined, '', 'Bearer ', 'Bearer x', token.slice(0, -2), `${token.slice(0, 40)}A${token.slice(41)}`]) {
      expect(await verify(bad)).toBeUndefined();
    }
    expect(await verify(token, { ...authorizer, issuer: 'https://other.example' })).toBeUndefined();
    expect(await verify(token, { ...authorizer, audience: ['other'] })).toBeUndefined();
  });

  test('a token that is expired, for later, without expiry, of another key, or unsigned is refused', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: authorizer.issuer, client_id: 'client', sub: 'ann', iat: now, exp: now + 60 };
    const own = async (change: JWTPayload) =>
      new SignJWT({ ...claims, ...change }).setProtectedHeader({ alg: 'RS256', kid: 'local' }).sign(issuer['privateKey']);
    expect(await verify(await own({}))).toBeDefined();
    expect(await verify(await own({ aud: 'client' }))).toBeDefined();
    // Where there is an audience, the client does not stand in for it.
    expect(await verify(await own({ aud: 'other' }))).toBeUndefined();
    expect(await verify(await own({ exp: now - 1 }))).toBeUndefined();
    expect(await verify(await own({ nbf: now + 60 }))).toBeUndefined();
    expect(await verify(await own({ iat: now + 60 }))).toBeUndefined();
    // Nor one with groups that Cognito cannot have.
    expect(await verify(await own({ 'cognito:groups': ['admin', '日本-✓'] }))).toBeDefined();
    for (const groups of [[['admin']], ' admin', 'admin', ['x admin'], ['admin '], ['\u00a0admin'], ['ad\tmin'], ['admin', ''], [null], { admin: true }]) {
      expect([groups, await verify(await own({ 'cognito:groups': groups }))]).toEqual([groups, undefined]);
    }
    const { exp: _, ...endless } = claims;
    const forEver = await new SignJWT(endless).setProtectedHeader({ alg: 'RS256', kid: 'local' }).sign(issuer['privateKey']);
    expect(await verify(forEver)).toBeUndefined();
    const foreign = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'local' }).sign(privateKey);
    expect(await verify(foreign)).toBeUndefined();
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(await verify(`${encode({ alg: 'none' })}.${encode(claims)}.`)).toBeUndefined();
  });
});
