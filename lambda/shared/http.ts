import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { isSafeNumber, LosslessNumber, parse as parseLossless } from 'lossless-json';
import * as z from 'zod/mini';
import { countingCalls } from './consumed-capacity';
import { embeddedMetrics } from './embedded-metrics';
import { type FailureKind, failureKind, type InputError, invalidInput, outcomeUnknown, Problem, type ProblemType, problemOfWrite } from './errors';
import { failureOf } from './failure';
import { limitingTheWait, unavailable } from './home-region';
import { logger } from './logger';
import { mayBeDone, type SentWrites, watchingWrites } from './sent-writes';

/** The claims of a verified token that the store uses. */
export interface Caller {
  /** The `sub` claim: the user's and customer's id. */
  sub: string;
  admin: boolean;
}

/** What an operation needs to know of the invocation. Both are epoch milliseconds. */
export interface Invocation {
  now: number;
  /** When the flow must stop retrying, so that it still answers before Lambda's timeout. */
  deadline: number;
}

/** One HTTP request as a flow sees it. What is missing or wrong throws the Problem that answers it. */
export interface Request extends Invocation {
  /** The verified caller; a Problem `forbidden` on a route without authorizer. */
  caller(): Caller;
  /** Throws `forbidden` unless the caller is in the group `admin`. */
  requireAdmin(): void;
  /** A path parameter. */
  path(name: string): string;
  /** A path parameter that must be the caller's own id, or any id for an admin where `orAdmin`; else `not-found`. */
  ownId(name: string, options: { orAdmin: boolean }): string;
  header(name: string): string | undefined;
  query<Schema extends z.ZodMiniType>(schema: Schema): z.output<Schema>;
  /** @param limit the largest body in bytes, where it is not that of every route */
  body<Schema extends z.ZodMiniType>(schema: Schema, limit?: number): z.output<Schema>;
  /** For a route that needs no body: one that comes is `{}`. */
  noBody(): void;
}

export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** The largest body of a route that is not a batch route, and of one that is. */
const MAX_BODY_BYTES = 256 * 1024;
export const MAX_BATCH_BODY_BYTES = 4 * 1024 * 1024;

/** Longer ids would pass the 1,024 bytes of a sort key, and none of ours is: such an item cannot exist. */
const MAX_ID_BYTES = 512;

/** Lambda's 6 MB, less what stands around the body. */
const MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 4_096;

/** What is kept of Lambda's time to answer in, when DynamoDB has not. */
const ANSWER_MS = 500;

/**
 * Makes the Lambda handler of a flow: one log line per request, which holds its metrics; problems and failures as
 * `application/problem+json`, and an answer before Lambda's timeout whatever DynamoDB does.
 *
 * @param name the flow's name: dimension of its metrics
 */
export function flow(name: string, handle: (request: Request) => Promise<Answer>) {
  const metrics = embeddedMetrics('request', name);
  return (event: APIGatewayProxyEventV2, context: Context): Promise<APIGatewayProxyStructuredResultV2> =>
    countingCalls(async (consumed) => {
      const started = Date.now();
      const deadline = started + context.getRemainingTimeInMillis() - ANSWER_MS;
      const { answer, why } = await limitingTheWait(() =>
        watchingWrites((writes) =>
          before(deadline, writes, () => handle(readRequest(event, { now: started, deadline })))
            .then(requireSize)
            .then((answer): Outcome => ({ answer }), (error: unknown) => refused(error, writes)),
        ),
      );
      const latencyMs = Date.now() - started;
      const { readUnits: ReadUnits, writeUnits: WriteUnits, daxUnanswered: DaxUnanswered } = consumed;
      logger[levelOf(answer, why)]('request', {
        route: event.routeKey,
        status: answer.status,
        latencyMs,
        requestId: event.requestContext.requestId,
        ...consumed,
        ...why,
        ...metrics({ Latency: latencyMs, ServerErrors: answer.status >= 500 ? 1 : 0, ReadUnits, WriteUnits, DaxUnanswered }),
      });
      return {
        statusCode: answer.status,
        headers: { ...(answer.body !== undefined && { 'content-type': 'application/json' }), ...answer.headers },
        ...(answer.body !== undefined && { body: JSON.stringify(answer.body) }),
      };
    });
}

/** What a request came to, and what its log line says of the reason where that is a problem. */
interface Outcome {
  answer: Answer;
  why?: { problem: ProblemType; kind?: FailureKind };
}

/** A defect is an error, also where a write was done before it; what passes when DynamoDB has time again is a warning. */
const levelOf = ({ status }: Answer, { kind }: { kind?: FailureKind } = {}) =>
  status < 500 ? 'info' : status === 503 && kind !== 'other' ? 'warn' : 'error';

/** @throws Problem `answer-too-large` for what Lambda would not answer: the body is text inside its own JSON */
function requireSize(answer: Answer): Answer {
  const body = JSON.stringify(answer.body ?? null);
  // Escaping makes six characters of one, at most.
  if (body.length > MAX_ANSWER_BYTES / 6 && Buffer.byteLength(JSON.stringify(body)) > MAX_ANSWER_BYTES) {
    throw new Problem('answer-too-large', 'The answer would have more than the 6 MB that a function may answer.');
  }
  return answer;
}

async function before(deadline: number, writes: SentWrites, work: () => Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(mayBeDone(writes) ? outcomeUnknown() : unavailable()), deadline - Date.now());
  });
  return Promise.race([(async () => work())(), late]).finally(() => clearTimeout(timer));
}

/** The answer of a problem, with its type for the log line; of a failure with all that is known of it. */
function refused(error: unknown, writes: SentWrites): Outcome {
  const expected = error instanceof Problem ? error : problemOfWrite(error);
  const { type, title, status, detail, extra } = expected ?? asProblem(error, writes);
  const failure = expected ? expected.cause : error;
  return {
    answer: {
      status,
      body: { type, title, status, detail, ...extra },
      headers: { 'content-type': 'application/problem+json', ...(status === 503 && { 'retry-after': '1' }) },
    },
    why: { problem: type, ...((!expected || failure !== undefined) && failureOf(failure)) },
  };
}

/** By what came of the request's writes, whichever call it failed in: what was written must not simply be repeated. */
function asProblem(error: unknown, writes: SentWrites): Problem {
  if (mayBeDone(writes)) return outcomeUnknown();
  switch (failureKind(error)) {
    case 'throttled':
      return new Problem('throttled', 'DynamoDB throttled the request for too long. Try again.');
    case 'unknown-outcome':
      return unavailable();
    case 'other':
      return new Problem('internal-error', 'The request failed. The log of the function says why.');
  }
}

function readRequest(event: APIGatewayProxyEventV2, invocation: Invocation): Request {
  const caller = (): Caller => {
    const claims = jwtClaims(event);
    const sub = claims?.sub;
    if (typeof sub !== 'string' || sub === '' || Buffer.byteLength(sub) > MAX_ID_BYTES) {
      throw new Problem('forbidden', 'The token names no user.');
    }
    return { sub, admin: groups(claims?.['cognito:groups']).includes('admin') };
  };
  const path = (name: string): string => {
    const value = event.pathParameters?.[name] ?? '';
    if (value === '' || Buffer.byteLength(value) > MAX_ID_BYTES || !value.isWellFormed()) {
      throw new Problem('not-found', `There is no ${name} of this form.`);
    }
    return value;
  };
  return {
    ...invocation,
    caller,
    path,
    requireAdmin() {
      if (!caller().admin) throw new Problem('forbidden', 'This route is for the group admin.');
    },
    ownId(name, { orAdmin }) {
      const { sub, admin } = caller();
      const id = path(name);
      if (id !== sub && !(orAdmin && admin)) throw new Problem('not-found', `There is no ${name} ${id} of yours.`);
      return id;
    },
    header: (name) => event.headers[name.toLowerCase()],
    query: (schema) => check(schema, event.queryStringParameters ?? {}),
    body: (schema, limit = MAX_BODY_BYTES) => check(schema, readJson(event, limit)),
    noBody() {
      if (event.body) check(z.strictObject({}), readJson(event, MAX_BODY_BYTES));
    },
  };
}

function jwtClaims(event: APIGatewayProxyEventV2): Record<string, unknown> | undefined {
  const context = event.requestContext as { authorizer?: { jwt?: { claims?: Record<string, unknown> } } };
  return context.authorizer?.jwt?.claims;
}

/** API Gateway hands an array claim on as text: `["admin", "staff"]` arrives as `[admin staff]`. */
function groups(claim: unknown): string[] {
  if (Array.isArray(claim)) return claim.map(String);
  if (typeof claim !== 'string') return [];
  return claim.replace(/^\[|\]$/g, '').split(/\s+/);
}

function readJson(event: APIGatewayProxyEventV2, limit: number): unknown {
  const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > limit) {
    throw new Problem('payload-too-large', `The body has ${bytes.length} bytes; ${limit} are taken.`);
  }
  try {
    return parseLossless(bytes.toString('utf8'), undefined, exactNumber);
  } catch {
    throw invalidInput([{ path: '', message: bytes.length === 0 ? 'the body is empty' : 'the body is not JSON' }]);
  }
}

/**
 * DynamoDB keeps 38 digits, a JavaScript number 15 to 17. A number that would come back as another one stays an object,
 * which no schema takes for a number, so it is refused where it stands.
 */
const exactNumber = (text: string) => (isSafeNumber(text) ? Number(text) : new LosslessNumber(text));

function check<Schema extends z.ZodMiniType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalidInput(inputErrors(result.error));
}

/** How much of what is wrong an answer names. */
const MAX_INPUT_ERRORS = 20;
const MAX_PATH = 200;

/** What is wrong with an input, as its schema tells it: the first of each path says enough, and 20 of them. */
export function inputErrors(error: z.core.$ZodError): InputError[] {
  const errors = new Map<string, InputError>();
  const add = (path: PropertyKey[], message: string) => {
    const name = path.join('.').slice(0, MAX_PATH);
    // What is wrong first says enough of an input: text that is too long need not also be of the wrong form.
    if (errors.size < MAX_INPUT_ERRORS && !errors.has(name)) errors.set(name, { path: name, message });
  };
  for (const issue of error.issues) {
    // zod/mini has no words of its own.
    if (issue.code === 'invalid_type' && issue.message === 'Invalid input') add(issue.path, `must be of type ${issue.expected}`);
    else if (issue.code !== 'unrecognized_keys') add(issue.path, issue.message);
    else for (const key of issue.keys.slice(0, MAX_INPUT_ERRORS)) add([...issue.path, key], 'is not known here');
  }
  return [...errors.values()];
}
