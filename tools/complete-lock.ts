import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Completes package-lock.json with the packages of other platforms.
 *
 * Tools such as @swc/core publish one package for each platform, as optional dependencies. npm leaves those that its
 * registry does not have out of the lock, and `npm ci` then refuses the lock (https://github.com/npm/cli/issues/9846).
 * An entry with version, os and cpu is enough: `npm ci` skips it here, and installs it where it fits.
 */
export function completeLock(lock: Lock): string[] {
  const added: string[] = [];
  for (const [at, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (resolves(lock, at, name)) continue;
      lock.packages[`node_modules/${name}`] = {
        version: version.replace(/^[~^]/, ''),
        ...platformOf(name),
        ...(entry.dev && { dev: true }),
        optional: true,
      };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return added;
}

export interface Lock {
  packages: Record<string, LockEntry>;
}

interface LockEntry {
  version?: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

/** Whether a dependency of the package at a path is in the lock, there or further up. */
function resolves(lock: Lock, at: string, name: string): boolean {
  for (let folder = at; ; folder = folder.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    if (lock.packages[join(folder, 'node_modules', name)]) return true;
    if (folder === '') return false;
  }
}

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** The platform that a package's name tells, as in `@swc/core-linux-arm-gnueabihf`. */
function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  if (!cpu || (!os && cpu !== 'wasm32')) throw new Error(`${name} is missing in the lock, and its name tells no platform.`);
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : words.some((word) => word.startsWith('gnu')) ? 'glibc' : undefined;
  return { cpu: [cpu], ...(os && { os: [os] }), ...(libc && { libc: [libc] }) };
}

if (require.main === module) {
  const file = join(__dirname, '../package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8')) as Lock;
  const added = completeLock(lock);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(added.length > 0 ? `Added ${added.length} packages of other platforms to the lock.` : 'The lock is complete.');
}
