import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';

/**
 * CloudFormation's resource specification, as AWS publishes it for the CDK: another source than the schemas in the
 * template validator, and read by other code.
 */
const SPEC = loadAwsServiceSpecSync();

const resourceType = (name: string) => SPEC.lookup('resource', 'cloudFormationType', 'equals', name)[0];

type Properties = NonNullable<ReturnType<typeof resourceType>>['properties'];
type PropertyType = Properties[string]['type'];
type Json = { [key: string]: unknown };

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-product-attribute-reference.html */
const RESOURCE_ATTRIBUTES = [
  'Type',
  'Properties',
  'Condition',
  'CreationPolicy',
  'DeletionPolicy',
  'DependsOn',
  'Metadata',
  'UpdatePolicy',
  'UpdateReplacePolicy',
];
const DELETION_POLICIES = ['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot'];

/** What the CDK adds for its statistics; no service has it. */
const NO_RESOURCE = 'AWS::CDK::Metadata';

/**
 * Checks every resource of a template: its type and attributes, the names and types of its properties at every depth, what
 * is required, and what Ref and Fn::GetAtt refer to. Where an intrinsic function stands, its result is taken to be right.
 *
 * @returns a line for each finding: logical id, where, and what is wrong
 */
export function schemaFindings(template: object): string[] {
  const { Resources = {}, Parameters = {}, ...rest } = template as { Resources?: Json; Parameters?: Json };
  const resources = Resources as { [id: string]: Json };
  return [
    ...Object.entries(resources).flatMap(([id, resource]) => ofResource(id, resource, resources)),
    ...references({ Resources, ...rest }).flatMap(({ path, to, attribute }) => ofReference(path, to, attribute, resources, Parameters)),
  ];
}

function ofResource(id: string, resource: Json, resources: Json): string[] {
  const { Type, Properties = {}, DependsOn = [] } = resource;
  if (Type === NO_RESOURCE) return [];
  const type = resourceType(String(Type));
  if (!type) return [`${id}: there is no resource type ${String(Type)}`];
  const at = `${id} (${String(Type)})`;
  return [
    ...Object.keys(resource)
      .filter((attribute) => !RESOURCE_ATTRIBUTES.includes(attribute))
      .map((attribute) => `${at}: a resource has no attribute ${attribute}${suggestion(attribute, RESOURCE_ATTRIBUTES)}`),
    ...['DeletionPolicy', 'UpdateReplacePolicy']
      .filter((name) => resource[name] !== undefined && !DELETION_POLICIES.includes(resource[name] as string))
      .map((name) => `${at}: ${name} is ${JSON.stringify(resource[name])}, and may be ${DELETION_POLICIES.join(', ')}`),
    ...[DependsOn]
      .flat()
      .filter((other) => !(String(other) in resources))
      .map((other) => `${at}: depends on ${String(other)}, which is no resource of the template`),
    ...ofProperties(`${at} Properties`, Properties, type.properties),
  ];
}

function ofProperties(path: string, value: unknown, properties: Properties): string[] {
  if (!isObject(value)) return [mismatch(path, 'an object', value)];
  return [
    ...Object.entries(properties)
      .filter(([name, { required }]) => required && value[name] === undefined)
      .map(([name]) => `${path}: ${name} is required, and missing`),
    ...Object.entries(value).flatMap(([name, given]) => {
      const property = properties[name];
      if (!property) return [`${path}: there is no property ${name}${suggestion(name, Object.keys(properties))}`];
      return anyOf(`${path}.${name}`, given, [property.type, ...(property.previousTypes ?? [])]);
    }),
  ];
}

/** No finding where one of the types fits; else what is wrong for the one that fits best. */
function anyOf(path: string, value: unknown, types: readonly PropertyType[]): string[] {
  const findings = types.map((type) => ofType(path, value, type));
  return findings.reduce((best, next) => (next.length < best.length ? next : best));
}

function ofType(path: string, value: unknown, type: PropertyType): string[] {
  const branches = branchesOf(value);
  if (branches) return branches.flatMap((branch) => ofType(path, branch, type));
  if (isIntrinsic(value)) return [];
  switch (type.type) {
    case 'string':
    case 'date-time':
      return typeof value === 'string' ? [] : [mismatch(path, 'a string', value)];
    case 'number':
      return typeof value === 'number' ? [] : [mismatch(path, 'a number', value)];
    case 'integer':
      return Number.isInteger(value) ? [] : [mismatch(path, 'a whole number', value)];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [mismatch(path, 'true or false', value)];
    case 'null':
      return value === null ? [] : [mismatch(path, 'null', value)];
    case 'json':
      return isObject(value) || Array.isArray(value) || typeof value === 'string' ? [] : [mismatch(path, 'JSON', value)];
    case 'tag':
      return ofProperties(path, value, TAG);
    case 'array':
      return Array.isArray(value)
        ? value.flatMap((element, i) => ofType(`${path}[${i}]`, element, type.element))
        : [mismatch(path, 'a list', value)];
    case 'map':
      return isObject(value)
        ? Object.entries(value).flatMap(([key, element]) => ofType(`${path}.${key}`, element, type.element))
        : [mismatch(path, 'an object', value)];
    case 'union':
      return anyOf(path, value, type.types);
    case 'ref':
      return ofProperties(path, value, SPEC.get('typeDefinition', type.reference.$ref).properties);
  }
}

const TAG: Properties = { Key: { type: { type: 'string' }, required: true }, Value: { type: { type: 'string' }, required: true } };

interface Reference {
  path: string;
  to: string;
  /** Where it is a Fn::GetAtt. */
  attribute?: string;
}

/** Every Ref and Fn::GetAtt. */
function references(value: unknown, path = ''): Reference[] {
  if (Array.isArray(value)) return value.flatMap((element, i) => references(element, `${path}[${i}]`));
  if (!isObject(value)) return [];
  const [name, argument] = Object.entries(value)[0] ?? [];
  if (isIntrinsic(value) && name === 'Ref') return [{ path, to: String(argument) }];
  if (isIntrinsic(value) && name === 'Fn::GetAtt') {
    const [to = '', ...attribute] = Array.isArray(argument) ? argument.map(String) : String(argument).split('.');
    return [{ path, to, attribute: attribute.join('.') }];
  }
  return Object.entries(value).flatMap(([key, child]) => references(child, path === '' ? key : `${path}.${key}`));
}

function ofReference(path: string, to: string, attribute: string | undefined, resources: { [id: string]: Json }, parameters: Json): string[] {
  const resource = resources[to];
  if (attribute === undefined) return resource || to in parameters || to.startsWith('AWS::') ? [] : [`${path}: there is no ${to} to refer to`];
  if (!resource) return [`${path}: there is no resource ${to} to take ${attribute} of`];
  const attributes = Object.keys(resourceType(String(resource.Type))?.attributes ?? {});
  return attributes.includes(attribute)
    ? []
    : [`${path}: ${to} (${String(resource.Type)}) has no attribute ${attribute}${suggestion(attribute, attributes)}`];
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html */
const INTRINSICS =
  /^(Ref|Fn::(And|Base64|Cidr|Equals|FindInMap|GetAtt|GetAZs|GetStackOutput|If|ImportValue|Join|Length|Not|Or|Select|Split|Sub|ToJsonString|Transform))$/;

function isIntrinsic(value: unknown): value is Json {
  const keys = isObject(value) ? Object.keys(value) : [];
  return keys.length === 1 && INTRINSICS.test(keys[0] as string);
}

/** Both values of a Fn::If, which must both be of the property's type. */
function branchesOf(value: unknown): unknown[] | undefined {
  if (!isIntrinsic(value) || !Array.isArray(value['Fn::If'])) return undefined;
  return value['Fn::If'].slice(1);
}

const mismatch = (path: string, expected: string, value: unknown) => `${path}: should be ${expected}, and is ${JSON.stringify(value)?.slice(0, 60)}`;

function suggestion(name: string, names: readonly string[]): string {
  const meant = names.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return meant ? `; ${meant} is meant` : `; there are ${names.toSorted().join(', ')}`;
}
