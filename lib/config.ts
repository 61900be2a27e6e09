import { RemovalPolicy } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import type { Node } from 'constructs';
import { isEmailAddress } from '#model/email-address';
import { ConfigError } from './config-error';
import { DAX_PRICES, type DaxNodeType } from './dax-prices';
import { effectsWithout } from './triggers';

/** Where the entities live: a table for each domain, or one for all. */
export const LAYOUTS = ['per-domain', 'single-table'] as const;
export const CAPACITIES = ['on-demand', 'provisioned'] as const;
export const CONSISTENCIES = ['eventual', 'strong'] as const;
export const STREAM_VIEWS = ['NEW_AND_OLD_IMAGES', 'NEW_IMAGE', 'OLD_IMAGE', 'KEYS_ONLY'] as const;
export const ENCRYPTIONS = ['aws-owned', 'aws-managed', 'customer'] as const;
export const REMOVALS = ['retain', 'destroy'] as const;

/** The deployment config: CDK context, from cdk.json or `-c key=value`. */
export interface StoreConfig {
  /** Part of every physical name, so that several stages fit into one account. */
  stage: string;
  /** The first is the home region. */
  regions: readonly [string, ...string[]];
  layout: (typeof LAYOUTS)[number];
  capacity: CapacityConfig;
  /** Between the regions. AWS refuses `strong` for this store's tables, and the synth says why. */
  consistency: (typeof CONSISTENCIES)[number];
  /** The cluster that products are read and written through, in the home region. */
  dax: DaxConfig;
  /** What the records of the streams hold. */
  streamView: (typeof STREAM_VIEWS)[number];
  /** A Kinesis Data Stream of the orders and its consumer. It costs money at rest. */
  kinesis: boolean;
  /** Who sends the store's mail: an address that SES has verified. Without one it sends none. */
  mailFrom?: string;
  /** Who gets a mail when an alarm is raised. */
  alarmEmail?: string;
  /** Shards of the sharded indexes; it may only grow. */
  statusShards: number;
  /** Raised to rotate the secret that signs cursors: it makes CloudFormation read the secret again. */
  cursorSecretVersion: number;
  /** Who holds the key that encrypts the tables. */
  encryption: (typeof ENCRYPTIONS)[number];
  /** `retain` keeps the tables when the stack goes, and protects them from deletion. */
  removal: (typeof REMOVALS)[number];
}

/** A DAX cluster. Without `enabled` there is none, and the rest says nothing. */
export interface DaxConfig {
  /** It costs money at rest: the synth says how much. */
  enabled: boolean;
  nodes: number;
  nodeType: DaxNodeType;
  /** How long the item cache holds what GetItem and BatchGetItem read. */
  recordTtlSeconds: number;
  /** How long the query cache holds what a Query read; no write makes it forget. */
  queryTtlSeconds: number;
}

/** How each table and each of its global indexes is charged and limited. All units are per second. */
export interface CapacityConfig {
  mode: (typeof CAPACITIES)[number];
  read: UnitsConfig;
  write: UnitsConfig;
  /** Provisioned: the share of the capacity, in percent, that auto-scaling aims at. */
  targetUtilization: number;
  /** What a table takes at once, before it has seen that traffic. It is charged once, and never goes down again. */
  warm?: { read?: number; write?: number };
}

interface UnitsConfig {
  /** Provisioned: auto-scaling does not go below. */
  min: number;
  /** On demand: the ceiling, beyond which DynamoDB throttles. Provisioned: auto-scaling does not go above. */
  max: number;
  /** Provisioned: what a table that was on demand begins with. */
  seed: number;
}

/** What the name of everything in a stage begins with. */
export const namePrefix = ({ stage }: Pick<StoreConfig, 'stage'>) => `store-${stage}-`;

/** What becomes of what holds data, when its stack goes. */
export const removalPolicyOf = ({ removal }: Pick<StoreConfig, 'removal'>): RemovalPolicy =>
  removal === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;

/** Every key that the config may have. */
export const CONFIG_KEYS = [
  'stage',
  'regions',
  'layout',
  'capacity',
  'minReadUnits',
  'maxReadUnits',
  'seedReadUnits',
  'minWriteUnits',
  'maxWriteUnits',
  'seedWriteUnits',
  'targetUtilization',
  'warmReadUnits',
  'warmWriteUnits',
  'consistency',
  'dax',
  'daxNodes',
  'daxNodeType',
  'daxRecordTtlSeconds',
  'daxQueryTtlSeconds',
  'kinesis',
  'streamView',
  'statusShards',
  'cursorSecretVersion',
  'encryption',
  'mailFrom',
  'alarmEmail',
  'removal',
];

/** Reads and checks the deployment config. @throws ConfigError */
export function readConfig(node: Node): StoreConfig {
  refuseUnknown(node.getAllContext() as Record<string, unknown>);
  // In cdk.json, null is a key that is not given.
  const value = (key: string): unknown => (node.tryGetContext(key) as unknown) ?? undefined;

  const oneOf = <const T extends readonly [string, ...string[]]>(key: string, allowed: T): T[number] => {
    const given = value(key) ?? allowed[0];
    const found = allowed.find((candidate) => candidate === given);
    if (found === undefined) throw new ConfigError(key, given, allowed.join(' | '), allowed[0]);
    return found;
  };
  const matching = (key: string, fallback: string, pattern: Pick<RegExp, 'test'>, allowed: string): string => {
    const given = value(key) ?? fallback;
    if (typeof given !== 'string' || !pattern.test(given)) throw new ConfigError(key, given, allowed, fallback);
    return given;
  };
  const whole: Whole = (key, fallback, min, max, because = '') => {
    const given = value(key) ?? fallback;
    const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) {
      throw new ConfigError(key, given, `a whole number from ${min} to ${max}${because}`, String(fallback));
    }
    return number;
  };
  const flag = (key: string): boolean => {
    const given = value(key) ?? false;
    if (given === true || given === 'true') return true;
    if (given === false || given === 'false') return false;
    throw new ConfigError(key, given, 'true | false', 'true');
  };

  const regions = readRegions(value('regions') ?? 'us-east-1');
  return {
    stage: matching('stage', 'dev', /^[a-z][a-z0-9-]{0,15}$/, '1 to 16 of a-z 0-9 -, beginning with a letter'),
    regions,
    layout: oneOf('layout', LAYOUTS),
    capacity: readCapacity(oneOf('capacity', CAPACITIES), value, whole),
    consistency: oneOf('consistency', CONSISTENCIES),
    dax: {
      enabled: flag('dax'),
      nodes: whole('daxNodes', 1, 1, MOST_NODES),
      nodeType: oneOf('daxNodeType', NODE_TYPES),
      recordTtlSeconds: whole('daxRecordTtlSeconds', 300, 1, DAY, ZERO_IS_FOR_EVER),
      queryTtlSeconds: whole('daxQueryTtlSeconds', 60, 1, DAY),
    },
    streamView: requireView(oneOf('streamView', STREAM_VIEWS), regions),
    kinesis: flag('kinesis'),
    ...(value('mailFrom') !== undefined && { mailFrom: matching('mailFrom', 'store@example.com', EMAIL, 'an e-mail address') }),
    ...(value('alarmEmail') !== undefined && { alarmEmail: matching('alarmEmail', 'ops@example.com', EMAIL, 'an e-mail address') }),
    statusShards: whole('statusShards', 4, 1, 100),
    cursorSecretVersion: whole('cursorSecretVersion', 1, 1, 1_000_000),
    encryption: oneOf('encryption', ENCRYPTIONS),
    removal: oneOf('removal', REMOVALS),
  };
}

const NODE_TYPES = Object.keys(DAX_PRICES) as [DaxNodeType, ...DaxNodeType[]];

/** A primary node and nine replicas. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html */
const MOST_NODES = 10;

const DAY = 86_400;

/** https://docs.aws.amazon.com/cli/latest/reference/dax/describe-parameters.html */
const ZERO_IS_FOR_EVER = ' (0 would be for ever in DAX)';

const EMAIL = { test: isEmailAddress };

/** CDK's own keys have a `:` or a `/` in them, but for these of its CLI. */
const CLI_KEYS = ['acknowledged-issue-numbers', 'cli-telemetry'];

/** A key that is misspelt would be ignored, and the default deployed. */
function refuseUnknown(context: Record<string, unknown>): void {
  const unknown = Object.keys(context).find((key) => !/[:/]/.test(key) && ![...CONFIG_KEYS, ...CLI_KEYS].includes(key));
  if (unknown !== undefined) throw new ConfigError(unknown, context[unknown], `no key of this name, but ${CONFIG_KEYS.join(', ')}`, 'stage=dev');
}

/** @throws ConfigError */
function readRegions(given: unknown): StoreConfig['regions'] {
  const example = 'us-east-1,eu-west-1,ap-southeast-1';
  const refuse = (why: string) => new ConfigError('regions', given, `AWS regions, the home region first (${why})`, example);
  const names = Array.isArray(given) ? given.map(String) : String(given).split(',').map((name) => name.trim());
  const [home, ...others] = names;
  if (home === undefined) throw refuse('there is none');
  const known = new Map(RegionInfo.regions.map((region) => [region.name, region.partition]));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) throw refuse(`${JSON.stringify(unknown)} is none`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refuse(`${twice} is there twice`);
  const foreign = others.find((name) => known.get(name) !== known.get(home));
  if (foreign !== undefined) throw refuse(`${foreign} is in another partition than ${home}, which a table cannot span`);
  return [home, ...others];
}

type Whole = (key: string, fallback: number, min: number, max: number, because?: string) => number;

/** More than the default quota of a table can be had on request. */
const MOST_UNITS = 1_000_000;

/** @throws ConfigError */
function readCapacity(mode: CapacityConfig['mode'], value: (key: string) => unknown, whole: Whole): CapacityConfig {
  const units = (kind: 'Read' | 'Write'): UnitsConfig => {
    const max = whole(`max${kind}Units`, 4_000, 1, MOST_UNITS);
    const min = whole(`min${kind}Units`, Math.min(5, max), 1, max, `, which is max${kind}Units`);
    return { min, max, seed: whole(`seed${kind}Units`, min, min, max, `, between min${kind}Units and max${kind}Units`) };
  };
  const warmOf = (kind: 'Read' | 'Write', { max }: UnitsConfig): number | undefined => {
    const key = `warm${kind}Units`;
    if (value(key) === undefined) return undefined;
    const warm = whole(key, WARM[kind], WARM[kind], MOST_UNITS);
    if (warm <= max) return warm;
    const allowed = `up to max${kind}Units, which is ${max} (what is above the ceiling is paid for and never served)`;
    throw new ConfigError(key, value(key), allowed, `max${kind}Units=${warm}`);
  };
  const [read, write] = [units('Read'), units('Write')];
  const [warmRead, warmWrite] = [warmOf('Read', read), warmOf('Write', write)];
  const isWarm = warmRead !== undefined || warmWrite !== undefined;
  return {
    mode,
    read,
    write,
    targetUtilization: whole('targetUtilization', 70, 20, 90),
    ...(isWarm && { warm: { ...(warmRead !== undefined && { read: warmRead }), ...(warmWrite !== undefined && { write: warmWrite }) } }),
  };
}

/**
 * What a new table on demand takes at once anyhow; less cannot be asked for.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html
 */
const WARM = { Read: 12_000, Write: 4_000 } as const;

/** @throws ConfigError naming the effects that cannot work with a view */
function requireView(view: StoreConfig['streamView'], regions: StoreConfig['regions']): StoreConfig['streamView'] {
  const reasons = effectsWithout(view).map((effect) => `${effect.name} needs ${effect.view}`);
  // AWS takes others, but then never lets it be changed, and replication writes with the images.
  if (regions.length > 1 && view !== 'NEW_AND_OLD_IMAGES') reasons.unshift('replicas need NEW_AND_OLD_IMAGES');
  if (reasons.length === 0) return view;
  throw new ConfigError('streamView', view, `a view that every effect can work with (${reasons.join(', ')})`, 'NEW_AND_OLD_IMAGES');
}
