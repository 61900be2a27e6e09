import { isDeepStrictEqual } from 'node:util';
import { fullDiff, type ResourceDifference, ResourceImpact } from '@aws-cdk/cloudformation-diff';
import { type Comparison, type Finding, joined, listed, type Note } from './finding';
import type { Release, ReleasedStack, Resource } from './release';
import { described, isTable, kindOf, lossOf, physicalName } from './stateful';
import { type TableProperties, tableFindings, tableNotes } from './table-changes';

/** Named by rules of their own. */
const TABLE_REPLACEMENTS = ['TableName', 'KeySchema', 'LocalSecondaryIndexes'];

const DELIBERATE = 'If it is wanted: save the data, deploy knowing it, and write the baseline anew: npm run plan -- --release';

/** What AWS refuses of the step from a release to the next one, and what loses data in it. */
export function compareReleases(before: Release, after: Release): Comparison {
  const pairs = Object.entries(before.stacks).map(([id, stack]) => ({ stack, next: nextOf(id, stack, before, after) }));
  return joined([
    ...pairs.map(({ stack, next }) => compareStacks(stack, next, { before, after })),
    { findings: fewerShards(before, after), notes: newStacks(before, after) },
  ]);
}

/** An item keeps the shard that it was written to. */
function fewerShards({ statusShards: was = 0 }: Release, { statusShards: is = was }: Release): Finding[] {
  if (is >= was) return [];
  return [
    {
      where: 'statusShards',
      what: `it goes from ${was} to ${is}`,
      why: `What was written to the shards ${is} to ${was - 1} of the sharded indexes is read by nobody any more: it may only grow.`,
      instead: [`Keep -c statusShards=${was}, or more.`],
    },
  ];
}

/** Whether anything of a release is in another: if not, that is another deployment, as of another stage. */
export function isSameDeployment(before: Release, after: Release): boolean {
  const names = new Set(Object.values(after.stacks).map(({ stackName }) => stackName));
  return Object.values(before.stacks).some(({ stackName }) => names.has(stackName));
}

/** CloudFormation knows a stack by its name and region; after that, what was built from the same construct. */
function nextOf(id: string, { stackName, region }: ReleasedStack, before: Release, after: Release): ReleasedStack | undefined {
  const stacks = Object.values(after.stacks);
  const same = stacks.find((stack) => stack.stackName === stackName && stack.region === region);
  if (same) return same;
  const isNew = (stack: ReleasedStack) =>
    !Object.values(before.stacks).some((old) => old.stackName === stack.stackName && old.region === stack.region);
  const sameConstruct = after.stacks[id];
  return stacks.find((stack) => stack.stackName === stackName && isNew(stack)) ?? (sameConstruct && isNew(sameConstruct) ? sameConstruct : undefined);
}

interface Releases {
  before: Release;
  after: Release;
}

function compareStacks(before: ReleasedStack, next: ReleasedStack | undefined, releases: Releases): Comparison {
  if (next?.stackName === before.stackName && next.region === before.region) return compareResources(before, next, releases);
  const held = Object.entries(before.resources).map(([logicalId, resource]) => `${kindOf(resource.Type)} ${physicalName(resource) ?? logicalId}`);
  const left = { where: `${before.stackName} in ${before.region}`, what: 'is no longer in the app, and stays deployed: npx cdk destroy of the app as it was ends it' };
  if (held.length === 0) return { findings: [], notes: next ? [] : [left] };
  return { findings: [goneStack(before, next, held)], notes: [] };
}

function goneStack(before: ReleasedStack, next: ReleasedStack | undefined, held: string[]): Finding {
  const common = { where: `${before.stackName} in ${before.region}` };
  const stays = `The deployed stack stays as it is, and no release updates it. It has ${listed(held)}.`;
  if (!next) {
    return {
      ...common,
      what: 'the stack is no longer in the app',
      why: stays,
      instead: ['Keep the stack in the app.', `${DELIBERATE} (npx cdk destroy of an app that has the stack ends it).`],
    };
  }
  if (next.stackName === before.stackName) {
    return {
      ...common,
      what: `the stack moves to ${next.region}`,
      why: `A stack cannot move: ${next.region} gets new, empty resources. ${stays}`,
      instead: [
        `Keep ${before.region} as the home region, the first of regions.`,
        `For the tables in ${next.region} too: add it as a replica, in an update of its own.`,
      ],
    };
  }
  return {
    ...common,
    what: `the stack is called ${next.stackName} now`,
    why: `A stack cannot be renamed: ${next.stackName} is a new one, and physical names that the old one holds are taken. ${stays}`,
    instead: [`Keep the name ${before.stackName}.`],
  };
}

function compareResources(before: ReleasedStack, after: ReleasedStack, releases: Releases): Comparison {
  const diff = fullDiff({ Resources: before.resources }, { Resources: after.resources }).resources.changes;
  const twins = new Set<string>();
  const parts = Object.entries(before.resources).map(([logicalId, resource]): Comparison => {
    const next = after.resources[logicalId];
    const at = (finding: Unplaced): Finding => ({ where: described(before.stackName, logicalId, resource), ...finding });
    if (!next) {
      const twin = twinOf(resource, before, after, twins);
      if (twin !== undefined) twins.add(twin);
      return { findings: [at(twin === undefined ? gone(logicalId, resource, after, releases) : rename(resource, logicalId, twin))], notes: [] };
    }
    if (resource.Type !== next.Type) return { findings: [at(anotherType(resource, next))], notes: [] };
    const replaced = replacing(diff[logicalId]).filter((property) => !isTable(resource.Type) || !TABLE_REPLACEMENTS.includes(property));
    const findings = [...(replaced.length > 0 ? [replacement(resource, next, replaced)] : []), ...weakened(resource, next), ...fixedOfUserPool(resource, next)].map(at);
    if (!isTable(resource.Type)) return { findings, notes: [] };
    const table = {
      where: described(before.stackName, logicalId, resource),
      name: physicalName(resource) ?? logicalId,
      region: before.region,
      before: (resource.Properties ?? {}) as TableProperties,
      after: (next.Properties ?? {}) as TableProperties,
    };
    return { findings: [...findings, ...tableFindings(table)], notes: tableNotes(table) };
  });
  const notes = Object.entries(after.resources)
    .filter(([logicalId]) => !(logicalId in before.resources) && !twins.has(logicalId))
    .map(([logicalId, resource]) => ({ where: described(after.stackName, logicalId, resource), what: 'is new' }));
  return joined([...parts, { findings: [], notes }]);
}

/** The properties that CloudFormation replaces a resource for, certainly or perhaps. */
const replacing = (difference: ResourceDifference | undefined): string[] =>
  Object.entries(difference?.propertyUpdates ?? {})
    .filter(([, { changeImpact }]) => changeImpact === ResourceImpact.WILL_REPLACE || changeImpact === ResourceImpact.MAY_REPLACE)
    .map(([property]) => property);

/** The resource that one became under another logical id: of the same kind and name, or of the same properties. */
function twinOf(resource: Resource, before: ReleasedStack, after: ReleasedStack, taken: ReadonlySet<string>): string | undefined {
  const added = Object.entries(after.resources).filter(
    ([id, { Type }]) => kindOf(Type) === kindOf(resource.Type) && !(id in before.resources) && !taken.has(id),
  );
  const name = physicalName(resource);
  const byName = added.find(([, other]) => name !== undefined && physicalName(other) === name);
  const byContent = added.find(([, other]) => isDeepStrictEqual(other.Properties, resource.Properties));
  return (byName ?? byContent)?.[0];
}

type Unplaced = Omit<Finding, 'where'>;

/** How people sign in, and what is known of them, is decided once. */
const FIXED_OF_USER_POOL = ['AliasAttributes', 'UsernameAttributes', 'UsernameConfiguration'];

/** https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-updating.html */
function fixedOfUserPool(resource: Resource, next: Resource): Unplaced[] {
  if (resource.Type !== 'AWS::Cognito::UserPool') return [];
  const changed = FIXED_OF_USER_POOL.filter((property) => JSON.stringify(resource.Properties?.[property]) !== JSON.stringify(next.Properties?.[property]));
  const names = (pool: Resource) => ((pool.Properties?.Schema ?? []) as { Name?: string }[]).map(({ Name }) => Name);
  const removed = names(resource).filter((name) => !names(next).includes(name));
  return [...changed, ...(removed.length > 0 ? [`Schema without ${removed.join(', ')}`] : [])].map((property) => ({
    what: `${property}: it changes`,
    why: 'Cognito fixes it when the user pool is made, so the update fails and is rolled back.',
    instead: ['Keep it as it is; or add a second user pool, and move the users.'],
  }));
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html */
const keeps = (policy: string | undefined) => policy === 'Retain' || policy === 'RetainExceptOnCreate';

/** What becomes of a resource that CloudFormation lets go. */
const fate = ({ Type, DeletionPolicy }: Resource) =>
  keeps(DeletionPolicy)
    ? `DeletionPolicy ${DeletionPolicy} keeps it, but outside of every stack: no release updates it, and its name stays taken.`
    : `DeletionPolicy ${DeletionPolicy ?? 'Delete'}: CloudFormation deletes it; ${lossOf(Type)}.`;

/** CloudFormation creates the new one before it deletes the old one. */
function rename(resource: Resource, logicalId: string, twin: string): Unplaced {
  const kind = kindOf(resource.Type);
  const name = physicalName(resource);
  return {
    what: `${logicalId} was renamed to ${twin}: for CloudFormation, one ${kind} goes and another comes`,
    why:
      name === undefined
        ? `${twin} is new and empty. ${fate(resource)}`
        : `${twin} cannot be created while ${logicalId} has the name ${name}: the update fails. Under another it is empty. ${fate(resource)}`,
    instead: [`Keep the construct's id and its place in the tree; or pin the logical id: overrideLogicalId('${logicalId}').`],
  };
}

function gone(logicalId: string, resource: Resource, after: ReleasedStack, releases: Releases): Unplaced {
  const kind = kindOf(resource.Type);
  const name = physicalName(resource);
  const isIt = ([id, other]: [string, Resource]) =>
    other.Type === resource.Type &&
    (name === undefined ? id === logicalId && isDeepStrictEqual(other.Properties, resource.Properties) : physicalName(other) === name);
  // Stacks of several regions may each have one of the same name, and had it before.
  const had = (stack: ReleasedStack, id: string) =>
    Object.values(releases.before.stacks).some((old) => old.stackName === stack.stackName && old.region === stack.region && id in old.resources);
  const home = Object.values(releases.after.stacks).find(
    (stack) => stack !== after && Object.entries(stack.resources).some((entry) => isIt(entry) && !had(stack, entry[0])),
  );
  if (home) {
    return {
      what: `the ${kind} moves to the stack ${home.stackName}`,
      why: `CloudFormation moves nothing between stacks: ${home.stackName} creates another one, ${
        name === undefined ? 'new and empty' : `and fails while ${name} is there`
      }. ${fate(resource)}`,
      instead: [
        `Keep the ${kind} in ${after.stackName}.`,
        'Or refactor the stacks, which moves it with its data: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-refactoring.html',
      ],
    };
  }
  return { what: `the ${kind} is removed`, why: fate(resource), instead: [`Keep the ${kind}.`, DELIBERATE] };
}

/** "Doing so might result in the deletion of your DynamoDB table": the page of AWS::DynamoDB::GlobalTable. */
function anotherType(resource: Resource, next: Resource): Unplaced {
  return {
    what: `the type changes from ${resource.Type} to ${next.Type}`,
    why: `CloudFormation does not turn one type into another: it refuses the update, or makes a new one. ${fate(resource)}`,
    instead: [
      `Keep the type ${resource.Type}.`,
      'Or add the new one under another construct id and name, move the data and the readers, and remove this one in a release of its own.',
    ],
  };
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html */
function replacement(resource: Resource, next: Resource, properties: string[]): Unplaced {
  const kind = kindOf(resource.Type);
  const name = physicalName(resource);
  const old = keeps(next.UpdateReplacePolicy)
    ? `UpdateReplacePolicy ${next.UpdateReplacePolicy} keeps the old one, but outside of every stack.`
    : `CloudFormation deletes the old one; ${lossOf(resource.Type)}.`;
  return {
    what: `${listed(properties)} changed: CloudFormation replaces the ${kind}`,
    why:
      name !== undefined && name === physicalName(next)
        ? `The new one is created first, and the name ${name} is taken: CloudFormation refuses. Under another name it would be empty.`
        : `The new one is empty. ${old}`,
    instead: [
      `Keep ${listed(properties)} as in the baseline.`,
      `Or add a second ${kind} under another construct id and name, move the data and who uses it, and remove this one in a release of its own.`,
    ],
  };
}

/** What protects a resource and its data, and must not be switched off in passing. */
function weakened(resource: Resource, next: Resource): Unplaced[] {
  const policies = (['DeletionPolicy', 'UpdateReplacePolicy'] as const).filter((policy) => keeps(resource[policy]) && !keeps(next[policy]));
  const is = new Map(safeguards(next).map((safeguard) => [safeguard.name, safeguard]));
  // A replica that goes is named by a rule of its own.
  const settings = safeguards(resource).filter(({ name, value }) => (is.get(name)?.value ?? value) < value);
  if (policies.length + settings.length === 0) return [];
  return [
    {
      what: [
        ...(policies.length > 0 ? [`no ${listed(policies)} Retain any more`] : []),
        ...settings.map(({ name, text }) => `${name} from ${text} to ${is.get(name)?.text}`),
      ].join('; '),
      why: [
        ...(policies.length > 0 ? [`What removes or replaces it, or its stack, then deletes it: ${lossOf(resource.Type)}.`] : []),
        ...new Set(settings.map(({ loss }) => loss)),
      ].join(' '),
      instead: ['Keep it as in the baseline.', 'If it is wanted: deploy knowing it, and write the baseline anew: npm run plan -- --release'],
    },
  ];
}

interface Safeguard {
  name: string;
  /** More is safer. */
  value: number;
  text: string;
  loss: string;
}

interface TableSafeguards {
  Region?: string;
  DeletionProtectionEnabled?: boolean;
  PointInTimeRecoverySpecification?: { PointInTimeRecoveryEnabled?: boolean; RecoveryPeriodInDays?: number };
}

/**
 * How long something is kept, and for how long where the template does not say. A shorter period holds for what is there.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DecreaseStreamRetentionPeriod.html
 */
const RETENTIONS: Readonly<Record<string, { property: string; unit: string; unset: number }>> = {
  'AWS::SQS::Queue': { property: 'MessageRetentionPeriod', unit: 'seconds', unset: 345_600 },
  'AWS::Kinesis::Stream': { property: 'RetentionPeriodHours', unit: 'hours', unset: 24 },
  'AWS::Events::Archive': { property: 'RetentionDays', unit: 'days', unset: Infinity },
};

/** Of a global table, those of each replica. */
function safeguards({ Type, Properties = {} }: Resource): Safeguard[] {
  const { Replicas, DeletionProtection, ...own } = Properties as TableSafeguards & { Replicas?: TableSafeguards[]; DeletionProtection?: unknown };
  const protection = (name: string, isOn: boolean): Safeguard => ({
    name,
    value: Number(isOn),
    text: isOn ? 'on' : 'off',
    loss: 'One call then deletes it with its data.',
  });
  if (isTable(Type)) {
    return (Replicas ?? [own]).flatMap(({ Region, DeletionProtectionEnabled = false, PointInTimeRecoverySpecification: recovery }) => {
      const place = Region === undefined ? '' : ` in ${Region}`;
      const days = recovery?.PointInTimeRecoveryEnabled ? (recovery.RecoveryPeriodInDays ?? 35) : 0;
      return [
        protection(`deletion protection${place}`, DeletionProtectionEnabled),
        {
          name: `point-in-time recovery${place}`,
          value: days,
          text: days === 0 ? 'off' : `${days} days`,
          loss: 'The backups that go with it are gone for good.',
        },
      ];
    });
  }
  const retention = RETENTIONS[Type];
  if (retention) {
    const { property, unit, unset } = retention;
    // An archive's 0 days are for ever.
    const value = Number(Properties[property] ?? unset) || Infinity;
    return [{ name: property, value, text: value === Infinity ? 'for ever' : `${value} ${unit}`, loss: 'What is older is deleted.' }];
  }
  return [protection('deletion protection', DeletionProtection === true || DeletionProtection === 'ACTIVE')];
}

function newStacks(before: Release, after: Release): Note[] {
  const known = new Set(Object.values(before.stacks).map(({ stackName, region }) => `${stackName} ${region}`));
  return Object.values(after.stacks)
    .filter(({ stackName, region }) => !known.has(`${stackName} ${region}`))
    .map(({ stackName, region }) => ({ where: `${stackName} in ${region}`, what: 'is a new stack' }));
}
