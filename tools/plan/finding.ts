/** What AWS refuses, or what loses data. */
export interface Finding {
  /** Stack, logical id and physical name. */
  where: string;
  what: string;
  /** AWS's rule, or what is lost. */
  why: string;
  /** What to do instead; what to deploy first, in its order. */
  steps: readonly string[];
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

/** A finding as it is printed: what, why and what to do, each under its own word. */
export function findingText({ where, what, why, steps }: Finding): string {
  const numbered = steps.length < 2 ? steps : steps.map((step, index) => `${index + 1}. ${step}`);
  const row = (head: string, text: string) => `  ${head.padEnd(8)}${text}`;
  return [
    `Refused: ${where}`,
    row('what', what),
    row('why', why),
    ...numbered.map((step, index) => row(index === 0 ? 'instead' : '', step)),
  ].join('\n');
}
