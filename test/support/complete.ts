import { type Layout, LAYOUTS } from './contexts';

/**
 * Whether this is the complete run: `npm run test:complete`, which has the cases that `npm test` has no time for.
 * It runs the suites that import this file, and those named `*.complete.test.ts`.
 */
export const isComplete = process.env.COMPLETE === 'true';

/** How many runs a property has, or cases a table: few in `npm test`, many in the complete run. */
export const runs = (quick: number, complete: number): number => (isComplete ? complete : quick);

/** The rows of a table: a representative of each kind in `npm test`, all of them in the complete run. */
export const rows = <Row>(all: readonly Row[], isRepresentative: (row: Row, index: number) => boolean): readonly Row[] =>
  isComplete ? all : all.filter(isRepresentative);

/** A test that only the complete run has; `npm test` counts it as skipped. */
export const testCompletely = isComplete ? globalThis.test : globalThis.test?.skip;

/** A block of tests that only the complete run has; `npm test` counts them as skipped. */
export const describeCompletely = isComplete ? globalThis.describe : globalThis.describe?.skip;

/** The layouts of a suite that is the same on both: the one named in `npm test`, the other in the complete run. */
export const layouts = (quick: Layout): readonly Layout[] => LAYOUTS.filter((layout) => (layout === quick) !== isComplete);
