import { randomBytes } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { SessionTags } from '../iam/policy';
import type { Role } from '../iam/roles';
import type { IdentityPool } from '../identity-pool';

/** A signed-in client: what its credentials let it do. */
export interface ClientSession {
  role: Role;
  /** The last part of the ARN of who calls. */
  sessionName: string;
  tags: SessionTags;
}

/** Temporary credentials, as the AWS SDK takes them. */
export interface ClientCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** Epoch seconds. Not `expiration`: the SDK wants a Date there, which JSON does not have. */
  expiresAt: number;
}

/** Credentials that are refused, with the error that DynamoDB has for it. */
export class SessionError extends Error {
  constructor(
    readonly code: 'ExpiredTokenException' | 'UnrecognizedClientException',
    message: string,
  ) {
    super(message);
  }
}

/** A claim that cannot be a session tag. */
export class TagError extends Error {}

/** Credentials of an identity pool are good for an hour. https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html */
const LIFETIME_SECONDS = 60 * 60;

/**
 * What every access key begins with that is issued here, and no other does: functions have hex digits behind `ASIA`, and a
 * developer's own temporary key hardly spells this.
 */
const PREFIX = 'ASIALOCAL';

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html */
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

/** What Cognito names the sessions of its enhanced flow. */
const SESSION_NAME = 'CognitoIdentityCredentials';

/** Stands in for the identity pool: gives credentials to who has a token, and knows them again. They end with this process. */
export class ClientSessions {
  private readonly issued = new Map<string, { session: ClientSession; sessionToken: string; expiresAt: number }>();

  /** @param now epoch milliseconds */
  constructor(private readonly now: () => number) {}

  /**
   * @param claims of a token that is verified
   * @throws TagError for a claim that STS would not take as a tag
   */
  issue({ role, tags }: Pick<IdentityPool, 'role' | 'tags'>, claims: JWTPayload): ClientCredentials {
    const values = Object.entries(tags).flatMap(([tag, claim]) => (claims[claim] === undefined ? [] : [[tag, String(claims[claim])] as const]));
    const refused = values.find(([, value]) => !TAG_VALUE.test(value));
    if (refused) {
      throw new TagError(
        `the session tag ${refused[0]} would be ${JSON.stringify(refused[1])}, and AWS takes up to 256 letters, digits, blanks and _.:/=+-@ (a user of Cognito has a UUID)`,
      );
    }
    const expiresAt = Math.floor(this.now() / 1_000) + LIFETIME_SECONDS;
    const accessKeyId = `${PREFIX}${randomBytes(8).toString('hex').slice(0, 11).toUpperCase()}`;
    const sessionToken = randomBytes(48).toString('base64');
    this.issued.set(accessKeyId, { session: { role, sessionName: SESSION_NAME, tags: Object.fromEntries(values) }, sessionToken, expiresAt });
    return { accessKeyId, secretAccessKey: randomBytes(30).toString('base64'), sessionToken, expiresAt };
  }

  /**
   * Who signed with an access key. The signature itself is not checked, here as for functions: key and session token are.
   * @returns undefined for a key that is of no signed-in client
   * @throws SessionError for credentials that are refused
   */
  find(accessKeyId: string, sessionToken: string | undefined): ClientSession | undefined {
    if (!accessKeyId.startsWith(PREFIX)) return undefined;
    const issued = this.issued.get(accessKeyId);
    if (!issued || issued.sessionToken !== sessionToken) {
      throw new SessionError('UnrecognizedClientException', 'The security token included in the request is invalid.');
    }
    if (this.now() >= issued.expiresAt * 1_000) {
      throw new SessionError('ExpiredTokenException', 'The security token included in the request is expired');
    }
    return issued.session;
  }
}
