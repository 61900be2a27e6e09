import { isSafeNumber } from 'lossless-json';

/** DynamoDB's range. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html */
const isTooSmall = (number: number) => Math.abs(number) < 1e-130;
const isTooLarge = (number: number) => Math.abs(number) >= 1e126;

/**
 * Reads a number of a JSON text. DynamoDB keeps 38 digits of a number, JavaScript 15 to 17, so a number that would come back as
 * another one is NaN here. A number outside DynamoDB's range is Infinity. JSON has neither, so schemas refuse both by path.
 */
export function numberOf(text: string): number {
  const number = Number(text);
  if (isSafeNumber(text)) return number;
  return isTooSmall(number) || isTooLarge(number) ? Number.POSITIVE_INFINITY : Number.NaN;
}

/** The reason why a number of a body cannot be stored as it is; undefined where it can. */
export function numberProblem(number: number): string | undefined {
  if (isTooLarge(number) || (number !== 0 && isTooSmall(number))) {
    return "is outside the range of DynamoDB's numbers, which is 1E-130 to 9.99...E+125, and the same below 0";
  }
  if (Math.abs(number) <= Number.MAX_SAFE_INTEGER) return undefined;
  return `has more digits than are kept exactly: 15 to 17, and whole numbers up to ${Number.MAX_SAFE_INTEGER}`;
}
