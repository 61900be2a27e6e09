import { DescribeTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { localStore } from '../local-store';
import type { Place } from '../options';
import { UserError } from '../user-error';
import type { Domain } from './entities';

/** Where to find what is followed. */
export interface Wanted {
  place: Place;
  stage: string;
  what: { table: string } | { domain: Domain };
}

/** A stream, and how to read it. */
export interface Target {
  table: string;
  streamArn: string;
  /** Set where the table holds all domains, and only this one is wanted. */
  domain: Domain | undefined;
  client: DynamoDBStreamsClient;
  /** What tells this service from another one with the same names: an address that outlasts a restart. */
  address: string;
  /** The service's time in epoch milliseconds, as its last answer told it. */
  now(): number;
  /** Asks a store on this machine for its endpoint again: after a restart it may be another one. */
  refresh(): Promise<void>;
}

const TABLES: Record<Domain, string> = { users: 'Users', products: 'Products', orders: 'Orders' };

/** A request that is not answered in this time is sent again. */
const requestHandler = { connectionTimeout: 2_000, requestTimeout: 20_000, throwOnRequestTimeout: true };

/** @throws UserError where there is no service, no such table, or no stream */
export async function findTarget({ place, stage, what }: Wanted): Promise<Target> {
  const { config, refresh, address } = 'url' in place ? await localService(place.url) : aws(place.region);
  const dynamodb = new DynamoDBClient({ ...config, requestHandler });
  try {
    const names = 'table' in what ? [what.table] : [`store-${stage}-${TABLES[what.domain]}`, `store-${stage}-Store`];
    const found = await firstTable(dynamodb, names);
    if (!found) throw new UserError(`There is no table ${names.join(' and no ')}. ${await tablesThere(dynamodb)}`);
    const { table, streamArn } = found;
    if (!streamArn) throw new UserError(`The table ${table} has no stream.`);
    const client = new DynamoDBStreamsClient({ ...config, requestHandler });
    const domain = 'domain' in what && table === names[1] ? what.domain : undefined;
    return { table, streamArn, domain, client, address, now: serviceClock(client), refresh };
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { name, message, code } = error as Error & { code?: string };
    throw new UserError(`DynamoDB does not answer (${address}): ${name}: ${message || code}`);
  } finally {
    dynamodb.destroy();
  }
}

/** The first of the tables that there is; its `streamArn` is undefined where it has no stream. */
async function firstTable(dynamodb: DynamoDBClient, names: string[]) {
  for (const TableName of names) {
    try {
      const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName }));
      return { table: TableName, streamArn: Table?.LatestStreamArn };
    } catch (error) {
      if ((error as Error).name !== 'ResourceNotFoundException') throw error;
    }
  }
  return undefined;
}

async function tablesThere(dynamodb: DynamoDBClient): Promise<string> {
  const { TableNames = [], LastEvaluatedTableName } = await dynamodb.send(new ListTablesCommand({}));
  if (TableNames.length === 0) return 'There are no tables.';
  return `There is ${TableNames.join(', ')}${LastEvaluatedTableName ? ' and more' : ''}.`;
}

const aws = (region: string | undefined) => ({
  config: region === undefined ? {} : { region },
  refresh: async () => undefined,
  address: 'AWS',
});

async function localService(url: string) {
  let { dynamodb, region } = await localStore(url);
  return {
    // The SDK asks for the endpoint at each request.
    config: { endpoint: async () => endpointOf(dynamodb), region, credentials: { accessKeyId: 'tail', secretAccessKey: 'local' } },
    refresh: async () => {
      try {
        ({ dynamodb, region } = await localStore(url));
      } catch {
        // It is away still.
      }
    },
    address: url,
  };
}

function endpointOf(text: string) {
  const { protocol, hostname, port, pathname } = new URL(text);
  return { protocol, hostname, path: pathname, ...(port && { port: Number(port) }) };
}

/** The time in the answers of a service: this machine's own clock may be wrong. */
function serviceClock(client: DynamoDBStreamsClient): () => number {
  let ahead = 0;
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const date = Date.parse(headers?.date ?? '');
      if (!Number.isNaN(date)) ahead = date - Date.now();
      return result;
    },
    { step: 'deserialize', name: 'serviceClock' },
  );
  return () => Date.now() + ahead;
}
