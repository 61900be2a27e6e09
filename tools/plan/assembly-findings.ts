import type { Stack } from './assembly';
import type { Finding } from './finding';
import { asText, attributeOf } from './intrinsics';
import type { Resource } from './release';
import { described, isTable, physicalName } from './stateful';

interface Placed {
  stack: Stack;
  logicalId: string;
  resource: Resource;
}

/**
 * What no single template shows: who reads the stream of which table, and where. What one template shows is for the rules of
 * the validator (lib/rules).
 */
export function assemblyFindings(stacks: readonly Stack[]): Finding[] {
  const all = stacks.flatMap((stack) =>
    Object.entries(stack.template.Resources ?? {}).map(([logicalId, resource]): Placed => ({ stack, logicalId, resource })),
  );
  return streamReaders(all, stacks);
}

const where = ({ stack, logicalId, resource }: Placed) => described(stack.name, logicalId, resource);

/** What reads a stream, and the property that names it. */
const READERS: Readonly<Record<string, string>> = {
  'AWS::Lambda::EventSourceMapping': 'EventSourceArn',
  'AWS::Pipes::Pipe': 'Source',
};

/** One reader of a global table's stream. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html */
function streamReaders(all: readonly Placed[], stacks: readonly Stack[]): Finding[] {
  const findings: Finding[] = [];
  const readers = new Map<string, Placed>();
  for (const placed of all) {
    const property = READERS[placed.resource.Type];
    if (property === undefined) continue;
    const source = placed.resource.Properties?.[property];
    const stream = streamOf(source, placed.stack, all, stacks);
    if (!stream) continue;
    const { region } = placed.stack;
    // Of a stream that is looked up when it is deployed, the template does not say the table; of the others a rule tells.
    const homes = stream.table ? [] : all.filter(({ resource }) => isTable(resource.Type)).map(({ stack }) => stack.region);
    if (homes.length > 0 && !homes.includes(region)) {
      findings.push({
        where: `${where(placed)} in ${region}`,
        what: `it reads the stream of a replica: the home of the tables is ${homes[0]}`,
        why: 'The stream of each replica has every change of the table, wherever it was made: each region with a consumer processes it once more.',
        instead: [`Keep the consumers of streams in ${homes[0]} only.`],
      });
    }
    const stand = `${region} ${stream.id}`;
    const first = readers.get(stand);
    if (first) {
      findings.push({
        where: where(placed),
        what: `it reads the same stream as ${where(first)}`,
        why: 'Each record is processed by both, and DynamoDB throttles the readers of a shard: AWS recommends one for a global table.',
        instead: ['One event source mapping for each stream: let its function hand the records on (lib/triggers.ts).'],
      });
    } else readers.set(stand, placed);
  }
  return findings;
}

interface TableStream {
  id: string;
  /** Undefined where the template does not say which. */
  table: Placed | undefined;
}

/** The stream of a table that a value names; undefined for any other source, as a queue. */
function streamOf(source: unknown, stack: Stack, all: readonly Placed[], stacks: readonly Stack[]): TableStream | undefined {
  const reference = attributeOf(source, stack, stacks);
  if (reference) {
    // A custom resource that looks the stream up gives it as Table.LatestStreamArn.
    if (!/stream\w*arn$/i.test(reference.attribute)) return undefined;
    const table = all.find(
      ({ stack: owner, logicalId, resource }) => owner === reference.stack && logicalId === reference.logicalId && isTable(resource.Type),
    );
    return { id: `${reference.stack.id}/${reference.logicalId}`, table };
  }
  const [, name] = /:table\/([^/]+)\/stream\//.exec(asText(source)) ?? [];
  if (name === undefined) return undefined;
  const table = all.find(({ resource }) => isTable(resource.Type) && physicalName(resource) === name);
  return { id: table ? `${table.stack.id}/${table.logicalId}` : name, table };
}
