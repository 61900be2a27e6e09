import { UserError } from './user-error';

/** Where the requests' token comes from. */
export interface TokenSource {
  current(): Promise<string>;
  /** A new token instead of one that was refused. @throws UserError where there is none */
  renew(refused: string): Promise<string>;
}

export function givenToken(token: string): TokenSource {
  return {
    current: async () => token,
    renew: async () => {
      throw new UserError(TOKEN_REFUSED);
    },
  };
}

/** A store on this machine issues tokens itself. @param claims the admin's user id, and where it is wanted the e-mail */
export function localToken(url: string, claims: { sub: string; email?: string }): TokenSource {
  let token: Promise<string> | undefined;
  const issue = async (): Promise<string> => {
    const response = await fetch(`${url}/_local/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...claims, groups: ['admin'] }),
      signal: AbortSignal.timeout(10_000),
    });
    const answer = (await response.json().catch(() => undefined)) as { token?: unknown } | undefined;
    if (typeof answer?.token !== 'string') throw new UserError(`${url} issues no tokens. ${TOKEN_WANTED}`);
    return answer.token;
  };
  const current = (): Promise<string> => {
    token ??= issue().catch((error: unknown) => {
      token = undefined;
      throw error;
    });
    return token;
  };
  return {
    current,
    async renew(refused) {
      // Requests that were refused together renew it once.
      if (token && (await token) === refused) token = undefined;
      return current();
    },
  };
}

export const isLoopback = (url: string): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);

export const TOKEN_WANTED = 'Give the token of a user in the group admin: --token T, or $STORE_TOKEN';

export const TOKEN_REFUSED =
  'The token was refused (401): it has expired, or is of another store. Give a new one: --token T, or $STORE_TOKEN';

export const NO_EMAIL =
  'The token proves no e-mail. Give the ID token of an admin whose e-mail Cognito has verified: --token T, or $STORE_TOKEN';

export const NO_ADMIN = 'The token is of no admin (403). Give one of a user in the group admin: --token T, or $STORE_TOKEN';
