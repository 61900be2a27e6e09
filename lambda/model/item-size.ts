/**
 * The size of an item or value in bytes, as DynamoDB counts it: attribute names and values, 3 bytes and 1 per entry for
 * a list or map. A number counts its digits, two to a byte; trailing zeros are counted here, so that it is never less.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemSize(item: Record<string, unknown>): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueSize(value), 0);
}

function valueSize(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number') return numberSize(value);
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Set) return [...value].reduce<number>((sum, member) => sum + valueSize(member), 0);
  if (Array.isArray(value)) return value.reduce<number>((sum, entry) => sum + 1 + valueSize(entry), 3);
  if (typeof value === 'object' && value !== null) return 3 + Object.keys(value).length + itemSize(value as Record<string, unknown>);
  return value === undefined ? 0 : 1;
}

function numberSize(value: number): number {
  if (value === 0) return 1;
  const [mantissa = '', exponent = '0'] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '').length;
  const integer = Math.min(38, Math.max(0, Number(exponent) + 1));
  const fraction = Math.max(0, digits - Math.max(0, Number(exponent) + 1));
  return 1 + Math.ceil(integer / 2) + Math.ceil(fraction / 2) + (value < 0 ? 1 : 0);
}
