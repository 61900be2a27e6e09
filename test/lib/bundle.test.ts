import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Flow, FLOWS } from '../../lib/flows';
import { assemblyOf, DAX_ASSEMBLY } from '../support/synthesize-once';
import type { Template } from '../support/templates';

/** The files of each function's bundle in an assembly, by the function's name. */
function bundlesIn(assembly: string): Map<string, Map<string, Buffer>> {
  const bundles = new Map<string, Map<string, Buffer>>();
  for (const stack of ['Api', 'Events']) {
    const { Resources } = JSON.parse(readFileSync(join(assembly, `${stack}.template.json`), 'utf8')) as Template;
    for (const { Type, Properties } of Object.values(Resources)) {
      if (Type !== 'AWS::Lambda::Function') continue;
      const { Code, Environment } = Properties as { Code: { S3Key: string }; Environment: { Variables: Record<string, string> } };
      const folder = join(assembly, `asset.${Code.S3Key.replace(/\.zip$/, '')}`);
      const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const contents = files.map(({ name, parentPath }) => [join(parentPath, name).slice(folder.length), readFileSync(join(parentPath, name))] as const);
      bundles.set(Environment.Variables.POWERTOOLS_SERVICE_NAME as string, new Map(contents));
    }
  }
  return bundles;
}

const [plain, beside] = [bundlesIn(assemblyOf('per-domain')), bundlesIn(DAX_ASSEMBLY)];
const throughDax = (FLOWS as readonly Flow[]).flatMap(({ name, dax }) => (dax ? [name] : []));
/** The parser of the DAX client, its adapter's error, the variable that names the cluster. */
const OF_DAX = /DaxDocument|antlr|DaxTimeout|DAX_ENDPOINT/;
const textOf = (files: Map<string, Buffer> = new Map()) => [...files.values()].join('\n');

describe('the bundles of an app with a cache', () => {
  test('have the client of DAX where the catalogue says so', () => {
    expect(throughDax).toHaveLength(7);
    for (const name of throughDax) expect([name, textOf(beside.get(name)).match(OF_DAX)?.[0]]).toEqual([name, expect.any(String)]);
  });

  test('are those of an app without one, byte by byte, everywhere else', () => {
    const others = [...plain.keys()].filter((name) => !throughDax.includes(name));
    expect(others.length).toBeGreaterThan(30);
    for (const name of others) expect([name, beside.get(name)]).toEqual([name, plain.get(name)]);
  });

  test('without one nobody has the client', () => {
    for (const [name, files] of plain) expect([name, OF_DAX.exec(textOf(files))]).toEqual([name, null]);
  });
});
