const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname, join, relative, sep } = require('node:path');

const PROJECT = join(__dirname, '../..');

/** How long each suite took when it last ran, in milliseconds, by its file: for `npm run test:times` and `npm run test:one`. */
const TIMES = join(PROJECT, '.local/test-times.json');

/** A reporter of jest that keeps the time of each suite. */
class TimesReporter {
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

  onRunComplete() {
    mkdirSync(dirname(TIMES), { recursive: true });
    writeFileSync(TIMES, `${JSON.stringify({ ...TimesReporter.readTimes(), ...this.times }, undefined, 1)}\n`);
  }
}

module.exports = TimesReporter;
