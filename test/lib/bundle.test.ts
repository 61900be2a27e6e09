import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Flow, FLOWS } from '../../lib/flows';
import { assemblyOf, daxAssembly } from '../support/synthesize-once';
import type { Template } from '../support/templates';

/** The parser of the DAX client, its adapter's error, the variable that names the cluster. */
const OF_DAX = /DaxDocument|antlr|DaxTimeout|DAX_ENDPOINT/;

/** By the digest of a file, what it has of the client: functions share most of their chunks. */
const ofDax = new Map<string, string | undefined>();

function digestOf(file: string): string {
  const contents = readFileSync(file);
  const digest = createHash('sha256').update(contents).digest('hex');
  if (!ofDax.has(digest)) ofDax.set(digest, OF_DAX.exec(contents.toString('latin1'))?.[0]);
  return digest;
}

/** The digests of the files of each function's bundle in an assembly, by the function's name and the file's. */
function bundlesIn(assembly: string): Map<string, Record<string, string>> {
  const bundles = new Map<string, Record<string, string>>();
  for (const stack of ['Api', 'Events']) {
    const { Resources } = JSON.parse(readFileSync(join(assembly, `${stack}.template.json`), 'utf8')) as Template;
    for (const { Type, Properties } of Object.values(Resources)) {
      if (Type !== 'AWS::Lambda::Function') continue;
      const { Code, Environment } = Properties as { Code: { S3Key: string }; Environment: { Variables: Record<string, string> } };
      const folder = join(assembly, `asset.${Code.S3Key.replace(/\.zip$/, '')}`);
      const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const digests = files.map(({ name, parentPath }) => [join(parentPath, name).slice(folder.length), digestOf(join(parentPath, name))] as const);
      bundles.set(Environment.Variables.POWERTOOLS_SERVICE_NAME as string, Object.fromEntries(digests));
    }
  }
  return bundles;
}

const [plain, beside] = [bundlesIn(assemblyOf('per-domain')), bundlesIn(daxAssembly())];
const throughDax = (FLOWS as readonly Flow[]).flatMap(({ name, dax }) => (dax ? [name] : []));
const foundIn = (digests: Record<string, string> = {}) => Object.values(digests).flatMap((digest) => ofDax.get(digest) ?? []);

describe('the bundles', () => {
  test('of the flows that use it have the client of DAX, as the catalogue says so', () => {
    expect(throughDax).toHaveLength(7);
    expect(throughDax.filter((name) => foundIn(beside.get(name)).length === 0)).toEqual([]);
  });

  test('of all other functions are those of an app without one, byte by byte', () => {
    const others = [...plain.keys()].filter((name) => !throughDax.includes(name));
    expect(others.length).toBeGreaterThan(30);
    for (const name of others) expect([name, beside.get(name)]).toEqual([name, plain.get(name)]);
  });

  test('of an app without a cache have no client of DAX', () => {
    expect([...plain].flatMap(([name, digests]) => foundIn(digests).map((found) => `${name} has ${found}`))).toEqual([]);
  });
});
