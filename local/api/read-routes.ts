import type { Resource } from '../assembly';
import type { Pool } from '../functions/pool';
import type { Resolver } from '../resolve';
import type { RouteTarget } from './http-api';
import type { JwtAuthorizer } from './issuer';
import type { Route } from './routes';

interface RouteProperties {
  RouteKey: string;
  Target: string;
  AuthorizationType?: string;
  AuthorizerId?: string;
}

/**
 * The routes of the HTTP API, each with the pool of its function and its authorizer.
 * @param here the resources of a type in the API's region: stacks of one name in two regions have resources of one name
 * @throws Error for an authorizer that does not run here
 */
export function readRoutes(here: (type: string) => Resource[], resolver: Resolver, pools: Pool[]): Route<RouteTarget>[] {
  const byRef = (type: string) => new Map(here(type).map((resource) => [resolver.ref(resource), resource]));
  const integrations = byRef('AWS::ApiGatewayV2::Integration');
  const authorizers = byRef('AWS::ApiGatewayV2::Authorizer');
  return here('AWS::ApiGatewayV2::Route').map((resource) => {
    const { RouteKey: routeKey, Target, AuthorizationType = 'NONE', AuthorizerId } = resolver.properties<RouteProperties>(resource);
    const integration = integrations.get(Target.replace('integrations/', ''));
    const arn = integration && resolver.properties<{ IntegrationUri: string }>(integration).IntegrationUri;
    const pool = pools.find(({ fn }) => fn.arn === arn);
    if (!pool) throw new Error(`The route ${routeKey} leads to ${arn}, which is no function here.`);
    if (AuthorizationType === 'NONE') return { routeKey, target: { pool } };
    const authorizer = AuthorizationType === 'JWT' && authorizers.get(AuthorizerId ?? '');
    if (!authorizer) throw new Error(`The route ${routeKey} has an authorizer of type ${AuthorizationType}; JWT runs here.`);
    const { JwtConfiguration } = resolver.properties<{ JwtConfiguration: { Issuer: string; Audience: string[] } }>(authorizer);
    const jwt: JwtAuthorizer = { issuer: JwtConfiguration.Issuer, audience: JwtConfiguration.Audience };
    return { routeKey, target: { pool, authorizer: jwt } };
  });
}
