const { availableParallelism } = require('node:os');

// The notice is about the Node that runs the tests, and would stand between their results.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // Only in the complete run: jest.complete.config.js.
  testPathIgnorePatterns: ['/node_modules/', '\\.complete\\.test\\.ts$'],
  // jose is published as ES modules only.
  transform: { '^.+\\.(ts|mjs)$': '@swc/jest', 'node_modules/jose/.+\\.js$': '@swc/jest' },
  transformIgnorePatterns: ['/node_modules/(?!jose/)'],
  // As in the bundles: what it costs each time that a suite makes a model, the synthesis pays once for the same models.
  moduleNameMapper: { '^jsonschema$': '<rootDir>/lib/substitutes/jsonschema.ts' },
  globalSetup: '<rootDir>/test/support/synthesize-once.ts',
  globalTeardown: '<rootDir>/test/support/lent-stores.ts',
  reporters: ['default', '<rootDir>/test/support/run-reporter.js'],
  // It ends a test that hangs, on a busy machine too; how long anything may take is no test's matter.
  testTimeout: 300_000,
  // The suites wait more than they compute; jest would leave a core to itself.
  // The suites wait more than they compute, so that two cores have work for three. jest takes no more than 100 %.
  maxWorkers: Math.ceil(availableParallelism() * 1.5),
};
