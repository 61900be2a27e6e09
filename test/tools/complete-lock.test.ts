import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { completeLock, type Lock } from '../../tools/complete-lock';
import { PROJECT } from '../support/synthesize-once';

const lockText = readFileSync(join(PROJECT, 'package-lock.json'), 'utf8');

test('the lock has the packages of every platform: otherwise run npm run lock, or npm ci fails', () => {
  expect(completeLock(JSON.parse(lockText) as Lock)).toEqual([]);
});

test('the lock names no registry', () => {
  expect(lockText.match(/"resolved".*|https?:\/\/[^"]*registry.*/g)).toBeNull();
});

test('what is missing is added with the platform that its name tells', () => {
  const lock: Lock = {
    packages: {
      '': {},
      'node_modules/tool': {
        dev: true,
        optionalDependencies: { 'tool-linux-arm-gnueabihf': '1.0.0', '@tool/win32-x64-msvc': '^2.0.0', 'tool-there': '1.0.0' },
      },
      'node_modules/tool/node_modules/tool-there': {},
    },
  };
  expect(completeLock(lock)).toEqual(['tool-linux-arm-gnueabihf', '@tool/win32-x64-msvc']);
  expect(lock.packages['node_modules/tool-linux-arm-gnueabihf']).toEqual({
    version: '1.0.0',
    os: ['linux'],
    cpu: ['arm'],
    libc: ['glibc'],
    dev: true,
    optional: true,
  });
  expect(lock.packages['node_modules/@tool/win32-x64-msvc']).toEqual({ version: '2.0.0', os: ['win32'], cpu: ['x64'], dev: true, optional: true });
});
