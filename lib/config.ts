import type { Node } from 'constructs';
import { effectsWithout } from './triggers';

/** Where the entities live: a table for each domain, or one for all. */
export const LAYOUTS = ['per-domain', 'single-table'] as const;
export const STREAM_VIEWS = ['NEW_AND_OLD_IMAGES', 'NEW_IMAGE', 'OLD_IMAGE', 'KEYS_ONLY'] as const;
export const ENCRYPTIONS = ['aws-owned', 'aws-managed', 'customer'] as const;
export const REMOVALS = ['retain', 'destroy'] as const;

/** The deployment config: CDK context, from cdk.json or `-c key=value`. */
export interface StoreConfig {
  /** Part of every physical name, so that several stages fit into one account. */
  stage: string;
  /** The first is the home region. */
  regions: [string];
  layout: (typeof LAYOUTS)[number];
  /** What the records of the streams hold. */
  streamView: (typeof STREAM_VIEWS)[number];
  /** A Kinesis Data Stream of the orders and its consumer. It costs money at rest. */
  kinesis: boolean;
  /** Who sends the store's mail: an address that SES has verified. */
  mailFrom: string;
  /** Shards of the sharded indexes; it may only grow. */
  statusShards: number;
  /** Raised to rotate the secret that signs cursors: it makes CloudFormation read the secret again. */
  cursorSecretVersion: number;
  /** Who holds the key that encrypts the tables. */
  encryption: (typeof ENCRYPTIONS)[number];
  /** `retain` keeps the tables when the stack goes, and protects them from deletion. */
  removal: (typeof REMOVALS)[number];
}

/** What the name of everything in a stage begins with. */
export const namePrefix = ({ stage }: Pick<StoreConfig, 'stage'>) => `store-${stage}-`;

/** A config value that is not allowed: says the key, the value, what is allowed and an example. */
export class ConfigError extends Error {
  constructor(key: string, value: unknown, allowed: string, example: string) {
    super(`Config '${key}' is ${JSON.stringify(value)}; allowed: ${allowed}. Example: -c ${key}=${example}`);
    this.name = 'ConfigError';
  }
}

/** Reads and checks the deployment config. @throws ConfigError */
export function readConfig(node: Node): StoreConfig {
  const value = (key: string): unknown => node.tryGetContext(key) as unknown;

  const oneOf = <const T extends readonly [string, ...string[]]>(key: string, allowed: T): T[number] => {
    const given = value(key) ?? allowed[0];
    const found = allowed.find((candidate) => candidate === given);
    if (found === undefined) throw new ConfigError(key, given, allowed.join(' | '), allowed[0]);
    return found;
  };
  const matching = (key: string, fallback: string, pattern: RegExp, allowed: string): string => {
    const given = value(key) ?? fallback;
    if (typeof given !== 'string' || !pattern.test(given)) throw new ConfigError(key, given, allowed, fallback);
    return given;
  };
  const whole = (key: string, fallback: number, min: number, max: number): number => {
    const given = value(key) ?? fallback;
    const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) {
      throw new ConfigError(key, given, `a whole number from ${min} to ${max}`, String(fallback));
    }
    return number;
  };

  const flag = (key: string): boolean => {
    const given = value(key) ?? false;
    if (given === true || given === 'true') return true;
    if (given === false || given === 'false') return false;
    throw new ConfigError(key, given, 'true | false', 'true');
  };

  oneOf('capacity', ['on-demand']);
  return {
    stage: matching('stage', 'dev', /^[a-z][a-z0-9-]{0,15}$/, '1 to 16 of a-z 0-9 -, beginning with a letter'),
    regions: [matching('regions', 'us-east-1', /^[a-z]{2}(-[a-z]+)+-\d$/, 'the name of one AWS region')],
    layout: oneOf('layout', LAYOUTS),
    streamView: streamView(oneOf('streamView', STREAM_VIEWS)),
    kinesis: flag('kinesis'),
    mailFrom: matching('mailFrom', 'store@example.com', /^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'an e-mail address'),
    statusShards: whole('statusShards', 4, 1, 100),
    cursorSecretVersion: whole('cursorSecretVersion', 1, 1, 1_000_000),
    encryption: oneOf('encryption', ENCRYPTIONS),
    removal: oneOf('removal', REMOVALS),
  };
}

/** @throws ConfigError naming the effects that cannot work with a view */
function streamView(view: StoreConfig['streamView']): StoreConfig['streamView'] {
  const without = effectsWithout(view).map((effect) => `${effect.name} needs ${effect.view}`);
  if (without.length === 0) return view;
  throw new ConfigError('streamView', view, `a view that every effect can work with (${without.join(', ')})`, 'NEW_AND_OLD_IMAGES');
}
