import { parseArgs, type ParseArgsConfig } from 'node:util';
import { UserError } from './user-error';

/**
 * The options and arguments of a tool.
 * @param tool its npm script
 * @throws UserError naming what is wrong
 */
export function readOptions<const Options extends NonNullable<ParseArgsConfig['options']>>(tool: string, args: string[], options: Options) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UserError(`${(error as Error).message.split('.')[0]}. See npm run ${tool} -- --help`);
  }
}

/** The address of a store, without a slash at its end. @throws UserError */
export function storeUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new UserError(`The url is '${text}'; allowed: http://... or https://...`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** The store that runs on this machine unless another is named. */
export const hereUrl = ({ PORT }: NodeJS.ProcessEnv): string => `http://127.0.0.1:${PORT || '3000'}`;

/** Where a tool works: on a store on this machine (`--url`), or in AWS (`--aws`, `--region`). */
export type Place = { url: string } | { region: string | undefined };

/** @throws UserError where the two are mixed */
export function placeOf(
  values: { url?: string | undefined; aws: boolean; region?: string | undefined },
  env: NodeJS.ProcessEnv,
): Place {
  if (values.aws && values.url !== undefined) throw new UserError('--url is of a store on this machine; leave it out with --aws.');
  if (!values.aws && values.region !== undefined) throw new UserError('--region goes with --aws; a store on this machine tells its own.');
  return values.aws ? { region: values.region } : { url: storeUrl(values.url ?? hereUrl(env)) };
}
