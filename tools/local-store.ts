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
  let answer: { dynamodb?: unknown; services?: unknown; region?: unknown; homeRegion?: unknown } | undefined;
  try {
    const response = await fetch(`${url}/_local/health`, { signal: AbortSignal.timeout(HEALTH_MS) });
    answer = (await response.json()) as typeof answer;
  } catch {
    throw new UserError(`No store runs at ${url}. Start one: npm start (or name it: --url URL; for AWS: --aws)`);
  }
  const { dynamodb, services, region: own, homeRegion: region = own } = answer ?? {};
  if (typeof region !== 'string' || !isUrl(dynamodb) || !isUrl(services)) {
    throw new UserError(`What runs at ${url} is no store. Start one: npm start (or name it: --url URL; for AWS: --aws)`);
  }
  return { dynamodb, services, region };
}

const isUrl = (value: unknown): value is string => typeof value === 'string' && URL.canParse(value);
