import type { AttributeValue } from '@aws-sdk/client-dynamodb-streams';
import { type Image, toJson } from '../dynamodb-json';

/** One attribute, or one place inside of one, that differs. Without `from` it is new, without `to` it is gone. */
export interface Change {
  /** As in a document path of an expression: `lines[0].quantity`; a name of other characters is quoted: `["a.b"]`. */
  path: string;
  from?: AttributeValue;
  to?: AttributeValue;
}

/**
 * What differs between two images, place by place: maps and lists are gone into, sets are compared whole.
 * @param isHidden the top-level attributes that are left out
 */
export function changesBetween(from: Image | undefined, to: Image | undefined, isHidden: (name: string) => boolean): Change[] {
  const names = [...new Set([...Object.keys(from ?? {}), ...Object.keys(to ?? {})])].filter((name) => !isHidden(name));
  return names.sort().flatMap((name) => walk(step('', name), from?.[name], to?.[name]));
}

function walk(path: string, from: AttributeValue | undefined, to: AttributeValue | undefined): Change[] {
  const [before, after] = [parts(from), parts(to)];
  if (!before && !after) return isSame(from, to) ? [] : [change(path, from, to)];
  if (from && to && typeOf(from) !== typeOf(to)) return [...walk(path, from, undefined), ...walk(path, undefined, to)];
  const steps = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])];
  // An empty map or list that comes or goes has no places to tell it by.
  if (steps.length === 0 && !(before && after)) return [change(path, from, to)];
  return steps.flatMap((name) => walk(step(path, name), before?.get(name), after?.get(name)));
}

const change = (path: string, from: AttributeValue | undefined, to: AttributeValue | undefined): Change => ({
  path,
  ...(from && { from }),
  ...(to && { to }),
});

const typeOf = (value: AttributeValue): string | undefined => Object.keys(value)[0];

/** What a map or a list holds; undefined for everything else. */
function parts(value: AttributeValue | undefined): Map<string | number, AttributeValue> | undefined {
  if (value?.M) return new Map(Object.entries(value.M));
  return value?.L && new Map(value.L.entries());
}

function step(path: string, name: string | number): string {
  if (typeof name === 'number') return `${path}[${name}]`;
  if (!/^[A-Za-z_]\w*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

/** The members of a set, each as the value it would be alone; undefined for everything else. */
export function members(value: AttributeValue | undefined): AttributeValue[] | undefined {
  if (value?.SS) return value.SS.map((S) => ({ S }));
  if (value?.NS) return value.NS.map((N) => ({ N }));
  return value?.BS?.map((B) => ({ B }));
}

/** The members that only the first of two sets has. A set has no order. */
export function membersOnlyIn(these: AttributeValue[], others: AttributeValue[]): AttributeValue[] {
  const known = new Set(others.map(identity));
  return these.filter((member) => !known.has(identity(member)));
}

/** Of two values that are no maps and no lists. */
function isSame(a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return identity(a) === identity(b);
}

function identity(value: AttributeValue): string {
  return `${typeOf(value)} ${JSON.stringify(members(value)?.map(identity).sort() ?? toJson(value))}`;
}
