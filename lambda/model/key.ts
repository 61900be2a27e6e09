/**
 * One key of an index: the generic field that holds it and the attributes it is composed of.
 *
 * Casing is `none` everywhere. ElectroDB lower-cases keys by default, and then the ids `AbC` and `aBc` would be one
 * item: https://electrodb.dev/en/modeling/indexes/#index-casing
 */
export function key<const Composite extends readonly string[]>(field: string, composite: Composite) {
  return { field, composite, casing: 'none' as const };
}
