/** CDK context of a test, as `-c key=value` gives it, over that of cdk.json. */
export type Context = Readonly<Record<string, string | number | boolean>>;

export const LAYOUTS = ['per-domain', 'single-table'] as const;
export type Layout = (typeof LAYOUTS)[number];

/** Three regions, the home region first. */
export const REGIONS = ['us-east-1', 'eu-west-1', 'ap-southeast-1'] as const;

/** With a sender, as `npm start` has it. */
const MAIL = { mailFrom: 'store@example.com' };

const GLOBAL = { regions: REGIONS.join(), encryption: 'customer', ...MAIL };

/** Capacity, mail and a Kinesis stream, so that every alarm has something to follow. */
const WATCHED = { regions: REGIONS.join(), kinesis: 'true', alarmEmail: 'ops@example.com', maxReadUnits: 600, maxWriteUnits: 200, targetUtilization: 60 };

/** With the bundles of their functions: these run, too. */
export const RUNNABLE = {
  'per-domain': MAIL,
  'single-table': { layout: 'single-table', ...MAIL },
  'global per-domain': GLOBAL,
  'global single-table': { ...GLOBAL, layout: 'single-table' },
  dax: { dax: 'true', ...MAIL },
  kinesis: { kinesis: 'true', ...MAIL },
} as const satisfies Record<string, Context>;

/**
 * The configs whose templates the suites look at. All suites share them, since each takes a second to synthesize: look for one
 * that has what a test needs before you add another.
 */
export const CONTEXTS = {
  ...RUNNABLE,
  /** Three regions under a customer's key, watched. */
  regions: { ...WATCHED, encryption: 'customer' },
  /** The same with a cache, and nothing else. */
  'regions and dax': { ...WATCHED, encryption: 'customer', dax: 'true' },
  /** One table that scales, watched. */
  'provisioned single-table': { ...WATCHED, layout: 'single-table', capacity: 'provisioned' },
  /** All that is off by default, and another home region. */
  everything: {
    regions: 'eu-west-1,us-east-1',
    capacity: 'provisioned',
    warmWriteUnits: 4_000,
    encryption: 'customer',
    kinesis: 'true',
    ...MAIL,
    alarmEmail: 'ops@example.com',
    dax: 'true',
    daxNodes: 3,
  },
  /** To be thrown away. */
  trial: { layout: 'single-table', removal: 'destroy', encryption: 'aws-managed', dax: 'true' },
  /** What is only passed on: the longest stage, another region, shards and sender. */
  named: { stage: 'a'.repeat(16), regions: 'eu-west-1', statusShards: 8, mailFrom: 'shop@example.org', kinesis: 'true' },
  'second cursor secret': { cursorSecretVersion: 2 },
  'large cache': { dax: 'true', daxNodes: 3, daxNodeType: 'dax.r5.large', daxRecordTtlSeconds: 120, daxQueryTtlSeconds: 5 },
} as const satisfies Record<string, Context>;

/** What cdk-nag looks at: the first two, in `npm test`, have every finding that is acknowledged between them. */
export const NAGGED: readonly Context[] = [
  CONTEXTS.everything,
  CONTEXTS.trial,
  { stage: 'prod' },
  { removal: 'destroy' },
  { encryption: 'customer', kinesis: 'true' },
  { layout: 'single-table', encryption: 'aws-managed', kinesis: 'true', removal: 'destroy' },
  { regions: 'us-east-1,eu-west-1', encryption: 'customer', capacity: 'provisioned', alarmEmail: 'ops@example.com' },
  { layout: 'single-table', regions: 'eu-west-1,us-east-1', encryption: 'customer', dax: 'true', daxNodes: 3 },
];
