/**
 * ISO 4217 keeps this code for tests, and the name of the group for them: sums in the currencies of a shop's customers stay
 * as they are.
 */
export const CURRENCY = 'XTS';

/** What a step found out, for those after it. */
interface Learned {
  /** Whether this run made the profile. */
  isProfileNew: boolean;
  /** The caller's statistics before the first order. */
  before: { orders: number; spent: number };
  first: PlacedOrder;
  second: PlacedOrder;
  /** Whether somebody makes DynamoDB fail already, on a store on this machine. */
  hasFaults: boolean;
}

interface PlacedOrder {
  orderId: string;
  placedAt: string;
  /** Of the API request that placed it. */
  requestId: string | undefined;
}

/** One run: who it is, and names that nothing else in the store has. */
export class Run {
  /** What all that it makes is named by. */
  readonly name: string;
  readonly category: string;
  readonly products: Readonly<Record<'tea' | 'cup' | 'pot' | 'lid', string>>;
  /** The routes of what it has asked for, whether it was answered or not. */
  readonly begun = new Set<string>();
  /** What it made, for people. */
  readonly made: string[] = [];
  private readonly learned: Partial<Learned> = {};

  /**
   * @param sub the caller's user id
   * @param email the address that the caller's token proves
   * @param id a ULID
   */
  constructor(
    readonly sub: string,
    readonly email: string,
    id: string,
  ) {
    this.name = runName(id);
    this.category = this.name;
    this.products = { tea: `${this.name}-tea`, cup: `${this.name}-cup`, pot: `${this.name}-pot`, lid: `${this.name}-lid` };
  }

  learn(facts: Partial<Learned>): void {
    Object.assign(this.learned, facts);
  }

  /** @throws Error where the step that finds it out did not pass */
  known<Name extends keyof Learned>(name: Name): Learned[Name] {
    const fact = this.learned[name];
    if (fact === undefined) throw new Error(`The run does not know '${name}' yet.`);
    return fact as Learned[Name];
  }

  knownYet<Name extends keyof Learned>(name: Name): Learned[Name] | undefined {
    return this.learned[name];
  }
}

/** What a run is called, and its user, where the store issues the token: one who has ordered nothing. */
export const runName = (id: string): string => `smoke-${id}`;
