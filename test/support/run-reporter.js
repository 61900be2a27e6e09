const { appendFileSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname, join, relative, sep } = require('node:path');

const PROJECT = join(__dirname, '../..');

/** How long each suite took when it last ran, in milliseconds, by its file: for `npm run test:times` and `npm run test:one`. */
const TIMES = join(PROJECT, '.local/test-times.json');

/**
 * A reporter of jest that keeps the time of each suite. Where the environment names a file as TEST_RESULTS, it adds a line to
 * it: how many tests passed, and how many failed, for a script that runs jest more than once.
 */
class RunReporter {
  /** @type {Record<string, number>} */
  times = {};

  /** @returns {Record<string, number>} */
  static readTimes() {
    try {
      return JSON.parse(readFileSync(TIMES, 'utf8'));
    } catch {
      return {};
    }
  }

  /**
   * @param {{ path: string }} suite
   * @param {{ perfStats: { start: number; end: number } }} result
   */
  onTestResult({ path }, { perfStats: { start, end } }) {
    this.times[relative(PROJECT, path).split(sep).join('/')] = end - start;
  }

  /**
   * @param {unknown} _contexts
   * @param {{ numPassedTests: number; numFailedTests: number; numRuntimeErrorTestSuites: number }} results
   */
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    mkdirSync(dirname(TIMES), { recursive: true });
    writeFileSync(TIMES, `${JSON.stringify({ ...RunReporter.readTimes(), ...this.times }, undefined, 1)}\n`);
    // A suite that cannot be loaded has no test that fails.
    if (process.env.TEST_RESULTS) appendFileSync(process.env.TEST_RESULTS, `${numPassedTests} ${numFailedTests + numRuntimeErrorTestSuites}\n`);
  }
}

module.exports = RunReporter;
