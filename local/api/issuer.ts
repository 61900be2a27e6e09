import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

/** The JWT authorizer of a route, as its template has it. */
export interface JwtAuthorizer {
  issuer: string;
  audience: string[];
}

const ALGORITHM = 'RS256';
const LIFETIME_SECONDS = 60 * 60;

/**
 * Stands in for the Cognito user pool: issues access tokens in its name, signed with a key of this machine. The key is
 * kept, so that a token outlives a restart as it would in the cloud.
 */
export class Issuer {
  private constructor(
    private readonly privateKey: CryptoKey,
    /** The public keys, as `ISSUER/.well-known/jwks.json` would hold them. */
    readonly jwks: JSONWebKeySet,
  ) {}

  static async open(file: string): Promise<Issuer> {
    if (!existsSync(file)) {
      const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
      writeFileSync(file, await exportPKCS8(privateKey), { mode: 0o600 });
    }
    const privateKey = await importPKCS8(readFileSync(file, 'utf8'), ALGORITHM, { extractable: true });
    const { kty = 'RSA', n, e } = await exportJWK(privateKey);
    return new Issuer(privateKey, { keys: [{ kty, n, e, kid: 'local', alg: ALGORITHM, use: 'sig' } as JSONWebKeySet['keys'][number]] });
  }

  /** An access token as Cognito makes it: the client in `client_id`, no `aud`. */
  async token({ issuer, audience }: JwtAuthorizer, sub: string, groups: string[]): Promise<string> {
    return new SignJWT({
      'cognito:groups': groups,
      client_id: audience[0],
      token_use: 'access',
      scope: 'aws.cognito.signin.user.admin',
      username: sub,
    })
      .setProtectedHeader({ alg: ALGORITHM, kid: 'local' })
      .setIssuer(issuer)
      .setSubject(sub)
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${LIFETIME_SECONDS}s`)
      .sign(this.privateKey);
  }
}

/**
 * Verifies a token as an HTTP API's JWT authorizer does: signature, `iss`, `aud` (or `client_id` where there is no
 * `aud`), `exp`, `nbf`, `iat`.
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
    return isIssued && audiences.some((entry) => audience.includes(String(entry))) ? payload : undefined;
  } catch {
    return undefined;
  }
}
