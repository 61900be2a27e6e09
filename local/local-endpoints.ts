import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JSONWebKeySet } from 'jose';
import * as z from 'zod/mini';
import { GROUP_NAME, type TokenClaims } from './api/issuer';
import { faultInput } from './gateway/fault';
import type { FaultInjector } from './gateway/faults';
import type { TraceEntry } from './gateway/meter';
import { isFromHere } from './loopback';
import { BodyTooLarge, IncompleteRequest, readBody } from './request-body';
import { OUTBOX_KINDS, type OutboxItem } from './services/outbox';

/** What the endpoints below `/_local/` need of the platform. */
export interface LocalControls {
  health(): object;
  jwks(): JSONWebKeySet;
  token(claims: TokenClaims): Promise<string>;
  /** What a signed-in client gets for its token; undefined for a token that is not valid. */
  credentials(token: string): Promise<object | undefined>;
  trace(request: string | undefined): TraceEntry[];
  permissions(): object;
  outbox(kind: string | undefined): OutboxItem[];
  /** The flows. */
  functions: readonly string[];
  faults: Pick<FaultInjector, 'add' | 'list' | 'end'>;
  /** Moves the clock ahead, or back to the machine's time, and answers when the sweeper has gone over the tables. */
  moveClock(seconds: number | undefined): Promise<object>;
}

const textOfUpTo = (max: number) => {
  const message = `must be text of 1 to ${max} characters`;
  return z.string(message).check(z.minLength(1, message), z.maxLength(max, message));
};
const GROUP = 'must be 1 to 128 letters, marks, symbols, digits and punctuation, as Cognito names groups: no blank, no control character';
const tokenInput = z.strictObject({
  sub: textOfUpTo(128),
  groups: z.optional(z.array(z.string(GROUP).check(z.regex(GROUP_NAME, GROUP)), 'must be a list of names')),
  email: z.optional(textOfUpTo(2_048)),
  emailVerified: z.optional(z.boolean('must be true or false')),
});

const TOKEN = 'must be a token, as POST /_local/tokens answers it';
const credentialsInput = z.strictObject({ token: z.string(TOKEN).check(z.minLength(1, TOKEN)) });

/** Ten years: far more than any TTL of the store. */
const MAX_ADVANCE_SECONDS = 10 * 366 * 86_400;
const SECONDS = `must be a whole number from 0 to ${MAX_ADVANCE_SECONDS}`;
const clockInput = z.union(
  [
    z.strictObject({ reset: z.literal(true) }),
    z.strictObject({ advanceSeconds: z.int(SECONDS).check(z.minimum(0, SECONDS), z.maximum(MAX_ADVANCE_SECONDS, SECONDS)) }),
  ],
  `must be {"reset": true}, or {"advanceSeconds": N}: N ${SECONDS}`,
);

/** The endpoints, and what each is for. */
export const LOCAL_ROUTES = {
  'GET /_local/health': 'the process, region, engine and endpoints; 200 once everything runs',
  'GET /_local/.well-known/jwks.json': "the public key of this machine's tokens",
  'POST /_local/tokens': 'an ID token as Cognito makes it, for `{sub, groups?, email?, emailVerified?}`',
  'POST /_local/credentials': 'temporary credentials of the identity pool, for `{token}`',
  'GET /_local/trace': 'the DynamoDB calls, newest first; `?request=` for those of one API request',
  'GET /_local/permissions': "what each function's role allows, and how often it was used",
  'GET /_local/outbox': 'mail, events, archived objects and dead letters, newest first; `?kind=` for one kind',
  'GET /_local/faults': 'the faults that are injected now',
  'POST /_local/faults': 'injects a fault; answers its id',
  'DELETE /_local/faults': 'ends all faults',
  'DELETE /_local/faults/{id}': 'ends one fault',
  'POST /_local/clock': 'moves the time of the functions and of TTL ahead by `{advanceSeconds}`; `{"reset": true}` sets it back to the machine\'s',
} as const;

const MOST_BODY_BYTES = 1024 * 1024;

/** Serves the endpoints that exist on this machine only. */
export async function handleLocal(request: IncomingMessage, response: ServerResponse, controls: LocalControls): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  let body: Buffer = Buffer.alloc(0);
  const routes: Record<keyof typeof LOCAL_ROUTES, () => Promise<object> | object> = {
    'GET /_local/health': () => controls.health(),
    'GET /_local/.well-known/jwks.json': () => controls.jwks(),
    'GET /_local/trace': () => ({ items: controls.trace(searchParams.get('request') ?? undefined) }),
    'GET /_local/permissions': () => controls.permissions(),
    'GET /_local/outbox': () => ({ items: controls.outbox(outboxKind(searchParams.get('kind'))) }),
    'POST /_local/tokens': async () => ({ token: await controls.token(readInput(body, tokenInput)) }),
    'POST /_local/credentials': async () => {
      const { token } = readInput(body, credentialsInput);
      const credentials = await controls.credentials(token);
      if (!credentials) throw new LocalProblem(401, 'unauthorized', 'The token is not valid, or has expired. POST /_local/tokens issues one.');
      return credentials;
    },
    'POST /_local/faults': async () => controls.faults.add(readInput(body, faultInput(controls.functions))),
    'GET /_local/faults': () => ({ items: controls.faults.list() }),
    'DELETE /_local/faults': async () => ({ removed: await controls.faults.end() }),
    'DELETE /_local/faults/{id}': async () => {
      const removed = await controls.faults.end(faultId);
      if (removed === 0) throw new LocalProblem(404, 'not-found', `There is no fault with the id ${faultId}. GET /_local/faults lists them.`);
      return { removed };
    },
    'POST /_local/clock': async () => {
      const input = readInput(body, clockInput);
      return controls.moveClock('advanceSeconds' in input ? input.advanceSeconds : undefined);
    },
  };
  const [, faultId] = /^\/_local\/faults\/([^/]+)$/.exec(pathname) ?? [];
  const asked = `${request.method} ${faultId === undefined ? pathname : '/_local/faults/{id}'}`;
  const route = Object.hasOwn(routes, asked) ? routes[asked as keyof typeof routes] : undefined;
  try {
    if (!isFromHere(request.headers)) throw new LocalProblem(403, 'forbidden', 'These endpoints are for this machine only.');
    if (!route) throw new LocalProblem(404, 'not-found', `There is ${Object.keys(routes).join(', ')}.`);
    body = await readBody(request, MOST_BODY_BYTES);
    send(response, 200, 'application/json', await route());
  } catch (error) {
    if (error instanceof IncompleteRequest) return void request.socket.destroy();
    const { status, type, message: detail } = problemOf(error);
    send(response, status, 'application/problem+json', { type, title: type, status, detail });
  }
}

function problemOf(error: unknown): LocalProblem {
  if (error instanceof LocalProblem) return error;
  if (error instanceof BodyTooLarge) return new LocalProblem(413, 'payload-too-large', error.message);
  return new LocalProblem(500, 'internal-error', String(error));
}

function outboxKind(kind: string | null): string | undefined {
  if (kind === null || OUTBOX_KINDS.some((known) => known === kind)) return kind ?? undefined;
  throw new LocalProblem(400, 'invalid-input', `kind: must be one of ${OUTBOX_KINDS.join(', ')}`);
}

/** What one of these endpoints answers instead. */
export class LocalProblem extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    detail: string,
  ) {
    super(detail);
  }
}

function readInput<Schema extends z.ZodMiniType>(body: Buffer, schema: Schema): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    throw new LocalProblem(400, 'invalid-input', 'the body is not JSON');
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new LocalProblem(
    400,
    'invalid-input',
    result.error.issues.map((issue) => [issue.path.join('.'), wordsOf(issue)].filter(Boolean).join(': ')).join('; '),
  );
}

/** zod/mini has no words of its own for what a schema has none for. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.message !== 'Invalid input') return issue.message;
  if (issue.code === 'unrecognized_keys') return `unknown: ${issue.keys.join(', ')}`;
  return issue.code === 'invalid_type' ? `must be of type ${issue.expected}` : issue.message;
}

function send(response: ServerResponse, status: number, type: string, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
