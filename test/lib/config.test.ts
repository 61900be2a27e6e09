import { App } from 'aws-cdk-lib';
import { CONFIG_KEYS, readConfig } from '../../lib/config';
import { reasonsAgainstStrong } from '../../lib/consistency';
import { DAX_PRICES } from '../../lib/dax-prices';
import { createApp } from '../../lib/store-app';
import { type Effect, EFFECTS } from '../../lib/triggers';
import type { TableSchema } from '../../lib/constructs/model-table';

const read = (context: Record<string, unknown>) => readConfig(new App({ context }).node);

test('says for each key what is in force where nothing is given', () => {
  expect(read({})).toEqual({
    stage: 'dev',
    regions: ['us-east-1'],
    layout: 'per-domain',
    capacity: {
      mode: 'on-demand',
      read: { min: 5, max: 4_000, seed: 5 },
      write: { min: 5, max: 4_000, seed: 5 },
      targetUtilization: 70,
    },
    consistency: 'eventual',
    dax: { enabled: false, nodes: 1, nodeType: 'dax.t3.small', recordTtlSeconds: 300, queryTtlSeconds: 60 },
    streamView: 'NEW_AND_OLD_IMAGES',
    kinesis: false,
    statusShards: 4,
    cursorSecretVersion: 1,
    encryption: 'aws-owned',
    removal: 'retain',
  });
});

test('takes each value as the command line gives it, and as cdk.json may', () => {
  const given = {
    stage: 'prod',
    regions: 'eu-west-1, us-east-1',
    layout: 'single-table',
    capacity: 'provisioned',
    minReadUnits: '10',
    maxReadUnits: '13000',
    seedReadUnits: '50',
    minWriteUnits: '2',
    maxWriteUnits: '20',
    targetUtilization: '60',
    warmReadUnits: '13000',
    dax: 'true',
    daxNodes: '10',
    daxNodeType: 'dax.r5.large',
    daxRecordTtlSeconds: '60',
    daxQueryTtlSeconds: '1',
    kinesis: 'true',
    mailFrom: 'shop@example.org',
    alarmEmail: 'ops@example.org',
    statusShards: '8',
    cursorSecretVersion: '3',
    encryption: 'customer',
    removal: 'destroy',
  };
  const expected = {
    stage: 'prod',
    regions: ['eu-west-1', 'us-east-1'],
    layout: 'single-table',
    capacity: {
      mode: 'provisioned',
      read: { min: 10, max: 13_000, seed: 50 },
      write: { min: 2, max: 20, seed: 2 },
      targetUtilization: 60,
      warm: { read: 13_000 },
    },
    consistency: 'eventual',
    dax: { enabled: true, nodes: 10, nodeType: 'dax.r5.large', recordTtlSeconds: 60, queryTtlSeconds: 1 },
    streamView: 'NEW_AND_OLD_IMAGES',
    kinesis: true,
    mailFrom: 'shop@example.org',
    alarmEmail: 'ops@example.org',
    statusShards: 8,
    cursorSecretVersion: 3,
    encryption: 'customer',
    removal: 'destroy',
  };
  expect(read(given)).toEqual(expected);
  const inJson = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, /^\d+$/.test(value) ? Number(value) : value]));
  expect(read({ ...inJson, regions: ['eu-west-1', 'us-east-1'], dax: true, kinesis: true })).toEqual(expected);
});

test('a ceiling below the usual minimum is the minimum as well', () => {
  expect(read({ maxReadUnits: 3, maxWriteUnits: 1 }).capacity).toMatchObject({ read: { min: 3, max: 3, seed: 3 }, write: { min: 1, max: 1, seed: 1 } });
});

const UNITS = 'a whole number from 1 to 1000000';

test.each<[string, unknown, string, string]>([
  ['stage', 'Prod!', '1 to 16 of a-z 0-9 -, beginning with a letter', 'stage=dev'],
  ['stage', 7, '1 to 16 of a-z 0-9 -, beginning with a letter', 'stage=dev'],
  ['regions', 'europe', 'AWS regions, the home region first ("europe" is none)', 'regions=us-east-1,eu-west-1,ap-southeast-1'],
  ['regions', '', 'AWS regions, the home region first ("" is none)', 'regions=us-east-1,eu-west-1,ap-southeast-1'],
  ['regions', 'us-east-1,', 'AWS regions, the home region first ("" is none)', 'regions=us-east-1,eu-west-1,ap-southeast-1'],
  ['regions', 'us-east-1,us-east-9', 'AWS regions, the home region first ("us-east-9" is none)', 'regions=us-east-1,eu-west-1,ap-southeast-1'],
  ['regions', 'us-east-1,us-east-1', 'AWS regions, the home region first (us-east-1 is there twice)', 'regions=us-east-1,eu-west-1,ap-southeast-1'],
  ['regions', [], 'AWS regions, the home region first (there is none)', 'regions=us-east-1,eu-west-1,ap-southeast-1'],
  [
    'regions',
    'us-east-1,cn-north-1',
    'AWS regions, the home region first (cn-north-1 is in another partition than us-east-1, which a table cannot span)',
    'regions=us-east-1,eu-west-1,ap-southeast-1',
  ],
  ['layout', 'two-tables', 'per-domain | single-table', 'layout=per-domain'],
  ['layout', '', 'per-domain | single-table', 'layout=per-domain'],
  ['capacity', 'fixed', 'on-demand | provisioned', 'capacity=on-demand'],
  ['maxReadUnits', '0', UNITS, 'maxReadUnits=4000'],
  ['maxWriteUnits', 'many', UNITS, 'maxWriteUnits=4000'],
  ['minReadUnits', '4001', 'a whole number from 1 to 4000, which is maxReadUnits', 'minReadUnits=5'],
  ['seedWriteUnits', '4', 'a whole number from 5 to 4000, between minWriteUnits and maxWriteUnits', 'seedWriteUnits=5'],
  ['targetUtilization', '95', 'a whole number from 20 to 90', 'targetUtilization=70'],
  ['warmReadUnits', '11999', 'a whole number from 12000 to 1000000', 'warmReadUnits=12000'],
  ['warmWriteUnits', '1.5', 'a whole number from 4000 to 1000000', 'warmWriteUnits=4000'],
  ['warmReadUnits', '12000', 'up to maxReadUnits, which is 4000 (what is above the ceiling is paid for and never served)', 'maxReadUnits=12000'],
  ['consistency', 'weak', 'eventual | strong', 'consistency=eventual'],
  ['dax', 'maybe', 'true | false', 'dax=true'],
  ['daxNodes', '0', 'a whole number from 1 to 10', 'daxNodes=1'],
  ['daxNodes', '11', 'a whole number from 1 to 10', 'daxNodes=1'],
  ['daxNodeType', 'dax.t3.tiny', Object.keys(DAX_PRICES).join(' | '), 'daxNodeType=dax.t3.small'],
  ['daxRecordTtlSeconds', '0', 'a whole number from 1 to 86400 (0 would be for ever in DAX)', 'daxRecordTtlSeconds=300'],
  ['daxQueryTtlSeconds', '86401', 'a whole number from 1 to 86400', 'daxQueryTtlSeconds=60'],
  ['kinesis', 'yes', 'true | false', 'kinesis=true'],
  ['streamView', 'ALL', 'NEW_AND_OLD_IMAGES | NEW_IMAGE | OLD_IMAGE | KEYS_ONLY', 'streamView=NEW_AND_OLD_IMAGES'],
  ['statusShards', '0', 'a whole number from 1 to 100', 'statusShards=4'],
  ['statusShards', 'four', 'a whole number from 1 to 100', 'statusShards=4'],
  ['cursorSecretVersion', '-1', 'a whole number from 1 to 1000000', 'cursorSecretVersion=1'],
  ['encryption', 'none', 'aws-owned | aws-managed | customer', 'encryption=aws-owned'],
  ['mailFrom', 'nobody', 'an e-mail address', 'mailFrom=store@example.com'],
  ['mailFrom', 'shop@bücher.example', 'an e-mail address', 'mailFrom=store@example.com'],
  ['mailFrom', '', 'an e-mail address', 'mailFrom=store@example.com'],
  ['mailFrom', 'schön@example.com', 'an e-mail address', 'mailFrom=store@example.com'],
  ['mailFrom', 'a..b@example.com', 'an e-mail address', 'mailFrom=store@example.com'],
  ['mailFrom', 'a@-b.com', 'an e-mail address', 'mailFrom=store@example.com'],
  ['alarmEmail', 'a b@c.d', 'an e-mail address', 'alarmEmail=ops@example.com'],
  ['removal', 'keep', 'retain | destroy', 'removal=retain'],
])('%s=%j is refused, saying what is allowed and an example', (key, value, allowed, example) => {
  expect(() => read({ [key]: value })).toThrow(`Config '${key}' is ${JSON.stringify(value)}; allowed: ${allowed}. Example: -c ${example}`);
});

test('null in cdk.json is a key that is not given', () => {
  const keys = Object.fromEntries(CONFIG_KEYS.map((key) => [key, null]));
  expect(read(keys)).toEqual(read({}));
});

test('a key that is misspelt is refused, and CDK\'s own are not', () => {
  expect(() => read({ regoins: 'eu-west-1' })).toThrow(/^Config 'regoins' is "eu-west-1"; allowed: no key of this name, but stage, regions, .*\. Example: -c stage=dev$/);
  expect(() => read({ 'mail-from': 'x@y.zz' })).toThrow(/^Config 'mail-from' is "x@y\.zz"; allowed: no key of this name/);
  expect(() => read({ 'cli-telemetry': false, 'acknowledged-issue-numbers': [1] })).not.toThrow();
  expect(() => read({ '@aws-cdk/core:any': true, 'aws:cdk:any': 1, 'availability-zones:account=1:region=us-east-1': [] })).not.toThrow();
});

test.each(['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE'])('a stream of %s is refused, naming the effects that cannot work with it', (streamView) => {
  const without = (EFFECTS as readonly Effect[]).filter(({ view }) => view !== streamView).map(({ name, view }) => `${name} needs ${view}`);
  expect(without.length).toBeGreaterThan(0);
  const refused = (reasons: string[]) =>
    `Config 'streamView' is "${streamView}"; allowed: a view that every effect can work with (${reasons.join(', ')}). Example: -c streamView=NEW_AND_OLD_IMAGES`;
  expect(() => read({ streamView })).toThrow(refused(without));
  expect(() => read({ streamView, regions: 'us-east-1,eu-west-1' })).toThrow(refused(['replicas need NEW_AND_OLD_IMAGES', ...without]));
});

describe('multi-region strong consistency', () => {
  test('is refused at synth with each reason', () => {
    const context = { consistency: 'strong', regions: 'us-east-1,eu-west-1,ap-southeast-1' };
    expect(() => createApp({ folder: () => '.' }, { context })).toThrow(
      "Config 'consistency' is \"strong\"; allowed: eventual. AWS refuses multi-region strong consistency here: " +
        'the regions us-east-1, eu-west-1, ap-southeast-1 are not all in one of its region sets (United States: us-east-1, us-east-2, us-west-2; ' +
        'Europe: eu-central-1, eu-west-1, eu-west-2, eu-west-3; Asia Pacific: ap-northeast-1, ap-northeast-2, ap-northeast-3); ' +
        'the table store-dev-Users has TTL (expiresAt), which it excludes; ' +
        'the table store-dev-Orders has TTL (expiresAt), which it excludes; ' +
        'the table store-dev-Orders has local secondary indexes (lsi1, lsi2), which it excludes; ' +
        'orders, prices and e-mail claims are written in transactions, which it excludes. Example: -c consistency=eventual',
    );
  });

  const plain = { localSecondaryIndexes: [] } as unknown as TableSchema;
  test.each<[string[], TableSchema, string[]]>([
    [['us-east-1', 'us-east-2', 'us-west-2'], plain, []],
    [['eu-west-1', 'eu-west-2', 'eu-central-1'], plain, []],
    [['ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3'], plain, []],
    [['us-east-1', 'us-east-2'], plain, ['it takes three regions, and these are 2']],
    [['us-east-1'], plain, ['it takes three regions, and this is one']],
    [['eu-central-1', 'eu-west-1', 'eu-west-2', 'eu-west-3'], plain, ['it takes three regions, and these are 4']],
    [['us-east-1', 'us-east-2', 'us-west-1'], plain, [expect.stringMatching(/^the regions .* are not all in one of its region sets/) as string]],
    [['us-east-1', 'us-east-2', 'us-west-2'], { ...plain, timeToLiveAttribute: 'ttl' }, ['the table T has TTL (ttl), which it excludes']],
  ])('has these reasons against it in %j, for the table %j: %j', (regions, table, reasons) => {
    expect(reasonsAgainstStrong(regions, { T: table })).toEqual(reasons);
  });
});
