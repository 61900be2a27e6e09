/** What AWS refuses, or what loses data. */
export interface Finding {
  /** Stack, logical id and physical name. */
  where: string;
  what: string;
  /** AWS's rule, or what is lost. */
  why: string;
  /** What to deploy first, step by step. */
  order?: readonly string[];
  /** What else there is to do, each by itself. */
  instead?: readonly string[];
}

/** A change that passes and has a cost or a wait. */
export interface Note {
  where: string;
  what: string;
}

export interface Comparison {
  findings: Finding[];
  notes: Note[];
}

export const joined = (parts: readonly Comparison[]): Comparison => ({
  findings: parts.flatMap(({ findings }) => findings),
  notes: parts.flatMap(({ notes }) => notes),
});

/** `a`, `a and b`, `a, b and c`. */
export const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

const WIDTH = 120;
const INDENT = 10;

/** Findings as they are printed: what, why and what to do, each under its own word; what is the same of several, once. */
export function findingTexts(findings: readonly Finding[]): string[] {
  const groups = new Map<string, { places: string[]; body: string }>();
  for (const { where, what, why, order = [], instead = [] } of findings) {
    const body = [
      ...rows('what', [what]),
      ...rows('why', [why]),
      ...rows('deploy', order.map((step, index) => `${index + 1}. ${step}`)),
      ...rows('instead', instead),
    ].join('\n');
    const group = groups.get(body) ?? { places: [], body };
    group.places.push(where);
    groups.set(body, group);
  }
  return [...groups.values()].map(({ places, body }) => `Refused: ${places.join(`\n${' '.repeat('Refused: '.length)}`)}\n${body}`);
}

const rows = (head: string, texts: readonly string[]): string[] =>
  texts.flatMap((text) => wrapped(text)).map((line, index) => `${(index === 0 ? `  ${head}` : '').padEnd(INDENT)}${line}`);

/** A command stays on a line of its own, to be copied. */
function wrapped(text: string): string[] {
  return text.split(/ (?=aws dynamodb )/).flatMap((part) => {
    const lines: string[] = [];
    let line = '';
    for (const word of part.startsWith('aws dynamodb ') ? [part] : part.split(' ')) {
      if (line !== '' && INDENT + line.length + 1 + word.length > WIDTH) {
        lines.push(line);
        line = '';
      }
      line = line === '' ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}
