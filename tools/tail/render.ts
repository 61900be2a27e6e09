import { type Change, members, membersOnlyIn } from './changes';
import { imageToJson, toJson } from '../dynamodb-json';
import type { Entry } from './entry';
import { plainOrQuoted, shown, valueText } from './value-text';

/** A record as one line of JSON. Values are in DynamoDB JSON, which keeps types and every digit. */
export function asJson({ owner, keys, changes, newImage, oldImage, ttl, view: _view, ...rest }: Entry): string {
  const entry = {
    ...rest,
    entity: owner?.name,
    keys: imageToJson(keys),
    changes: changes.map(({ path, from, to }) => ({ path, ...(from && { from: toJson(from) }), ...(to && { to: toJson(to) }) })),
    newImage: newImage && imageToJson(newImage),
    oldImage: oldImage && imageToJson(oldImage),
    ttl,
  };
  return `${JSON.stringify(entry)}\n`;
}

const COLOURS = { '+': '32', '-': '31', '~': '33', '=': '36', head: '1' } as const;
type Sign = Exclude<keyof typeof COLOURS, 'head'>;

/** A record as a block of lines for a person, the first one of which tells what happened to which item. */
export function asText(entry: Entry, hasColours: boolean): string {
  const { at, eventName, owner, keys, changes, ttl } = entry;
  const key = owner?.key.length
    ? owner.key.map(([name, value]) => `${name}=${plainOrQuoted(value)}`)
    : Object.entries(keys)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `${plainOrQuoted(name)}=${valueText(value)}`);
  const oneSided = oneSidedView(entry);
  const head = [
    at ?? 'at an unknown time',
    eventName,
    ...(ttl ? ['(expired)'] : []),
    ...(owner ? [plainOrQuoted(owner.name)] : []),
    ...key,
    ...(oneSided ? [`(as it ${oneSided}; what changed is not in the stream)`] : []),
  ].join(' ');
  const paint = (kind: keyof typeof COLOURS, text: string) => (hasColours ? `\u001b[${COLOURS[kind]}m${text}\u001b[0m` : text);
  const lines = changes.flatMap((change): [Sign, string][] =>
    changeLines(change).map(([sign, text]) => [oneSided ? '=' : sign, text]),
  );
  return [paint('head', head), ...lines.map(([sign, text]) => `  ${paint(sign, `${sign} ${text}`)}`), ''].join('\n');
}

/** Whether a MODIFY comes with one image only, and of when that is. */
function oneSidedView({ eventName, newImage, oldImage }: Entry): 'is now' | 'was' | undefined {
  if (eventName !== 'MODIFY' || (newImage === undefined) === (oldImage === undefined)) return undefined;
  return newImage ? 'is now' : 'was';
}

function changeLines({ path: rawPath, from, to }: Change): [Sign, string][] {
  const path = shown(rawPath);
  const [before, after] = [members(from), members(to)];
  if (before && after) {
    return [
      ...membersOnlyIn(before, after).map((member): [Sign, string] => ['-', `${path} ${valueText(member)}`]),
      ...membersOnlyIn(after, before).map((member): [Sign, string] => ['+', `${path} ${valueText(member)}`]),
    ];
  }
  if (from && to) return [['~', `${path} ${valueText(from)} -> ${valueText(to)}`]];
  if (to) return [['+', `${path} ${valueText(to)}`]];
  return from ? [['-', `${path} ${valueText(from)}`]] : [];
}
