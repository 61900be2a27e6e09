import { UserError } from './user-error';

const HEALTH_MS = 5_000;

/** What a store on this machine says of itself. */
export interface LocalStore {
  /** Its DynamoDB endpoint. */
  dynamodb: string;
  /** The endpoint of its other services. */
  services: string;
  /** Where its streams and queues are. */
  region: string;
}

/** Asks a store on this machine where its services are. @throws UserError where there is none */
export async function localStore(url: string): Promise<LocalStore> {
  let answer: unknown;
  try {
    const response = await fetch(`${url}/_local/health`, { signal: AbortSignal.timeout(HEALTH_MS) });
    answer = await response.json();
  } catch {
    throw new UserError(`No store runs at ${url}. Start one: npm start (or name it: --url URL; for AWS: --aws)`);
  }
  const store = readHealth(answer);
  if (!store) throw new UserError(`What runs at ${url} is no store. Start one: npm start (or name it: --url URL; for AWS: --aws)`);
  return store;
}

/** What the answer of `GET /_local/health` says; undefined where it is not that of a store on this machine. */
export function readHealth(answer: unknown): LocalStore | undefined {
  const { dynamodb, services, region: own, homeRegion: region = own } = (answer ?? {}) as Record<string, unknown>;
  return typeof region === 'string' && isUrl(dynamodb) && isUrl(services) ? { dynamodb, services, region } : undefined;
}

const isUrl = (value: unknown): value is string => typeof value === 'string' && URL.canParse(value);
