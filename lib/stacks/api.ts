import { dirname } from 'node:path';
import { CfnOutput, RemovalPolicy, SecretValue, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { WatchedFlow } from '../alarms/functions';
import type { Bundles } from '../bundle';
import { namePrefix, type StoreConfig } from '../config';
import { StoreFunction } from '../constructs/store-function';
import { type Flow, FLOWS } from '../flows';
import type { CacheStack } from './cache';
import type { DataStack } from './data';

/** The HTTP API: one route, one function, one role for each flow of the catalogue. With a cache, some of them use that. */
export class ApiStack extends Stack {
  readonly apiId: string;
  readonly flows: WatchedFlow[] = [];

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { config: StoreConfig; data: DataStack; cache?: CacheStack; bundles: Pick<Bundles, 'folder'> },
  ) {
    super(scope, id, props);
    const { config, data, cache, bundles } = props;
    // Functions name tables and the secret without a reference, so CloudFormation must be told the order.
    this.addStackDependency(data);

    const api = new apigateway.HttpApi(this, 'HttpApi', { apiName: this.stackName, createDefaultStage: false });
    this.apiId = api.apiId;
    const stage = new apigateway.HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: 1_000, burstLimit: 2_000 },
      accessLogSettings: {
        destination: new apigateway.LogGroupLogDestination(
          new logs.LogGroup(this, 'AccessLog', {
            retention: logs.RetentionDays.ONE_MONTH,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
        ),
        format: AccessLogFormat.custom(
          JSON.stringify({
            time: '$context.requestTime',
            requestId: '$context.requestId',
            route: '$context.routeKey',
            status: '$context.status',
            latencyMs: '$context.responseLatency',
            error: '$context.error.message',
            authorizerError: '$context.authorizer.error',
          }),
        ),
      },
    });
    const authorizer = new HttpJwtAuthorizer('Jwt', data.userPool.userPoolProviderUrl, {
      jwtAudience: [data.userPoolClient.userPoolClientId],
    });
    const cursorSecret = {
      CURSOR_SECRET: secretField(data.cursorSecretName, 'current'),
      CURSOR_SECRET_PREVIOUS: secretField(data.cursorSecretName, 'previous'),
      // CloudFormation resolves the references anew only when the function changes.
      CURSOR_SECRET_VERSION: String(config.cursorSecretVersion),
    };

    for (const flow of FLOWS as readonly Flow[]) {
      const fn = new StoreFunction(this, flow.name, {
        name: flow.name,
        functionName: `${namePrefix(config)}${flow.name}`,
        description: `${flow.route} (${flow.who})`,
        access: flow,
        code: bundles.folder(flow.name, cache && flow.dax !== undefined),
        data: data.binding,
        environment: {
          ...(flow.pages && cursorSecret),
          // Another type is another cluster, and CDK deploys no stack whose template is the same.
          ...(cache && flow.dax && { DAX_ENDPOINT: cache.endpoint, DAX_NODE_TYPE: config.dax.nodeType }),
        },
        ...(cache && flow.dax && { network: cache.network, statements: [cache.statement(flow.dax)] }),
      });
      this.flows.push({ ...fn.watched, domain: dirname(flow.entry) });
      const [method, path] = flow.route.split(' ') as [apigateway.HttpMethod, string];
      const routes = api.addRoutes({
        path,
        methods: [method],
        integration: new HttpLambdaIntegration(`${flow.name}-integration`, fn.function),
        ...(flow.who !== 'public' && { authorizer }),
      });
      if (flow.who === 'public') {
        for (const route of routes) {
          Validations.of(route).acknowledge({
            id: 'AwsSolutions-APIG4',
            reason: 'The catalogue of flows makes this route public: whoever comes to a store may look at its products.',
          });
        }
      }
    }

    new CfnOutput(this, 'ApiUrl', { value: stage.url });
    new CfnOutput(this, 'UserPoolId', { value: data.userPool.userPoolId });
    new CfnOutput(this, 'UserPoolClientId', { value: data.userPoolClient.userPoolClientId });
  }
}

/** CloudFormation reads the field when it deploys, so the secret is never in the template. */
const secretField = (name: string, jsonField: string) => SecretValue.secretsManager(name, { jsonField }).unsafeUnwrap();
