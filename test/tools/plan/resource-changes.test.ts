import { findingTexts } from '../../../tools/plan/finding';
import { type Release, type ReleasedStack, releaseOf, type Resource } from '../../../tools/plan/release';
import { compareReleases, isSameDeployment } from '../../../tools/plan/resource-changes';
import { afterChange, orders, resourcesIn, storeStacks } from './releases';

const stack = (resources: Record<string, Resource>, more: Partial<ReleasedStack> = {}): ReleasedStack => ({
  stackName: 'data',
  region: 'us-east-1',
  resources,
  ...more,
});
const release = (stacks: Record<string, ReleasedStack>): Release => ({ stacks });

/** What is found when the resources of one stack become others. */
const found = (before: Record<string, Resource>, after: Record<string, Resource>) =>
  compareReleases(release({ Data: stack(before) }), release({ Data: stack(after) })).findings;

const RETAIN = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };
const queue = (Properties: Resource['Properties'] = {}, more: Partial<Resource> = {}): Resource => ({ Type: 'AWS::SQS::Queue', Properties, ...more });

test('the store against itself', () => {
  expect(afterChange(() => {})).toEqual({ findings: [], notes: [] });
});

test.each<[object, object, string[]]>([
  [{ UsernameAttributes: ['email'] }, { UsernameAttributes: ['phone_number'] }, ['UsernameAttributes: it changes']],
  [{ AliasAttributes: ['email'] }, {}, ['AliasAttributes: it changes']],
  [{ Schema: [{ Name: 'email' }, { Name: 'plan' }] }, { Schema: [{ Name: 'email' }] }, ['Schema without plan: it changes']],
  [{ Schema: [{ Name: 'email' }] }, { Schema: [{ Name: 'email' }, { Name: 'plan' }] }, []],
  [{ MfaConfiguration: 'OFF' }, { MfaConfiguration: 'OPTIONAL' }, []],
])('a user pool that goes from %j to %j', (before, after, whats) => {
  const pool = (Properties: object): Resource => ({ Type: 'AWS::Cognito::UserPool', Properties: { ...Properties }, ...RETAIN });
  expect(found({ Pool: pool(before) }, { Pool: pool(after) }).map(({ what }) => what)).toEqual(whats);
});

describe('the shards of the sharded indexes', () => {
  const [set, text] = [(statusShards: number) => (release: Release) => void (release.statusShards = statusShards), (what: string) => expect.objectContaining({ what })];

  test('may grow, and not shrink', () => {
    expect(afterChange(set(8), set(4)).findings).toEqual([]);
    expect(afterChange(set(4), set(4)).findings).toEqual([]);
    expect(afterChange(set(2), set(4)).findings).toEqual([text('it goes from 4 to 2')]);
  });

  test('are those of the functions', () => {
    expect(releaseOf(storeStacks()).statusShards).toBe(4);
  });

  test('are not known of one template without functions', () => {
    expect(releaseOf(storeStacks().filter(({ id }) => id === 'Data'))).not.toHaveProperty('statusShards');
    expect(afterChange((after) => delete after.statusShards, set(4)).findings).toEqual([]);
  });
});

describe('a resource that goes', () => {
  test('is deleted with its data', () => {
    expect(found({ A: queue({ QueueName: 'q' }) }, {})).toEqual([
      {
        where: 'data: queue q (A)',
        what: 'the queue is removed',
        why: 'DeletionPolicy Delete: CloudFormation deletes it; its data goes with it.',
        instead: ['Keep the queue.', expect.stringContaining('npm run plan -- --release')],
      },
    ]);
  });

  test('with Retain is kept, and belongs to no stack', () => {
    expect(found({ A: queue({}, RETAIN) }, {})[0]).toMatchObject({
      where: 'data: queue A',
      why: 'DeletionPolicy Retain keeps it, but outside of every stack: no release updates it, and its name stays taken.',
    });
  });

  test.each([
    ['AWS::KMS::ReplicaKey', 'cannot be read with another key'],
    ['AWS::Cognito::UserPoolClient', 'its client id is in every app'],
    ['AWS::Cognito::UserPoolGroup', 'who belongs to it'],
    ['AWS::Events::EventBus', 'rules and archives'],
    ['AWS::Events::Archive', 'its events go with it'],
    ['AWS::SecretsManager::Secret', 'its data goes with it'],
  ])('%s: says what is lost', (Type, loss) => {
    expect(found({ A: { Type } }, {})[0]?.why).toContain(loss);
  });

  test('under its old name and another logical id was renamed', () => {
    expect(found({ A: queue({ QueueName: 'q' }, RETAIN) }, { B: queue({ QueueName: 'q', DelaySeconds: 1 }, RETAIN) })).toEqual([
      {
        where: 'data: queue q (A)',
        what: 'A was renamed to B: for CloudFormation, one queue goes and another comes',
        why: expect.stringContaining('B cannot be created while A has the name q: the update fails.'),
        instead: ["Keep the construct's id and its place in the tree; or pin the logical id: overrideLogicalId('A')."],
      },
    ]);
  });

  test('that was renamed is not new as well', () => {
    const before = release({ Data: stack({ A: queue({ QueueName: 'q' }) }) });
    expect(compareReleases(before, release({ Data: stack({ B: queue({ QueueName: 'q' }) }) })).notes).toEqual([]);
  });

  test('a table of the other type under the same name', () => {
    const named = (Type: string): Resource => ({ Type, Properties: { TableName: 'T' } });
    expect(found({ A: named('AWS::DynamoDB::Table') }, { B: named('AWS::DynamoDB::GlobalTable') })[0]?.what).toContain('A was renamed to B');
  });

  test('without a name was renamed to the one with the same properties', () => {
    const [finding, ...more] = found({ A: queue({ DelaySeconds: 1 }), C: queue({ DelaySeconds: 2 }) }, { B: queue({ DelaySeconds: 1 }), C: queue({ DelaySeconds: 2 }) });
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ what: expect.stringContaining('A was renamed to B'), why: expect.stringMatching(/^B is new and empty\. DeletionPolicy Delete/) });
  });

  test('two renamed ones are not taken for the same', () => {
    const findings = found({ A: queue(), B: queue() }, { C: queue(), D: queue() });
    expect(findings.map(({ what }) => what.split(':')[0])).toEqual(['A was renamed to C', 'B was renamed to D']);
  });

  test('moved to another stack', () => {
    const before = release({ Data: stack({ A: queue({ QueueName: 'q' }) }), Events: stack({}, { stackName: 'events' }) });
    const after = release({ Data: stack({}), Events: stack({ Z: queue({ QueueName: 'q' }) }, { stackName: 'events' }) });
    expect(compareReleases(before, after).findings).toEqual([
      expect.objectContaining({ what: 'the queue moves to the stack events', why: expect.stringContaining('and fails while q is there') }),
    ]);
  });

  test('is not moved to a stack of another region that had one of its name before', () => {
    const eu = stack({ A: queue({ QueueName: 'q' }) }, { region: 'eu-west-1' });
    const [finding] = compareReleases(release({ Us: stack({ A: queue({ QueueName: 'q' }) }), Eu: eu }), release({ Us: stack({}), Eu: eu })).findings;
    expect(finding?.what).toBe('the queue is removed');
  });
});

describe('a replacement', () => {
  test('under another name is empty, and the old one goes', () => {
    expect(found({ A: queue({ QueueName: 'q' }) }, { A: queue({ QueueName: 'r' }) })).toEqual([
      {
        where: 'data: queue q (A)',
        what: 'QueueName changed: CloudFormation replaces the queue',
        why: 'The new one is empty. CloudFormation deletes the old one; its data goes with it.',
        instead: ['Keep QueueName as in the baseline.', expect.stringContaining('add a second queue')],
      },
    ]);
  });

  test('with Retain leaves the old one behind', () => {
    expect(found({ A: queue({ QueueName: 'q' }, RETAIN) }, { A: queue({ QueueName: 'r' }, RETAIN) })[0]?.why).toBe(
      'The new one is empty. UpdateReplacePolicy Retain keeps the old one, but outside of every stack.',
    );
  });

  test('under the same name is refused', () => {
    const [finding] = found({ A: queue({ QueueName: 'q' }) }, { A: queue({ QueueName: 'q', FifoQueue: true }) });
    expect(finding).toMatchObject({ what: expect.stringContaining('FifoQueue changed'), why: expect.stringContaining('the name q is taken: CloudFormation refuses') });
  });

  test('brings on that of what names it', () => {
    const client = (pool: string): Resource => ({ Type: 'AWS::Cognito::UserPoolClient', Properties: { UserPoolId: { Ref: pool } } });
    const pool: Resource = { Type: 'AWS::Cognito::UserPool', Properties: {} };
    const whats = found({ P: pool, C: client('P') }, { Q: pool, C: client('Q') }).map(({ what }) => what);
    expect(whats).toEqual([expect.stringContaining('P was renamed to Q'), 'UserPoolId changed: CloudFormation replaces the user pool client']);
  });

  test("of a table is told once, in the table's own words", () => {
    const { findings } = afterChange((release) => {
      orders(release).TableName = 'store-dev-Purchases';
    });
    expect(findings).toHaveLength(1);
    expect(findings[0]?.what).toContain('TableName changes from store-dev-Orders to store-dev-Purchases');
  });

  test('what updates in place passes', () => {
    expect(found({ A: queue({ VisibilityTimeout: 1 }) }, { A: queue({ VisibilityTimeout: 2 }) })).toEqual([]);
  });

  test('another type, as a Table that becomes a GlobalTable', () => {
    const [finding] = found({ A: { Type: 'AWS::DynamoDB::Table' } }, { A: { Type: 'AWS::DynamoDB::GlobalTable' } });
    expect(finding?.what).toBe('the type changes from AWS::DynamoDB::Table to AWS::DynamoDB::GlobalTable');
    expect(finding?.why).toContain('CloudFormation deletes it');
  });
});

describe('what protects', () => {
  const pitr = (days: number | undefined, isOn = true, isProtected = true): Resource => ({
    Type: 'AWS::DynamoDB::GlobalTable',
    Properties: {
      Replicas: [
        {
          Region: 'us-east-1',
          DeletionProtectionEnabled: isProtected,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: isOn, ...(days !== undefined && { RecoveryPeriodInDays: days }) },
        },
      ],
    },
  });
  const typed = (Type: string, Properties: Record<string, unknown>): Resource => ({ Type, Properties });
  const archive = (properties: Record<string, unknown>) => typed('AWS::Events::Archive', properties);
  const kinesis = (properties: Record<string, unknown>) => typed('AWS::Kinesis::Stream', properties);
  const pool = (properties: Record<string, unknown>) => typed('AWS::Cognito::UserPool', properties);

  test.each<[string, Resource, Resource, string, string]>([
    ['policies', queue({}, RETAIN), queue(), 'no DeletionPolicy and UpdateReplacePolicy Retain any more', 'then deletes it: its data goes'],
    ['one policy', queue({}, RETAIN), queue({}, { ...RETAIN, DeletionPolicy: 'Delete' }), 'no DeletionPolicy Retain any more', 'then deletes it'],
    ['protection of a table', pitr(35), pitr(35, true, false), 'deletion protection in us-east-1 from on to off', 'One call'],
    ['protection of a user pool', pool({ DeletionProtection: 'ACTIVE' }), pool({}), 'deletion protection from on to off', 'One call'],
    ['recovery off', pitr(35), pitr(35, false), 'point-in-time recovery in us-east-1 from 35 days to off', 'backups'],
    ['recovery shorter than its default', pitr(undefined), pitr(7), 'point-in-time recovery in us-east-1 from 35 days to 7 days', 'backups'],
    ['messages', queue(), queue({ MessageRetentionPeriod: 60 }), 'MessageRetentionPeriod from 345600 seconds to 60 seconds', 'What is older is deleted.'],
    ['records', kinesis({ RetentionPeriodHours: 48 }), kinesis({}), 'RetentionPeriodHours from 48 hours to 24 hours', 'What is older'],
    ['events', archive({ RetentionDays: 0 }), archive({ RetentionDays: 30 }), 'RetentionDays from for ever to 30 days', 'What is older'],
  ])('is not taken away in passing: %s', (_what, before, after, what, why) => {
    expect(found({ A: before }, { A: after })).toEqual([
      { where: expect.any(String), what, why: expect.stringContaining(why), instead: ['Keep it as in the baseline.', expect.stringContaining('--release')] },
    ]);
    // The other way round, it is more than there was.
    expect(found({ A: after }, { A: before })).toEqual([]);
  });

  test('all of one resource in one finding', () => {
    const [finding, ...more] = found({ A: { ...pitr(35), ...RETAIN } }, { A: pitr(7, true, false) });
    expect(more).toEqual([]);
    expect(finding?.what).toBe(
      'no DeletionPolicy and UpdateReplacePolicy Retain any more; deletion protection in us-east-1 from on to off; point-in-time recovery in us-east-1 from 35 days to 7 days',
    );
  });

  test('RetainExceptOnCreate retains as well', () => {
    const other = { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' };
    expect(found({ A: queue({}, RETAIN) }, { A: queue({}, other) })).toEqual([]);
  });
});

describe('stacks', () => {
  const before = release({ Data: stack({ A: queue({ QueueName: 'q' }) }), Api: stack({}, { stackName: 'api' }) });

  test('a stack that is gone is refused with what it held', () => {
    const { findings } = compareReleases(before, release({ Api: stack({}, { stackName: 'api' }) }));
    expect(findings).toEqual([
      expect.objectContaining({
        where: 'data in us-east-1',
        what: 'the stack is no longer in the app',
        why: expect.stringContaining('It has queue q.'),
      }),
    ]);
  });

  test('a stack that holds nothing may go', () => {
    expect(compareReleases(before, release({ Data: before.stacks.Data! })).findings).toEqual([]);
  });

  test('a stack that moves to another region is refused', () => {
    const { findings, notes } = compareReleases(before, release({ Data: stack({}, { region: 'eu-west-1' }) }));
    expect(findings).toEqual([
      expect.objectContaining({
        where: 'data in us-east-1',
        what: 'the stack moves to eu-west-1',
        why: expect.stringMatching(/^A stack cannot move: eu-west-1 gets new, empty resources\..* It has queue q\.$/),
        instead: [expect.stringContaining('Keep us-east-1 as the home region'), expect.any(String)],
      }),
    ]);
    expect(notes).toEqual([
      { where: 'api in us-east-1', what: expect.stringMatching(/^is no longer in the app, and stays deployed/) },
      { where: 'data in eu-west-1', what: 'is a new stack' },
    ]);
  });

  test('one that is gone has not moved to where one of its name was before', () => {
    const eu = stack({}, { region: 'eu-west-1' });
    const { findings } = compareReleases(release({ ...before.stacks, Eu: eu }), release({ Eu: eu }));
    expect(findings.map(({ what }) => what)).toEqual(['the stack is no longer in the app']);
  });

  test('one more, of the same name in another region, is no move', () => {
    const both = release({ ...before.stacks, Eu: stack({}, { region: 'eu-west-1' }) });
    expect(compareReleases(before, both)).toEqual({ findings: [], notes: [{ where: 'data in eu-west-1', what: 'is a new stack' }] });
  });

  test('a stack under another name is refused', () => {
    const { findings } = compareReleases(before, release({ Data: stack({}, { stackName: 'tables' }), Api: before.stacks.Api! }));
    expect(findings).toEqual([expect.objectContaining({ what: 'the stack is called tables now', why: expect.stringContaining('cannot be renamed') })]);
  });

  test('the construct of one may be renamed, as CloudFormation knows the stack by its name', () => {
    expect(compareReleases(before, release({ Tables: before.stacks.Data!, Api: before.stacks.Api! })).findings).toEqual([]);
  });

  test('those of another stage are another deployment', () => {
    const other = release({ Data: stack({}, { stackName: 'other' }) });
    expect([isSameDeployment(before, other), isSameDeployment(before, before)]).toEqual([false, true]);
    expect(isSameDeployment(before, release({ Data: stack({}, { region: 'eu-west-1' }) }))).toBe(true);
  });
});

test('the first creation of a table may have many of everything', () => {
  const { findings, notes } = afterChange((after) => {
    const [[, table] = []] = resourcesIn(after, 'Data', 'AWS::DynamoDB::GlobalTable');
    const copy = structuredClone(table!);
    Object.assign(copy.Properties!, {
      TableName: 'store-dev-New',
      Replicas: ['us-east-1', 'eu-west-1', 'ap-southeast-1'].map((Region) => ({ Region })),
    });
    after.stacks.Data!.resources.NewTable = copy;
  });
  expect(findings).toEqual([]);
  expect(notes).toEqual([{ where: 'store-dev-data: table store-dev-New (NewTable)', what: 'is new' }]);
});

test('what is the same of several is printed once', () => {
  const texts = findingTexts(found({ A: queue({ QueueName: 'a' }), B: queue({ QueueName: 'b' }) }, {}));
  expect(texts).toEqual([
    [
      'Refused: data: queue a (A)',
      '         data: queue b (B)',
      '  what    the queue is removed',
      '  why     DeletionPolicy Delete: CloudFormation deletes it; its data goes with it.',
      '  instead Keep the queue.',
      '          If it is wanted: save the data, deploy knowing it, and write the baseline anew: npm run plan -- --release',
    ].join('\n'),
  ]);
});

test('steps are numbered, long lines wrapped, and a command stays on its line', () => {
  const command = `aws dynamodb describe-table --table-name T --query '${'x'.repeat(120)} y'`;
  const [text] = findingTexts([{ where: 'w', what: 'word '.repeat(30).trim(), why: 'y', order: [`First: ${command}`, 'Then.'] }]);
  expect(text?.split('\n')).toEqual([
    'Refused: w',
    `  what    ${'word '.repeat(22).trim()}`,
    `          ${'word '.repeat(8).trim()}`,
    '  why     y',
    '  deploy  1. First:',
    `          ${command}`,
    '          2. Then.',
  ]);
});
