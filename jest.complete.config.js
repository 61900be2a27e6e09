const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const quick = require('./jest.config.js');

// The workers get it with the environment, on every platform.
process.env.COMPLETE = 'true';

/** The suites that have more cases in the complete run: `npm test` has run the others. */
const suites = readdirSync(join(__dirname, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .filter((file) => file.endsWith('.complete.test.ts') || /from '.*support\/complete'/.test(readFileSync(join(__dirname, 'test', file), 'utf8')))
  .map((file) => `<rootDir>/test/${file.replaceAll('\\', '/')}`);

/** @type {import('jest').Config} */
module.exports = { ...quick, testMatch: suites, testPathIgnorePatterns: ['/node_modules/'] };
