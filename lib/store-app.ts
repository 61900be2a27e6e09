import { App, type AppProps, CloudFormationValidatePlugin, Tags, Validations } from 'aws-cdk-lib';
import type { Bundles } from './bundle';
import { namePrefix, readConfig, type StoreConfig } from './config';
import { ruleFiles } from './rules';
import { AccessStack } from './stacks/access';
import { ApiStack } from './stacks/api';
import { CacheStack } from './stacks/cache';
import { DataStack, requireConsistency, type TableKeys } from './stacks/data';
import { EventsStack } from './stacks/events';
import { KeyStack, ReplicaKeyStack } from './stacks/keys';
import { ObservabilityStack } from './stacks/observability';

/**
 * The whole store as a CDK app, from the config in its context: tables, API and consumers in the home region, and in each
 * other region a replica with an API of its own, and in each its alarms and dashboard. Consumers are in the home region only: every
 * replica's stream has every change, so each region's would do everything once more. So is the cache
 * (docs/decisions/0017-the-cache.md).
 * @throws ConfigError
 */
export function createApp(bundles: Pick<Bundles, 'folder'>, props?: AppProps): App {
  const opened = openApp(props);
  addStacks(opened, bundles, props);
  return opened.app;
}

/** An app without its stacks, and what its context says: for who must know that before there are bundles. */
interface OpenedApp {
  app: App;
  config: StoreConfig;
}

/** @throws ConfigError */
export function openApp(props?: AppProps): OpenedApp {
  const app = new App(props);
  const config = readConfig(app.node);
  requireConsistency(config);
  return { app, config };
}

/** Adds the stacks that the config asks for. */
export function addStacks({ app, config }: OpenedApp, bundles: Pick<Bundles, 'folder'>, props?: AppProps): void {
  const [home, ...others] = config.regions;
  const stack = (name: string, region = home) => ({ stackName: `${namePrefix(config)}${name}`, env: { region }, config });
  const keys = config.encryption === 'customer' ? tableKeys(app, config, stack) : undefined;
  const data = new DataStack(app, 'Data', { ...stack('data'), ...(keys && { keys }) });
  const cache = config.dax.enabled ? new CacheStack(app, 'Cache', { ...stack('cache'), data }) : undefined;
  const api = new ApiStack(app, 'Api', { ...stack('api'), data, bundles, ...(cache && { cache }) });
  // In the home region only, where the user pool is and orders are pinned.
  new AccessStack(app, 'Access', { ...stack('access'), data });
  const events = new EventsStack(app, 'Events', { ...stack('events'), data, bundles });
  new ObservabilityStack(app, 'Observability', { ...stack('observability'), data, api, events, ...(cache && { cache }) });
  for (const region of others) {
    const nearby = new ApiStack(app, `Api-${region}`, { ...stack('api', region), data, bundles });
    new ObservabilityStack(app, `Observability-${region}`, { ...stack('observability', region), data, api: nearby });
  }
  Tags.of(app).add('app', 'dynamodb-store');
  Tags.of(app).add('stage', config.stage);
  // A plugin that is registered runs even where the validator is switched off, so it is not.
  if (props?.builtinCloudFormationValidation !== false && process.env.CDK_VALIDATION !== 'false') {
    Validations.of(app).addPlugins(new CloudFormationValidatePlugin({ regoRules: ruleFiles() }));
  }
}

function tableKeys(
  app: App,
  config: StoreConfig,
  stack: (name: string, region?: string) => { stackName: string; env: { region: string }; config: StoreConfig },
): TableKeys {
  const [, ...others] = config.regions;
  const { key: primary } = new KeyStack(app, 'Keys', stack('keys'));
  const replicas = others.map((region) => [region, new ReplicaKeyStack(app, `Keys-${region}`, { ...stack('keys', region), primary })] as const);
  return { primary, replicaArns: Object.fromEntries(replicas.map(([region, { keyArn }]) => [region, keyArn])) };
}
