import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { BUS_EVENTS } from '../lambda/triggers/bus-events';
import { CONFIG_KEYS, readConfig } from '../lib/config';
import type { DataAccess } from '../lib/data-access';
import { dollarsPerMonth } from '../lib/dax-prices';
import { type Flow, FLOWS } from '../lib/flows';
import { type Effect, EFFECTS } from '../lib/triggers';
import { isComplete } from './support/complete';
import { startStore, type TestStore } from './support/store';
import { PROJECT } from './support/synthesize-once';
import { resourcesOf, templateOf } from './support/templates';

const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
const scripts = Object.keys((JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { scripts: object }).scripts);

const deploying = readFileSync(join(PROJECT, 'docs/deploy.md'), 'utf8');
const direct = readFileSync(join(PROJECT, 'docs/direct-access.md'), 'utf8');

/** Of some texts, those that a document lacks: what a failing test says in a line, and not with the document. */
const missingIn = (document: string, texts: readonly string[]) => texts.filter((text) => !document.includes(text));

/** The shell blocks of a section. */
function commandsOf(section: string, document = readme): string[] {
  const text = document.split(/^## /m).find((part) => part.startsWith(section)) ?? '';
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, commands]) => commands as string);
}

/** Runs a script with bash, and answers what each of its paragraphs printed; `printed` is what may be on standard error. */
async function run(paragraphs: string[], env: NodeJS.ProcessEnv, printed = /^$/): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'store-readme-'));
  // Each paragraph is a group of the same shell, so that what one sets the next one has.
  const script = paragraphs.map((paragraph, index) => `{\n${paragraph}\n} > '${folder}/${index}'`).join('\n');
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], { env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const code = await new Promise((done) => child.on('close', done));
  const outputs = paragraphs.map((_, index) => (existsSync(join(folder, String(index))) ? readFileSync(join(folder, String(index)), 'utf8') : ''));
  rmSync(folder, { recursive: true });
  // npm warns of the machine's own settings, which are not the README's matter.
  const ours = errors.replace(/^npm (warn|notice).*\n/gm, '');
  expect([ours, code]).toEqual([expect.stringMatching(printed), 0]);
  return outputs;
}

/** Runs commands, paragraph by paragraph, and holds each against its `→` lines; answers how many there are. */
async function promises(commands: string, url: string): Promise<number> {
  const paragraphs = commands.trim().split(/\n\n+/);
  const outputs = await run(paragraphs, { STORE: url });
  const promised = paragraphs.flatMap((paragraph, index) =>
    [...paragraph.matchAll(/^# → (.*)$/gm)].map(([, text]) => ({ text: text as string, output: outputs[index] })),
  );
  for (const { text, output = '' } of promised) expect([output, missingIn(output, [text])]).toEqual([output, []]);
  return promised.length;
}

describe('with a store that runs', () => {
  let store: TestStore;
  beforeAll(async () => {
    store = await startStore('per-domain');
  });
  afterAll(() => store.stop());

  test('the tour runs as it stands, and answers what it says', async () => {
    const [tour, ...others] = commandsOf('A two-minute tour');
    expect(others).toEqual([]);
    expect(await promises(tour!, store.url)).toBeGreaterThanOrEqual(19);
  });

  test('a signed-in client reads as docs/direct-access.md says', async () => {
    const [commands, ...others] = commandsOf('On this machine', direct);
    expect(others).toEqual([]);
    expect(await promises(commands!, store.url)).toBe(5);
  });

  test('the commands of docs/local-platform.md answer what it says', async () => {
    const [commands, ...others] = commandsOf('Addresses', readFileSync(join(PROJECT, 'docs/local-platform.md'), 'utf8'));
    expect(others).toEqual([]);
    expect(await promises(commands!, store.url)).toBe(2);
  });

  test('the smoke run of docs/deploy.md passes', async () => {
    const [smoke, ...others] = commandsOf('Verify', deploying);
    expect(others).toEqual([]);
    const [printed] = await run([smoke!], { PORT: new URL(store.url).port }, /^/);
    expect(printed).toMatch(/\nPassed: 25 passed, /);
  });

  test('a stream is followed until Ctrl-C, and an on-failure queue is read', async () => {
    const [tailing, redriving] = commandsOf('Follow a stream');
    const PORT = new URL(store.url).port;
    // A group of its own, as a terminal gives one: Ctrl-C reaches npm and what it started.
    const child = spawn('bash', ['-c', tailing!], { env: { ...process.env, PORT }, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    await new Promise<void>((done) => {
      child.stdout.on('data', (data: Buffer) => {
        output += data.toString();
        if (output.includes('OrderPlaced')) done();
      });
    });
    const ended = new Promise((done) => child.on('close', done));
    process.kill(-(child.pid as number), 'SIGINT');
    await ended;
    expect(output).toMatch(/INSERT +Order /);
    const [queue] = await run([redriving!], { PORT }, /^Reading store-dev-orders-trigger-failed/);
    expect(queue).toContain('store-dev-orders-trigger-failed is empty.');
  });

  test('the sample products load', async () => {
    const [loading] = commandsOf('Load products');
    const [output] = await run([loading!], { PORT: new URL(store.url).port }, /^sample-products\.csv: 100 %/);
    expect(output).toMatch(/5 rows: 5 written/);
    const { body } = await store.anonymous.get('/products/konbu');
    expect(body).toMatchObject({ name: '昆布 Konbu', priceMinor: 600, currency: 'JPY', stock: 24, tags: ['seaweed'] });
  });
});

describe('docs/deploy.md', () => {
  test('its checks run as they stand, without an account, and find nothing', async () => {
    const [checks = '', ...others] = commandsOf('Before', deploying);
    expect([others, commandsOf('Deploy it')]).toEqual([[], ['npx cdk synth\nnpm run plan\n']]);
    expect(checks.match(/^n.*/gm)).toEqual(['npx cdk synth --quiet', 'npm run plan']);
    const output = mkdtempSync(join(tmpdir(), 'store-deploy-'));
    // The plan synthesizes by the same command: in `npm test` it is not run by itself.
    const commands = isComplete ? checks : checks.replace('npx cdk synth --quiet\n', '');
    const [printed] = await run([commands.trim()], { CDK_OUTPUT: output }, /^[^]*Synthesizing the app \.\.\.\nCompared with tools\/plan\/baseline\.json: /);
    expect(existsSync(join(output, 'Data.template.json'))).toBe(isComplete);
    rmSync(output, { recursive: true });
    expect(printed).toContain('nothing that AWS refuses or that loses data.');
  });

  test('has every key of the config, as it is where nothing is given', () => {
    const rows = deploying.split('\n').filter((line) => /^\| `\w+`.* \| .* \| .* \|$/.test(line));
    const told = rows.flatMap((row) => [...row.split(' | ')[0]!.matchAll(/`(\w+)`/g)].map(([, key]) => key as string));
    expect(told.sort()).toEqual([...CONFIG_KEYS].sort());
    const { capacity, dax, ...config } = readConfig(new App().node);
    const defaults = Object.fromEntries(rows.map((row) => [/`(\w+)`/.exec(row)?.[1], row.split(' | ')[2]!.replace(/[`| ]/g, '')]));
    for (const [key, value] of Object.entries(config)) expect([key, defaults[key]]).toEqual([key, String(value)]);
    const { mode, read, targetUtilization } = capacity;
    expect([defaults.capacity, defaults.minReadUnits, defaults.maxReadUnits, defaults.targetUtilization]).toEqual(
      [mode, read.min, read.max, targetUtilization].map(String),
    );
    expect([defaults.dax, defaults.daxNodes, defaults.daxNodeType, defaults.daxRecordTtlSeconds, defaults.daxQueryTtlSeconds]).toEqual(
      [dax.enabled, dax.nodes, dax.nodeType, dax.recordTtlSeconds, dax.queryTtlSeconds].map(String),
    );
  });

  test('has the cost at rest of what the templates have', () => {
    const tables = resourcesOf('per-domain', 'AWS::DynamoDB::GlobalTable');
    const places = tables.length + tables.flatMap(({ Properties }) => Properties.GlobalSecondaryIndexes as object[]).length;
    const { read, write } = readConfig(new App().node).capacity;
    // Dollars for a unit and hour in us-east-1, and the hours of a month.
    const month = places * (read.min * 0.000_13 + write.min * 0.000_65) * 730;
    const costs = [
      `${places} tables and indexes of ${read.min} read and ${write.min} write units | ${month.toFixed(2)} |`,
      `\`dax=true\` with the defaults, in the home region only | ${dollarsPerMonth(readConfig(new App().node).dax).toFixed(2)} |`,
      `4,000 write units a second, all month, would be ${((write.max * 3_600 * 730 * 0.625) / 1e6).toLocaleString('en-US')} dollars`,
    ];
    expect(missingIn(deploying, costs)).toEqual([]);
  });
});

test('docs/direct-access.md has a statement of the role as the template has it', () => {
  const [shown] = /(?<=^```json\n)[^`]*/m.exec(direct) ?? ['{}'];
  const [policy] = Object.values(templateOf('per-domain', 'Access').Resources).filter(({ Type }) => Type === 'AWS::IAM::Policy');
  const [statement] = (policy!.Properties.PolicyDocument as { Statement: { Resource: { 'Fn::Join': [string, unknown[]] } }[] }).Statement;
  const [separator, parts] = statement!.Resource['Fn::Join'];
  const Resource = parts.map((part) => (typeof part === 'string' ? part : 'ACCOUNT')).join(separator);
  expect(JSON.parse(shown)).toEqual({ ...statement, Resource });
});

test('set-up and tests are one command line each', () => {
  expect(commandsOf('Run it')).toEqual(['npm ci && npm start\n']);
  expect(commandsOf('Test it')).toEqual(['npm ci && npm test\n']);
});

const documents = ['README.md', ...readdirSync(join(PROJECT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md')).map((file) => join('docs', file))];

/** The anchors of a document's headings, as GitHub makes them: words in small letters, joined by dashes. */
function anchorsOf(document: string): string[] {
  const text = readFileSync(join(PROJECT, document), 'utf8').replace(/^```[^]*?^```$/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

test.each(documents)('the links and scripts in %s exist', (document) => {
  const text = readFileSync(join(PROJECT, document), 'utf8');
  const links = [...text.matchAll(/\]\((?!http)([^)]+)\)/g)].map(([, link]) => link as string);
  const isBroken = (link: string) => {
    const [file, anchor] = link.split('#', 2) as [string, string?];
    const target = file === '' ? document : join(dirname(document), file);
    return !existsSync(join(PROJECT, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  };
  expect(links.filter(isBroken)).toEqual([]);
  const used = [...text.matchAll(/npm (?:run )?(start|test|[a-z]+:?[a-z]*)(?= |`|\n|\))/g)].map(([, script]) => script as string);
  expect(used.filter((script) => !['ci', 'install', 'i', 'run'].includes(script) && !scripts.includes(script))).toEqual([]);
});

test('docs/access-patterns.md has a row for each flow, as the catalogue has it', () => {
  const text = readFileSync(join(PROJECT, 'docs/access-patterns.md'), 'utf8');
  const rows = (FLOWS as readonly Flow[]).map(({ name, route, who, access, replica = {} }) => {
    const list = (part: DataAccess, where: string) => Object.entries(part).map(([target, actions]) => `${target}: ${actions.join(', ')}${where}`);
    const served = [...list(replica, ' (replica)'), ...list(access, '')].join('; ');
    return `| \`${route}\` | ${name} | ${who} | ${served} |`;
  });
  expect(text.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows);
});

test('docs/triggers.md has a row for each effect and each event, as the catalogue and the code have them', () => {
  const rows = readFileSync(join(PROJECT, 'docs/triggers.md'), 'utf8').split('\n').filter((line) => /^\| [a-zA-Z][\w-]+ \| /.test(line));
  const effects = (EFFECTS as readonly Effect[]).map(({ name, stream, entity, on, onlyExpiry, view, access, sends }) => {
    const actions = Object.entries(access).map(([target, list]) => `${target}: ${list.join(', ')}`).join('; ');
    const events = `${on.join(', ')} of ${entity}${onlyExpiry ? ' by TTL' : ''}`;
    return `| ${name} | ${stream} | ${events} | ${view} | ${actions || '-'} | ${sends.join(', ') || '-'} |`;
  });
  const events = Object.entries(BUS_EVENTS).map(([type, { shape }]) => {
    const fields = Object.keys(shape).filter((field) => !['schemaVersion', 'eventId', 'at'].includes(field));
    return `| ${type} | ${fields.map((field) => `\`${field}\``).join(', ')} |`;
  });
  expect(rows.filter((row) => !/^\| (effect|event|class) \|/.test(row))).toEqual([...effects, ...events]);
});
