/** What an answer must be: its status, and what its body must hold at least. */
export interface Expected {
  status: number;
  body?: unknown;
}

/** A value that is not known before, in the place of one. */
class Wanted {
  constructor(
    private readonly text: string,
    readonly holds: (value: unknown) => boolean,
  ) {}

  /** As it stands in what is printed. */
  toJSON(): string {
    return this.text;
  }
}

export const anyText = new Wanted('any text', (value) => typeof value === 'string' && value !== '');
export const anyNumber = new Wanted('any number', (value) => typeof value === 'number');
export const atLeast = (least: number) => new Wanted(`at least ${least}`, (value) => typeof value === 'number' && value >= least);

/**
 * Whether a value holds what is expected: each member of an object, and the entries of a list in their order; others may
 * be between them, since a store in use has more than what one run made.
 */
export function holds(expected: unknown, value: unknown): boolean {
  if (expected instanceof Wanted) return expected.holds(value);
  if (Array.isArray(expected)) {
    if (!Array.isArray(value)) return false;
    let from = 0;
    return expected.every((entry) => {
      const index = value.findIndex((candidate, at) => at >= from && holds(entry, candidate));
      from = index + 1;
      return index >= 0;
    });
  }
  if (typeof expected !== 'object' || expected === null) return expected === value;
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(expected).every(([name, member]) => holds(member, (value as Record<string, unknown>)[name]));
}

/** For people. */
export const shown = ({ status, body }: Expected): string => `${status}${body === undefined ? '' : ` with ${JSON.stringify(body)}`}`;
