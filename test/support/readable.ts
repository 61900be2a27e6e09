import { normalised, type Template, type TemplateResource } from './templates';

/**
 * A template as a person reads it in a review: a line where one is enough, references as `<logical id>` or `<stack.output>`, and
 * nothing left out but asset hashes, which change with every line of code.
 */
export const readable = (template: Template): string =>
  lines(normalised(template))
    .map((line) => `${line}\n`)
    .join('');

const WIDTH = 150;

type Json = { [key: string]: unknown };

function lines({ Resources, ...sections }: Template): string[] {
  return [
    ...Object.entries(Resources).flatMap(([id, resource]) => resourceLines(id, resource)),
    ...Object.entries(sections).flatMap(([name, section]) => valueLines(name, withoutIntrinsics(section), '')),
  ];
}

function resourceLines(id: string, { Type, Properties = {}, ...attributes }: TemplateResource): string[] {
  const more = Object.keys(attributes).length > 0 ? ` ${inline(withoutIntrinsics(attributes))}` : '';
  return [`${id} ${Type}${more}`, ...Object.entries(withoutIntrinsics(Properties) as Json).flatMap(([name, value]) => valueLines(name, value, '  '))];
}

function valueLines(name: string, value: unknown, indent: string): string[] {
  const line = `${indent}${name}: ${inline(value)}`;
  if (line.length <= WIDTH || typeof value !== 'object' || value === null) return [line];
  const children = Array.isArray(value) ? value.map((child) => ['-', child] as const) : Object.entries(value);
  return [`${indent}${name}:`, ...children.flatMap(([key, child]) => valueLines(key, child, `${indent}  `))];
}

/** References and joined texts as text. */
function withoutIntrinsics(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIntrinsics);
  if (typeof value !== 'object' || value === null) return value;
  const [[name, argument] = ['', undefined], ...others] = Object.entries(value);
  const text = others.length > 0 ? undefined : intrinsicText(name, withoutIntrinsics(argument));
  return text ?? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, withoutIntrinsics(child)]));
}

function intrinsicText(name: string, argument: unknown): string | undefined {
  const isTexts = Array.isArray(argument) && argument.every((part) => typeof part === 'string');
  if (name === 'Ref') return `<${String(argument)}>`;
  if (name === 'Fn::GetAtt' && isTexts) return `<${argument.join('.')}>`;
  if (name === 'Fn::Join' && Array.isArray(argument) && Array.isArray(argument[1])) return argument[1].map((part) => (typeof part === 'string' ? part : inline(part))).join(argument[0] as string);
  if (name !== 'Fn::GetStackOutput') return undefined;
  const { StackName, OutputName, Region, ...rest } = argument as Json;
  return `<${String(StackName)}.${String(OutputName)}${Region === undefined ? '' : ` in ${String(Region)}`}${Object.keys(rest).length > 0 ? ` ${inline(rest)}` : ''}>`;
}

/** On one line; a text that could be taken for something else is quoted. */
function inline(value: unknown): string {
  if (typeof value === 'string') return /^[\w<][^,[\]{}"'\n]*$/.test(value) && !/^(\d[\d.]*|true|false|null)$/.test(value) ? value : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{${Object.entries(value).map(([key, child]) => `${key}: ${inline(child)}`).join(', ')}}`;
}

/** What belongs to one function of a template: its role, its log group, its route, and what else is nobody else's. */
export interface FunctionResources {
  name: string;
  ids: string[];
  /** Each property in a line of its own, or each statement of a policy, with what differs by the name alone left out. */
  lines: string[];
}

/** The functions of a template with what belongs to each, and what is left: what several of them refer to. */
export function byFunction(template: Template): { functions: FunctionResources[]; rest: Template } {
  const { Resources, ...sections } = normalised(template);
  const ids = Object.keys(Resources);
  const refersTo = new Map(
    ids.map((id) => {
      const text = JSON.stringify(Resources[id]);
      return [id, ids.filter((other) => other !== id && text.includes(`"${other}"`))];
    }),
  );
  const functions = ids.filter((id) => Resources[id]?.Type === 'AWS::Lambda::Function');
  const shared = new Set(ids.filter((id) => [...refersTo.values()].filter((others) => others.includes(id)).length > 5));
  const groups = functions.map((id) => connected(id, refersTo, shared));
  const grouped = new Set(groups.flat());
  return {
    functions: groups.map((group) => functionResources(group.map((id) => [id, Resources[id] as TemplateResource]))),
    rest: { ...sections, Resources: Object.fromEntries(Object.entries(Resources).filter(([id]) => !grouped.has(id))) },
  };
}

function connected(start: string, refersTo: ReadonlyMap<string, string[]>, shared: ReadonlySet<string>): string[] {
  const found = new Set([start]);
  for (const id of found) {
    for (const [other, targets] of refersTo) {
      const isNext = targets.includes(id) || refersTo.get(id)?.includes(other);
      if (isNext && !shared.has(other)) found.add(other);
    }
  }
  return [...refersTo.keys()].filter((id) => found.has(id));
}

function functionResources(group: [string, TemplateResource][]): FunctionResources {
  const [, fn] = group.find(([, { Type }]) => Type === 'AWS::Lambda::Function') as [string, TemplateResource];
  const { POWERTOOLS_SERVICE_NAME: name = '' } = (fn.Properties.Environment as { Variables: Record<string, string> }).Variables;
  let text = JSON.stringify(group.map(([, resource]) => resource));
  for (const [id, { Type }] of group) text = text.replaceAll(`"${id}"`, `"${Type.split('::').at(-1)}"`);
  const resources = JSON.parse(text.replaceAll(`"${name}"`, '"<name>"').replaceAll(`-${name}"`, '-<name>"')) as TemplateResource[];
  return {
    name,
    ids: group.map(([id]) => id),
    lines: resources.flatMap(({ Type, ...resource }) => leaves(Type.split('::').at(-1) as string, withoutIntrinsics(resource))).sort(),
  };
}

/** A line for each value in it, with its path; a statement is one value. */
function leaves(path: string, value: unknown): string[] {
  if (typeof value !== 'object' || value === null || path.endsWith('.Statement[]') || Object.keys(value).length === 0) return [`${path.replace(/\.Properties\b/, '')}: ${inline(value)}`];
  if (Array.isArray(value)) return value.flatMap((child) => leaves(`${path}[]`, child));
  return Object.entries(value).flatMap(([key, child]) => leaves(`${path}.${key}`, child));
}

/** What two lists of lines do not share, as `- ` of the first and `+ ` of the second. Of a property that changed the latter, since the former is known. */
export function difference(before: readonly string[], after: readonly string[]): string[] {
  const left = [...before];
  const added = after.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  const pathOf = (line: string) => line.split(': ', 1)[0] as string;
  const changed = added.map(pathOf).filter((path) => !path.endsWith('[]'));
  return [...left.filter((line) => !changed.includes(pathOf(line))).map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)];
}
