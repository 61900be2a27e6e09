import { createHash } from 'node:crypto';
import type { Assembly, Resource, Stack } from './assembly';

/** The account that resources on this machine belong to: the one that the engines write into ARNs. */
export const ACCOUNT_ID = '000000000000';

/** Values that CloudFormation gets from the services when it creates a resource. */
export interface Attributes {
  ref: string;
  attributes: Record<string, string>;
}

/** Reads the field of a secret: `{{resolve:secretsmanager:NAME:SecretString:FIELD::}}`. */
export type SecretReader = (name: string, field: string) => string;

/**
 * Resolves CloudFormation's intrinsic functions over all stacks of an assembly, as a deployment would.
 * An intrinsic or an attribute that it does not know throws, naming the stack and the logical id: a value made up
 * would be found out much later.
 */
export class Resolver {
  /** The streams of the tables, by name: their ARNs have a label that only the engine knows, once a table is there. */
  readonly streamArns = new Map<string, string>();

  constructor(
    private readonly assembly: Assembly,
    private readonly readSecret: SecretReader,
  ) {}

  /** The properties of a resource with every intrinsic and dynamic reference resolved. */
  properties<Shape>(resource: Resource): Shape {
    return this.value(resource.properties, resource.stack, resource.logicalId) as Shape;
  }

  /** What `Ref` gives for a resource. */
  ref(resource: Resource): string {
    return this.attributes(resource).ref;
  }

  /** What `Fn::GetAtt` gives for a resource. */
  attribute(resource: Resource, name: string): string {
    const value = this.attributes(resource).attributes[name];
    if (value === undefined) throw this.unknown(`attribute ${name} of ${resource.type}`, resource.stack, resource.logicalId);
    return value;
  }

  private value(value: unknown, stack: Stack, at: string): unknown {
    if (typeof value === 'string') return this.dynamicReferences(value);
    if (Array.isArray(value)) {
      return value.map((entry) => this.value(entry, stack, at)).filter((entry) => entry !== NO_VALUE);
    }
    if (value === null || typeof value !== 'object') return value;
    const [[key, argument] = ['', undefined], ...rest] = Object.entries(value);
    if (rest.length === 0 && (key === 'Ref' || key.startsWith('Fn::'))) return this.intrinsic(key, argument, stack, at);
    const entries = Object.entries(value).map(([name, entry]) => [name, this.value(entry, stack, at)] as const);
    return Object.fromEntries(entries.filter(([, entry]) => entry !== NO_VALUE));
  }

  private intrinsic(name: string, argument: unknown, stack: Stack, at: string): unknown {
    const resolve = (value: unknown) => this.value(value, stack, at);
    switch (name) {
      case 'Ref':
        return this.reference(argument as string, stack, at);
      case 'Fn::GetAtt': {
        const [logicalId, attribute] = Array.isArray(argument)
          ? (argument as [string, string])
          : ((argument as string).split(/\.(.*)/s, 2) as [string, string]);
        return this.attribute(this.find(logicalId, stack, at), attribute);
      }
      case 'Fn::Join': {
        const [separator, parts] = argument as [string, unknown];
        return (resolve(parts) as unknown[]).join(separator);
      }
      case 'Fn::Sub': {
        const [text, variables] = (Array.isArray(argument) ? argument : [argument, {}]) as [string, Record<string, unknown>];
        return this.dynamicReferences(
          text.replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, variable: string) => {
            if (literal) return `\${${variable}}`;
            if (variable in variables) return String(resolve(variables[variable]));
            return String(
              variable.includes('.')
                ? this.intrinsic('Fn::GetAtt', variable, stack, at)
                : this.reference(variable, stack, at),
            );
          }),
        );
      }
      case 'Fn::Select': {
        const [index, list] = argument as [unknown, unknown];
        return (resolve(list) as unknown[])[Number(resolve(index))];
      }
      case 'Fn::Split': {
        const [separator, text] = argument as [string, unknown];
        return String(resolve(text)).split(separator);
      }
      case 'Fn::If': {
        const [condition, yes, no] = argument as [string, unknown, unknown];
        return resolve(resolve(stack.template.Conditions?.[condition]) === true ? yes : no);
      }
      case 'Fn::Equals': {
        const [left, right] = resolve(argument) as [unknown, unknown];
        return left === right;
      }
      case 'Fn::And':
        return (resolve(argument) as unknown[]).every((entry) => entry === true);
      case 'Fn::Or':
        return (resolve(argument) as unknown[]).some((entry) => entry === true);
      case 'Fn::Not':
        return (resolve(argument) as unknown[])[0] !== true;
      case 'Fn::FindInMap': {
        const [map, first, second] = resolve(argument) as [string, string, string];
        return stack.template.Mappings?.[map]?.[first]?.[second];
      }
      case 'Fn::GetStackOutput': {
        const { StackName, Region, OutputName } = resolve(argument) as Record<string, string>;
        const source = this.assembly.stacks.find(
          (candidate) => candidate.name === StackName && candidate.region === (Region ?? stack.region),
        );
        const output = source?.template.Outputs?.[OutputName ?? ''];
        if (!source || !output) throw this.unknown(`output ${OutputName} of stack ${StackName}`, stack, at);
        return this.value(output.Value, source, OutputName ?? '');
      }
      case 'Fn::ImportValue': {
        const exportName = resolve(argument);
        for (const source of this.assembly.stacks) {
          for (const [id, output] of Object.entries(source.template.Outputs ?? {})) {
            if (output.Export && this.value(output.Export.Name, source, id) === exportName) {
              return this.value(output.Value, source, id);
            }
          }
        }
        throw this.unknown(`export ${String(exportName)}`, stack, at);
      }
      default:
        throw this.unknown(`intrinsic ${name}`, stack, at);
    }
  }

  private reference(name: string, stack: Stack, at: string): unknown {
    switch (name) {
      case 'AWS::AccountId':
        return ACCOUNT_ID;
      case 'AWS::Region':
        return stack.region;
      case 'AWS::Partition':
        return 'aws';
      case 'AWS::URLSuffix':
        return 'amazonaws.com';
      case 'AWS::StackName':
        return stack.name;
      case 'AWS::StackId':
        return `arn:aws:cloudformation:${stack.region}:${ACCOUNT_ID}:stack/${stack.name}/local`;
      case 'AWS::NoValue':
        return NO_VALUE;
    }
    const parameter = stack.template.Parameters?.[name];
    if (parameter) {
      if (parameter.Default === undefined) throw this.unknown(`value of the parameter ${name}`, stack, at);
      return parameter.Default;
    }
    return this.ref(this.find(name, stack, at));
  }

  private find(logicalId: string, stack: Stack, at: string): Resource {
    const resource = this.assembly.resources.find((entry) => entry.stack === stack && entry.logicalId === logicalId);
    if (!resource) throw this.unknown(`resource ${logicalId}`, stack, at);
    return resource;
  }

  /** The names and ARNs that the services would give. They are derived from the template, so they survive a restart. */
  private attributes(resource: Resource): Attributes {
    const { stack, logicalId, type } = resource;
    const physicalName = `${stack.name}-${logicalId}`;
    const id = (length: number) => createHash('sha256').update(physicalName).digest('hex').slice(0, length);
    const named = (property: string) => String(this.value(resource.properties[property], stack, logicalId) ?? physicalName);
    const arn = (service: string, name: string, { region = stack.region, account = ACCOUNT_ID } = {}) =>
      `arn:aws:${service}:${region}:${account}:${name}`;
    switch (type) {
      case 'AWS::DynamoDB::GlobalTable': {
        const name = named('TableName');
        const stream = this.streamArns.get(name);
        return { ref: name, attributes: { Arn: arn('dynamodb', `table/${name}`), ...(stream !== undefined && { StreamArn: stream }) } };
      }
      case 'AWS::Lambda::Function': {
        const name = named('FunctionName');
        return { ref: name, attributes: { Arn: arn('lambda', `function:${name}`) } };
      }
      case 'AWS::Logs::LogGroup': {
        const name = named('LogGroupName');
        return { ref: name, attributes: { Arn: arn('logs', `log-group:${name}:*`) } };
      }
      case 'AWS::IAM::Role': {
        // IAM has no regions, and a stack of one name may be in several.
        const name = String(this.value(resource.properties.RoleName, stack, logicalId) ?? `${stack.name}-${stack.region}-${logicalId}`);
        return { ref: name, attributes: { Arn: arn('iam', `role/${name}`, { region: '' }) } };
      }
      case 'AWS::KMS::Key':
      case 'AWS::KMS::ReplicaKey': {
        const key = id(32);
        return { ref: key, attributes: { Arn: arn('kms', `key/${key}`), KeyId: key } };
      }
      case 'AWS::SecretsManager::Secret': {
        const secret = arn('secretsmanager', `secret:${named('Name')}-${id(6)}`);
        return { ref: secret, attributes: { Id: secret } };
      }
      case 'AWS::SQS::Queue': {
        const name = named('QueueName');
        const url = `https://sqs.${stack.region}.amazonaws.com/${ACCOUNT_ID}/${name}`;
        return { ref: url, attributes: { Arn: arn('sqs', name), QueueName: name, QueueUrl: url } };
      }
      case 'AWS::S3::Bucket': {
        const name = String(this.value(resource.properties.BucketName, stack, logicalId) ?? `${stack.name}-${id(12)}`);
        return { ref: name, attributes: { Arn: `arn:aws:s3:::${name}` } };
      }
      case 'AWS::Events::EventBus': {
        const name = named('Name');
        return { ref: name, attributes: { Arn: arn('events', `event-bus/${name}`), Name: name } };
      }
      case 'AWS::Events::Rule': {
        const name = named('Name');
        return { ref: name, attributes: { Arn: arn('events', `rule/${name}`) } };
      }
      case 'AWS::SES::EmailIdentity': {
        const identity = named('EmailIdentity');
        return { ref: identity, attributes: {} };
      }
      case 'AWS::Kinesis::Stream': {
        const name = named('Name');
        return { ref: name, attributes: { Arn: arn('kinesis', `stream/${name}`) } };
      }
      case 'AWS::EC2::SecurityGroup': {
        const group = `sg-${id(17)}`;
        return { ref: group, attributes: { GroupId: group } };
      }
      case 'AWS::DAX::Cluster': {
        // As long as DAX takes; CloudFormation makes it where the template gives none.
        const name = String(this.value(resource.properties.ClusterName, stack, logicalId) ?? `dax-${id(12)}`);
        const host = `${name}.dax-clusters.${stack.region}.amazonaws.com`;
        return {
          ref: name,
          attributes: { Arn: arn('dax', `cache/${name}`), ClusterDiscoveryEndpoint: `${host}:9111`, ClusterDiscoveryEndpointURL: `daxs://${host}` },
        };
      }
      case 'AWS::Cognito::UserPool': {
        const pool = `${stack.region}_${id(9)}`;
        const provider = `cognito-idp.${stack.region}.amazonaws.com/${pool}`;
        return {
          ref: pool,
          attributes: {
            Arn: arn('cognito-idp', `userpool/${pool}`),
            UserPoolId: pool,
            ProviderName: provider,
            ProviderURL: `https://${provider}`,
          },
        };
      }
      case 'AWS::Cognito::UserPoolClient': {
        const client = id(26);
        return { ref: client, attributes: { ClientId: client } };
      }
      case 'AWS::Cognito::IdentityPool': {
        const [, ...parts] = /^(.{8})(.{4})(.{4})(.{4})(.{12})/.exec(id(32)) as RegExpExecArray;
        return { ref: `${stack.region}:${parts.join('-')}`, attributes: { Name: named('IdentityPoolName') } };
      }
      case 'AWS::ApiGatewayV2::Api': {
        const api = id(10);
        return { ref: api, attributes: { ApiId: api, ApiEndpoint: `https://${api}.execute-api.${stack.region}.amazonaws.com` } };
      }
      default:
        return { ref: physicalName, attributes: {} };
    }
  }

  private dynamicReferences(text: string): string {
    return text.replace(/\{\{resolve:([^}]+)\}\}/g, (whole, reference: string) => {
      const [service, name, kind, field] = reference.split(':');
      if (service !== 'secretsmanager' || !name || kind !== 'SecretString' || !field) {
        throw new Error(`This platform does not resolve ${whole}.`);
      }
      return this.readSecret(name, field);
    });
  }

  private unknown(what: string, stack: Stack, at: string): Error {
    return new Error(`Stack ${stack.name}, ${at}: this platform knows no ${what}.`);
  }
}

const NO_VALUE = Symbol('AWS::NoValue');
