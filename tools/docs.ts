import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FAULT_MEMBERS } from '../local/gateway/fault';
import { SERVICE_OPERATIONS } from '../local/gateway/operations';
import { EMULATED, PARTLY } from '../local/inventory';
import { LOCAL_ROUTES } from '../local/local-endpoints';

/**
 * Writes the generated parts of the documents from the lists in the code: `npm run docs`. A part stands between
 * `<!-- generated: NAME -->` and `<!-- end -->`. A test refuses a part that is no longer what this writes.
 */
const DOCS = resolve(__dirname, '../docs');

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const code = (text: string): string => `\`${text}\``;

/** By name, the lines of each part. */
const PARTS: Record<string, () => string> = {
  'resource types': () =>
    table(
      ['resource type', 'runs', 'what does not'],
      [...new Set([...EMULATED, ...Object.keys(PARTLY)])].sort().map((type) => [code(type), EMULATED.has(type) ? 'yes' : 'no', PARTLY[type] ?? '-']),
    ),
  operations: () =>
    table(
      ['service', 'operations'],
      Object.entries(SERVICE_OPERATIONS).map(([service, operations]) => [code(service), [...operations].sort().map(code).join(', ')]),
    ),
  faults: () => table(['kind', 'members'], FAULT_MEMBERS.map(([kind, members]) => [code(kind), members.map(code).join(', ')])),
  endpoints: () => table(['endpoint', 'purpose'], Object.entries(LOCAL_ROUTES).map(([route, purpose]) => [code(route), purpose])),
};

/** A document with its generated parts as the code has them now. @throws Error for a part of a name that is not known */
export function withParts(document: string): string {
  return document.replace(/(<!-- generated: ([\w ]+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin: string, name: string, end: string) => {
    const part = PARTS[name];
    if (!part) throw new Error(`There is no part '${name}'; known: ${Object.keys(PARTS).join(', ')}.`);
    return `${begin}\n${part()}\n\n${end}`;
  });
}

/** The documents, by their paths. */
export const documents = (): string[] => readdirSync(DOCS).filter((name) => name.endsWith('.md')).map((name) => join(DOCS, name));

function main(): void {
  for (const file of documents()) {
    const before = readFileSync(file, 'utf8');
    const after = withParts(before);
    if (after === before) continue;
    writeFileSync(file, after);
    console.log(`Wrote ${file}`);
  }
}

if (require.main === module) main();
