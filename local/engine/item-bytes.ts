import type { Item } from './change-log';

/**
 * The size of an item in bytes as DynamoDB counts it, from its JSON: names and values, 3 bytes and 1 per entry for a list
 * or map, two digits of a number to a byte and one more.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemBytes(item: Item): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value as AttributeJson), 0);
}

type AttributeJson = Readonly<Record<string, unknown>>;

function valueBytes(value: AttributeJson): number {
  const [[type, content] = ['NULL', true]] = Object.entries(value);
  switch (type) {
    case 'S':
      return Buffer.byteLength(content as string);
    case 'N':
      return numberBytes(content as string);
    case 'B':
      return base64Bytes(content as string);
    case 'SS':
      return sum(content as string[], (member) => Buffer.byteLength(member));
    case 'NS':
      return sum(content as string[], numberBytes);
    case 'BS':
      return sum(content as string[], base64Bytes);
    case 'L':
      return 3 + sum(content as AttributeJson[], (entry) => 1 + valueBytes(entry));
    case 'M':
      return 3 + Object.keys(content as Item).length + itemBytes(content as Item);
    default:
      return 1;
  }
}

const sum = <Entry>(entries: readonly Entry[], size: (entry: Entry) => number): number =>
  entries.reduce((total, entry) => total + size(entry), 0);

const base64Bytes = (text: string): number => Buffer.byteLength(text, 'base64');

function numberBytes(text: string): number {
  const digits = text.replace(/e.*$/i, '').replace(/[-.]/g, '').replace(/^0+|0+$/g, '');
  return 1 + Math.ceil(digits.length / 2) + (text.startsWith('-') ? 1 : 0);
}
