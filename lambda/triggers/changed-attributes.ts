import { isDeepStrictEqual } from 'node:util';

/** The names of the attributes that differ between two images of an item, in order. */
export function changedAttributes(before: object, after: object): string[] {
  const [old, now] = [before, after] as [Record<string, unknown>, Record<string, unknown>];
  const names = new Set([...Object.keys(old), ...Object.keys(now)]);
  return [...names].filter((name) => !isDeepStrictEqual(old[name], now[name])).sort();
}
