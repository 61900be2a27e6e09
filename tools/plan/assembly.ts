import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CloudAssembly } from 'aws-cdk-lib/cx-api';
import { UserError } from '../user-error';
import type { Resource } from './release';

const PROJECT = resolve(__dirname, '../..');

export interface Template {
  Resources?: Record<string, Resource>;
  Outputs?: Record<string, { Value: unknown; Export?: { Name: unknown } }>;
}

/** A stack of a cloud assembly, its template as `cdk deploy` would send it. */
export interface Stack {
  /** The artifact's: the construct's path. */
  id: string;
  name: string;
  region: string;
  template: Template;
}

/** @throws UserError where the folder is no cloud assembly */
export function readStacks(folder: string): Stack[] {
  return openAssembly(folder).stacksRecursively.map((artifact) => ({
    id: artifact.hierarchicalId,
    name: artifact.stackName,
    region: artifact.environment.region,
    template: artifact.template as Template,
  }));
}

/** @throws UserError where the folder is no cloud assembly */
export function openAssembly(folder: string): CloudAssembly {
  if (!existsSync(join(folder, 'manifest.json'))) {
    throw new UserError(`${folder} is no cloud assembly: it has no manifest.json. Make one: npx cdk synth --output ${folder}`);
  }
  try {
    const assembly = new CloudAssembly(folder);
    // The templates are read when they are asked for: each once, here.
    for (const { template, templateFile } of assembly.stacksRecursively) requireTemplate(template, templateFile);
    if (assembly.stacksRecursively.length === 0) throw new Error('it has no stacks');
    return assembly;
  } catch (error) {
    throw new UserError(`The cloud assembly ${folder} cannot be read: ${(error as Error).message.split('\n')[0]}`);
  }
}

/** @throws Error for what is no template */
function requireTemplate(template: unknown, file: string): void {
  const resources = (template as Template | null)?.Resources;
  const isOne = typeof template === 'object' && template !== null && !Array.isArray(template) && typeof (resources ?? {}) === 'object' && resources !== null;
  const broken = Object.entries(resources ?? {}).find(([, resource]) => typeof (resource as Partial<Resource> | null)?.Type !== 'string');
  if (!isOne || broken) throw new Error(`${file} is no template${broken ? `: ${broken[0]} has no Type` : ''}`);
}

/**
 * Synthesizes the app through the CDK CLI, its template validator on, as `npx cdk synth` does.
 * @param context `key=value` each
 * @throws UserError with the message of the app or of the validator
 */
export async function synthesizeInto(folder: string, context: readonly string[]): Promise<void> {
  const args = ['synth', '--quiet', '--no-notices', '--output', folder, ...context.flatMap((entry) => ['--context', entry])];
  const child = spawn(join(PROJECT, 'node_modules/.bin/cdk'), args, {
    cwd: PROJECT,
    env: { ...process.env, NO_COLOR: '1', CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const code = await new Promise<number | null>((done, fail) => child.on('close', done).on('error', fail));
  if (code !== 0) throw new UserError(`The app does not synthesize:\n${appMessage(output, folder)}`);
}

/** Without what the CLI adds of its own, and without the paths of a folder that is gone when it is read. */
function appMessage(output: string, folder: string): string {
  const lines = output.split('\n').filter((line) => !/Subprocess exited with error|A copy of this report|^\s+at .*\(?.*:\d+:\d+\)?$/.test(line));
  return lines.join('\n').replaceAll(`${folder}/`, '').trim() || 'It says nothing. Run npx cdk synth.';
}
