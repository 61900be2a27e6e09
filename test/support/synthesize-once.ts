import { join } from 'node:path';
import { synthesize } from '../../local/synth';

/** Before all suites: the assembly of each layout, made anew only when the sources changed. */
export default async function synthesizeOnce(): Promise<void> {
  await Promise.all(LAYOUTS.map((layout) => synthesize(PROJECT, assemblyOf(layout), { layout })));
}

export const PROJECT = join(__dirname, '../..');

export const LAYOUTS = ['per-domain', 'single-table'] as const;
export type Layout = (typeof LAYOUTS)[number];

/** The folder of a layout's assembly. */
export const assemblyOf = (layout: Layout): string => join(PROJECT, '.local/test', layout);
