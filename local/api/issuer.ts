import { createPrivateKey } from 'node:crypto';
import {
  type CryptoKey,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importPKCS8,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
  SignJWT,
} from 'jose';
import { readState, writeWhole } from '../state-file';

/** The JWT authorizer of a route, as its template has it. */
export interface JwtAuthorizer {
  issuer: string;
  audience: string[];
}

/** Of whom a token is, and what it says of them. */
export interface TokenClaims {
  sub: string;
  groups?: readonly string[] | undefined;
  email?: string | undefined;
  /** True unless given. */
  emailVerified?: boolean | undefined;
}

/**
 * The names that Cognito allows for a group. They hold no blank, which is what parts them in the claim that a function gets.
 * https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateGroup.html
 */
export const GROUP_NAME = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u;

const ALGORITHM = 'RS256';
const LIFETIME_SECONDS = 60 * 60;

/**
 * Stands in for the Cognito user pool: issues ID tokens in its name, signed with a key of this machine. The key is
 * kept, so that a token outlives a restart as it would in the cloud.
 */
export class Issuer {
  private constructor(
    private readonly privateKey: CryptoKey,
    /** The public keys, as `ISSUER/.well-known/jwks.json` would hold them. */
    readonly jwks: JSONWebKeySet,
  ) {}

  static async open(file: string): Promise<Issuer> {
    const read = (text: string) => createPrivateKey(text).export({ type: 'pkcs8', format: 'pem' }) as string;
    let key = readState(file, read, 'the key is new, and tokens that were issued are refused');
    if (key === undefined) {
      key = await exportPKCS8((await generateKeyPair(ALGORITHM, { extractable: true })).privateKey);
      writeWhole(file, key);
    }
    const privateKey = await importPKCS8(key, ALGORITHM, { extractable: true });
    const { kty = 'RSA', n, e } = await exportJWK(privateKey);
    return new Issuer(privateKey, { keys: [{ kty, n, e, kid: 'local', alg: ALGORITHM, use: 'sig' } as JSONWebKeySet['keys'][number]] });
  }

  /**
   * An ID token as Cognito makes it. A user without groups has no claim `cognito:groups`, one without e-mail no claim `email`.
   * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
   */
  async token({ issuer, audience }: JwtAuthorizer, { sub, groups = [], email, emailVerified = true }: TokenClaims): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT({
      ...(groups.length > 0 && { 'cognito:groups': groups }),
      ...(email !== undefined && { email, email_verified: emailVerified }),
      'cognito:username': sub,
      token_use: 'id',
      auth_time: now,
      event_id: crypto.randomUUID(),
      origin_jti: crypto.randomUUID(),
    })
      .setProtectedHeader({ alg: ALGORITHM, kid: 'local' })
      .setIssuer(issuer)
      .setAudience(audience[0] ?? '')
      .setSubject(sub)
      .setJti(crypto.randomUUID())
      .setIssuedAt(now)
      .setExpirationTime(now + LIFETIME_SECONDS)
      .sign(this.privateKey);
  }
}

/**
 * Verifies a token as an HTTP API's JWT authorizer does: signature, `iss`, `aud` (or `client_id` where there is no
 * `aud`), `exp`, `nbf`, `iat`. And, for the user pool, that the groups are such as Cognito can have.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 *
 * @param authorization the header, with or without `Bearer `
 * @param keys the issuer's public keys
 * @returns the claims; undefined when it is not valid
 */
export async function verifyToken(
  authorization: string | undefined,
  { issuer, audience }: JwtAuthorizer,
  keys: JWTVerifyGetKey,
): Promise<JWTPayload | undefined> {
  const token = authorization?.replace(/^Bearer\s+/i, '');
  if (!token) return undefined;
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, algorithms: [ALGORITHM], requiredClaims: ['exp'] });
    const audiences = [payload.aud ?? payload.client_id].flat();
    const isIssued = payload.iat === undefined || payload.iat <= Date.now() / 1_000 + 1;
    const groups = payload['cognito:groups'] ?? [];
    if (!Array.isArray(groups) || !groups.every((name) => typeof name === 'string' && GROUP_NAME.test(name))) return undefined;
    return isIssued && audiences.some((entry) => audience.includes(String(entry))) ? payload : undefined;
  } catch {
    return undefined;
  }
}
