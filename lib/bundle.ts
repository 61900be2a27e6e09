import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const PROJECT = resolve(__dirname, '..');

/**
 * The esbuild options of every function: ES modules, minified, with the AWS SDK in them.
 * `module` before `main` takes the SDK's ES modules, which can be tree-shaken; the banner gives CommonJS packages
 * (electrodb) a `require` in an ES module.
 */
export const LAMBDA_BUNDLE = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  minify: true,
  legalComments: 'none',
  mainFields: ['module', 'main'],
  banner: { js: "import{createRequire as __require}from'node:module';const require=__require(import.meta.url);" },
  logLevel: 'warning',
} as const satisfies BuildOptions;

/**
 * Leaves out what never runs in Lambda:
 * - the default credential chain of the SDK and of the DAX client (SSO, processes, files, EC2): Lambda's credentials are
 *   environment variables;
 * - the JSON schema check of each ElectroDB model at load: the synth runs it on the same models.
 */
export const LAMBDA_SUBSTITUTES: Plugin = {
  name: 'lambda-substitutes',
  setup({ onResolve }) {
    onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, substitute('credential-provider-node'));
    onResolve({ filter: /^@aws-sdk\/credential-providers$/ }, substitute('credential-providers'));
    onResolve({ filter: /^jsonschema$/ }, substitute('jsonschema'));
  },
};

/** Leaves out the DAX client and its adapter, where no function is to load them. */
const WITHOUT_DAX: Plugin = {
  name: 'without-dax',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/product-cache$/ }, substitute('product-cache'));
  },
};

const substitute = (name: string) => () => ({ path: join(PROJECT, `lib/substitutes/${name}.ts`) });

/** A folder for each function, by its name: `index.mjs` and the chunks that it imports, and nothing else. */
export interface Bundles {
  /** @param withDax its bundle with the DAX client */
  folder(name: string, withDax?: boolean): string;
  /** Deletes the folders; the assembly has its own copy by then. */
  dispose(): Promise<void>;
}

/**
 * Bundles all functions in one pass of esbuild. What several share is minified once, into chunks (18 functions: 0.2 s,
 * where 18 whole files take 1.2 s); each function's folder then gets the chunks that it needs.
 *
 * The functions that use DAX are bundled with its client in a pass of their own: what is shared depends on who shares it, and
 * the bundles of all others must be the same with DAX and without.
 */
export async function bundleFunctions(
  functions: readonly { name: string; entry: string }[],
  { withDax = false }: { withDax?: boolean } = {},
): Promise<Bundles> {
  const root = await mkdtemp(join(tmpdir(), 'store-bundles-'));
  const outdir = join(root, 'esbuild');
  const { metafile, outputFiles } = await build({
    ...LAMBDA_BUNDLE,
    absWorkingDir: PROJECT,
    entryPoints: Object.fromEntries(functions.map(({ name, entry }) => [name, `lambda/${entry}.ts`])),
    outdir,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    chunkNames: 'chunks/[hash]',
    metafile: true,
    write: false,
    plugins: withDax ? [LAMBDA_SUBSTITUTES] : [LAMBDA_SUBSTITUTES, WITHOUT_DAX],
  });
  const contents = new Map(outputFiles.map(({ path, contents }) => [path, contents]));
  const imports = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [
      resolve(PROJECT, path),
      output.imports.filter(({ external }) => !external).map((chunk) => resolve(PROJECT, chunk.path)),
    ]),
  );
  await Promise.all(
    functions.map(async ({ name }) => {
      const entry = join(outdir, `${name}.mjs`);
      const folder = join(root, name);
      await mkdir(join(folder, 'chunks'), { recursive: true });
      for (const path of reachable(entry, imports)) {
        const target = path === entry ? 'index.mjs' : relative(outdir, path);
        await writeFile(join(folder, target), contents.get(path) as Uint8Array);
      }
    }),
  );
  return {
    folder: (name) => join(root, name),
    dispose: () => rm(root, { recursive: true, force: true }),
  };
}

function reachable(path: string, imports: ReadonlyMap<string, string[]>, seen = new Set<string>()): Set<string> {
  if (!seen.has(path)) {
    seen.add(path);
    for (const next of imports.get(path) ?? []) reachable(next, imports, seen);
  }
  return seen;
}
