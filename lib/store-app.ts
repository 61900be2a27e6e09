import { App, type AppProps, CloudFormationValidatePlugin, Tags, Validations } from 'aws-cdk-lib';
import type { Bundles } from './bundle';
import { namePrefix, readConfig, type StoreConfig } from './config';
import { ruleFiles } from './rules';
import { ApiStack } from './stacks/api';
import { DataStack, requireConsistency, type TableKeys } from './stacks/data';
import { EventsStack } from './stacks/events';
import { KeyStack, ReplicaKeyStack } from './stacks/keys';
import { ObservabilityStack } from './stacks/observability';

/**
 * The whole store as a CDK app, from the config in its context: tables, API and consumers in the home region, and in each
 * other region a replica with an API of its own, and in each its alarms and dashboard. Consumers are in the home region only: every replica's stream has every
 * change, so each region's would do everything once more.
 * @throws ConfigError
 */
export function createApp(bundles: Pick<Bundles, 'folder'>, props?: AppProps): App {
  const app = new App(props);
  const config = readConfig(app.node);
  requireConsistency(config);
  const [home, ...others] = config.regions;
  const stack = (name: string, region = home) => ({ stackName: `${namePrefix(config)}${name}`, env: { region }, config });
  const keys = config.encryption === 'customer' ? tableKeys(app, config, stack) : undefined;
  const data = new DataStack(app, 'Data', { ...stack('data'), ...(keys && { keys }) });
  const api = new ApiStack(app, 'Api', { ...stack('api'), data, bundles });
  const events = new EventsStack(app, 'Events', { ...stack('events'), data, bundles });
  new ObservabilityStack(app, 'Observability', { ...stack('observability'), data, api, events });
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
  return app;
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
