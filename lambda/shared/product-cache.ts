import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { DocumentClient } from 'electrodb';
import { daxClient, DAX_TIMEOUTS, type DaxMethods } from './dax-client';

/**
 * The client that caches products: DAX, where the template names a cluster. Its library is loaded only then, while the function
 * starts; bundles of functions that do not use it hold none of this (lib/bundle.ts).
 *
 * @param dynamodb a client of the home region, where the cluster is
 * @returns undefined where there is no cluster
 */
export function productCache(dynamodb: DynamoDBDocumentClient): DocumentClient | undefined {
  const endpoint = process.env.DAX_ENDPOINT;
  if (!endpoint) return undefined;
  const connected = connect(endpoint);
  // Whoever calls hears of it, each by an error of his own: ElectroDB marks those that it wraps.
  const connection = () =>
    connected.catch((cause: unknown) => {
      throw new Error(`No client for DAX_ENDPOINT ${endpoint}: ${String(cause)}`, { cause });
    });
  connection().catch(() => {});
  return daxClient(connection, dynamodb);
}

async function connect(endpoint: string): Promise<DaxMethods> {
  const listeners = process.listeners('warning');
  // A CommonJS package: in a bundle it has its exports in `default` only.
  const { DaxDocument } = (await import('@amazon-dax-sdk/lib-dax')).default;
  // The library removes them all as it loads, Node's own among them.
  const kept = process.listeners('warning');
  for (const listener of listeners) if (!kept.includes(listener)) process.on('warning', listener);
  const client = new DaxDocument({
    endpoint,
    connectTimeout: 500,
    requestTimeout: DAX_TIMEOUTS.write,
    maxRetryDelay: 300,
    readRetries: 1,
    // A write whose connection broke would be sent again, though it may have been done. `writeRetries: 0` means the default.
    maxRetries: 0,
  }) as unknown as DaxMethods & StartingClient;
  await started(client);
  return client;
}

/** The part of the client that tells whether it has looked for its nodes once. It is its own business, so a test holds it. */
interface StartingClient {
  readonly _cluster?: { startupComplete(): boolean };
}

/**
 * Resolves when the client has looked for its nodes, whether it found some or not. Until then it repeats a call for as long as it
 * has none, a write as well: one that was reported as unknown would be sent long after.
 */
async function started({ _cluster }: StartingClient): Promise<void> {
  while (_cluster?.startupComplete() === false) await sleep(10, undefined, { ref: false });
}
