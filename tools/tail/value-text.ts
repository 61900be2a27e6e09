import type { AttributeValue } from '@aws-sdk/client-dynamodb-streams';
import { members } from './changes';

/** Characters of a text that are shown. */
const MAX_CHARACTERS = 120;

/** What a terminal would obey instead of show: control characters, and those that turn the direction of writing. */
const UNSHOWN = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A value on one line, for a person. Numbers keep every digit. */
export function valueText(value: AttributeValue): string {
  const set = members(value);
  if (set) return `{${set.map(valueText).join(', ')}}`;
  if (value.S !== undefined) return quoted(value.S);
  if (value.N !== undefined) return value.N;
  if (value.BOOL !== undefined) return String(value.BOOL);
  if (value.B) return `<${value.B.length} bytes>`;
  if (value.M) return `{${Object.entries(value.M).map(([name, inner]) => `${plainOrQuoted(name)}: ${valueText(inner)}`).join(', ')}}`;
  if (value.L) return `[${value.L.map(valueText).join(', ')}]`;
  return 'null';
}

/** A text as it is where nothing in it can be misread, else in quotes. */
export const plainOrQuoted = (text: string): string => (/^[\w.@:+-]+$/.test(text) ? text : quoted(text));

/** Escapes in a text what a terminal would not show. */
export const shown = (text: string): string =>
  text.replace(UNSHOWN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

function quoted(text: string): string {
  const characters = Array.from(text.slice(0, 2 * MAX_CHARACTERS + 2));
  if (characters.length <= MAX_CHARACTERS) return shown(JSON.stringify(text));
  const start = shown(JSON.stringify(characters.slice(0, MAX_CHARACTERS).join('')));
  return `${start}... (${text.length} characters)`;
}
