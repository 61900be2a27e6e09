import { join } from 'node:path';
import { synthesize } from '../../local/synth';
import { offerStores } from './lent-stores';

/** Before all suites: the assemblies that they run, made anew only when the sources changed, and a keeper of stores. */
export default async function synthesizeOnce(): Promise<void> {
  await offerStores();
  await Promise.all([
    ...LAYOUTS.map((layout) => synthesize(PROJECT, assemblyOf(layout), { layout })),
    ...LAYOUTS.map((layout) => synthesize(PROJECT, globalAssemblyOf(layout), { layout, ...GLOBAL_CONTEXT })),
    synthesize(PROJECT, DAX_ASSEMBLY, { dax: 'true' }),
  ]);
}

export const PROJECT = join(__dirname, '../..');

export const LAYOUTS = ['per-domain', 'single-table'] as const;
export type Layout = (typeof LAYOUTS)[number];

/** Three regions, the home region first, under a customer's key. */
const GLOBAL_CONTEXT = { regions: 'us-east-1,eu-west-1,ap-southeast-1', encryption: 'customer' };
export const globalAssemblyOf = (layout: Layout): string => join(PROJECT, '.local/test/global', layout);

/** With a cache, which does not run here. */
export const DAX_ASSEMBLY = join(PROJECT, '.local/test/dax');

/** The folder of a layout's assembly. */
export const assemblyOf = (layout: Layout): string => join(PROJECT, '.local/test', layout);
