import { App, type AppProps, CloudFormationValidatePlugin, Tags, Validations } from 'aws-cdk-lib';
import type { Bundles } from './bundle';
import { namePrefix, readConfig } from './config';
import { ruleFiles } from './rules';
import { ApiStack } from './stacks/api';
import { DataStack } from './stacks/data';
import { EventsStack } from './stacks/events';

/** The whole store as a CDK app, from the config in its context. @throws ConfigError */
export function createApp(bundles: Pick<Bundles, 'folder'>, props?: AppProps): App {
  const app = new App(props);
  const config = readConfig(app.node);
  const [region] = config.regions;
  const stack = (name: string) => ({ stackName: `${namePrefix(config)}${name}`, env: { region }, config });
  const data = new DataStack(app, 'Data', stack('data'));
  new ApiStack(app, 'Api', { ...stack('api'), data, bundles });
  new EventsStack(app, 'Events', { ...stack('events'), data, bundles });
  Tags.of(app).add('app', 'dynamodb-store');
  Tags.of(app).add('stage', config.stage);
  // A plugin that is registered runs even where the validator is switched off, so it is not.
  if (props?.builtinCloudFormationValidation !== false && process.env.CDK_VALIDATION !== 'false') {
    Validations.of(app).addPlugins(new CloudFormationValidatePlugin({ regoRules: ruleFiles() }));
  }
  return app;
}
