import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import * as z from 'zod/mini';
import { countingCalls } from './consumed-capacity';
import { embeddedMetrics } from './embedded-metrics';
import {
  type FailureKind,
  failureKind,
  type InputError,
  invalidInput,
  MAX_INPUT_ERRORS,
  MAX_INPUT_PATH,
  outcomeUnknown,
  Problem,
  type ProblemType,
  problemOfWrite,
} from './errors';
import { failureOf } from './failure';
import { limitingTheWait, unavailable } from './home-region';
import { bodyText, parseJson } from './json-body';
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
export interface Request<Query = unknown> extends Invocation {
  /** The verified caller; a Problem `forbidden` on a route without authorizer. */
  caller(): Caller;
  /** Throws `forbidden` unless the caller is in the group `admin`. */
  requireAdmin(): void;
  /** Throws `email-not-verified` unless the token proves that this address, in any case, is the caller's. */
  requireProvedEmail(email: string): void;
  /** A path parameter. */
  path(name: string): string;
  /** A path parameter that must be the caller's own id, or any id for an admin where `orAdmin`; else `not-found`. */
  ownId(name: string, options: { orAdmin: boolean }): string;
  header(name: string): string | undefined;
  /** The query parameters, by the schema that the flow declares. */
  query(): Query;
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
 * @param query the query parameters that the route has; without it, any parameter is refused
 */
export function flow<Query extends z.ZodMiniType>(
  name: string,
  handle: (request: Request<z.output<Query>>) => Promise<Answer>,
  query?: Query,
) {
  const metrics = embeddedMetrics('request', name);
  return (event: APIGatewayProxyEventV2, context: Context): Promise<APIGatewayProxyStructuredResultV2> =>
    countingCalls(async (consumed) => {
      const started = Date.now();
      const deadline = started + context.getRemainingTimeInMillis() - ANSWER_MS;
      const { answer, why } = await limitingTheWait(() =>
        watchingWrites((writes) =>
          before(deadline, writes, () => handle(readRequest(event, { now: started, deadline }, query)))
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

/** @throws Problem `invalid-input` for a body that is not UTF-8, for a repeated query parameter, and for any where the flow declares none */
function readRequest<Query extends z.ZodMiniType>(
  event: APIGatewayProxyEventV2,
  invocation: Invocation,
  schema: Query | undefined,
): Request<z.output<Query>> {
  const text = bodyText(event);
  const parameters = queryParameters(event);
  if (!schema) check(z.strictObject({}), parameters);
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
    if (value === '' || Buffer.byteLength(value) > MAX_ID_BYTES || !value.isWellFormed() || value.includes('\ufffd')) {
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
    requireProvedEmail(email) {
      const { email: proved, email_verified: isVerified } = jwtClaims(event) ?? {};
      // Claims are text here, whatever they are in the token.
      if (isVerified === 'true' && typeof proved === 'string' && lowerCase(proved) === lowerCase(email)) return;
      throw new Problem(
        'email-not-verified',
        'The token must prove this e-mail: its claim email must be the same address, and email_verified must be true. ' +
          'Only an ID token has these claims, so send the ID token instead of the access token.',
      );
    },
    ownId(name, { orAdmin }) {
      const { sub, admin } = caller();
      const id = path(name);
      if (id !== sub && !(orAdmin && admin)) throw new Problem('not-found', `There is no ${name} ${id} of yours.`);
      return id;
    },
    header: (name) => event.headers[name.toLowerCase()],
    query: () => check(schema as Query, parameters),
    body: (schema, limit = MAX_BODY_BYTES) => check(schema, readJson(text, limit)),
    noBody() {
      if (text !== '') check(z.strictObject({}), readJson(text, MAX_BODY_BYTES));
    },
  };
}

function jwtClaims(event: APIGatewayProxyEventV2): Record<string, unknown> | undefined {
  const context = event.requestContext as { authorizer?: { jwt?: { claims?: Record<string, unknown> } } };
  return context.authorizer?.jwt?.claims;
}

/** Of A to Z alone: `toLowerCase` makes a `k` of U+212A, the Kelvin sign, and with it two addresses one. */
const lowerCase = (address: string) => address.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/**
 * API Gateway hands a list on as text: `["admin", "staff"]` arrives as `[admin staff]`. Cognito allows no blank in the name of
 * a group, so this text has one reading. Any other text is not a list of groups, and names none.
 * https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateGroup.html
 */
function groups(claim: unknown): string[] {
  const list = typeof claim === 'string' ? /^\[([\p{L}\p{M}\p{S}\p{N}\p{P} ]+)\]$/u.exec(claim)?.[1] : undefined;
  const names = list?.split(' ') ?? [];
  return names.includes('') ? [] : names;
}

/**
 * The query parameters. API Gateway joins the values of a repeated one by commas, which looks like one value.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * @throws Problem `invalid-input`
 */
function queryParameters({ rawQueryString, queryStringParameters }: APIGatewayProxyEventV2): object {
  const names = [...new URLSearchParams(rawQueryString).keys()];
  const repeated = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  if (repeated.size > 0) throw invalidInput([...repeated].map((path) => ({ path, message: 'is given twice' })));
  return queryStringParameters ?? {};
}

/** @throws Problem `payload-too-large`, `invalid-input` */
function readJson(text: string, limit: number): unknown {
  const bytes = Buffer.byteLength(text);
  if (bytes > limit) throw new Problem('payload-too-large', `The body is ${bytes} bytes; the limit is ${limit}.`);
  return parseJson(text);
}

function check<Schema extends z.ZodMiniType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalidInput(inputErrors(result.error));
}

/** What is wrong with an input, as its schema tells it: the first of each path says enough, and 20 of them. */
export function inputErrors(error: z.core.$ZodError): InputError[] {
  const errors = new Map<string, InputError>();
  const add = (path: PropertyKey[], message: string) => {
    const name = path.join('.').slice(0, MAX_INPUT_PATH);
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
