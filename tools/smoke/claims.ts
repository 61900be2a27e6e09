import { parsed } from '../answers';
import { TOKEN_WANTED } from '../token';
import { UserError } from '../user-error';

/** The user that a token names, and the e-mail that it proves to be theirs. */
export interface TokenUser {
  sub: string;
  /** Undefined in an access token, and where Cognito has not verified it. */
  email: string | undefined;
}

/**
 * Reads the claims of a token. Whether it is valid is the store's to say.
 * @throws UserError, which does not hold the token
 */
export function userOf(token: string): TokenUser {
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token) ?? [];
  const claims = payload === undefined ? undefined : parsed(Buffer.from(payload, 'base64url').toString('utf8'));
  if (typeof claims !== 'object' || claims === null) {
    throw new UserError(`The token is no JSON Web Token (three parts, with dots between). ${TOKEN_WANTED}`);
  }
  if (!('sub' in claims) || typeof claims.sub !== 'string' || claims.sub === '') {
    throw new UserError(`The token names no user: it has no claim sub. ${TOKEN_WANTED}`);
  }
  const { email, email_verified: isVerified } = claims as { email?: unknown; email_verified?: unknown };
  return { sub: claims.sub, email: typeof email === 'string' && isVerified === true ? email : undefined };
}
