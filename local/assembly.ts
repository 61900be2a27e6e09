import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AssetManifestArtifact, CloudAssembly } from 'aws-cdk-lib/cx-api';

/** One resource of a template, its properties not resolved. */
export interface Resource {
  stack: Stack;
  logicalId: string;
  type: string;
  properties: Record<string, unknown>;
}

export interface Stack {
  name: string;
  region: string;
  template: Template;
}

interface Template {
  Resources?: Record<string, { Type: string; Properties?: Record<string, unknown>; Condition?: string }>;
  Outputs?: Record<string, { Value: unknown; Export?: { Name: unknown } }>;
  Conditions?: Record<string, unknown>;
  Mappings?: Record<string, Record<string, Record<string, unknown>>>;
  Parameters?: Record<string, { Default?: unknown }>;
}

/** The synthesized cloud assembly: what `cdk deploy` would deploy. */
export interface Assembly {
  stacks: Stack[];
  resources: Resource[];
  /** The folder of a file asset, by the key of its object in S3. */
  assetFolder(s3Key: string): string;
}

/** Reads a cloud assembly from its folder (`cdk.out`). */
export function readAssembly(folder: string): Assembly {
  const assembly = new CloudAssembly(folder);
  const stacks = assembly.stacksRecursively.map((artifact): Stack => ({
    name: artifact.stackName,
    region: artifact.environment.region,
    template: artifact.template as Template,
  }));
  const folders = new Map<string, string>();
  for (const artifact of assembly.artifacts) {
    if (!AssetManifestArtifact.isAssetManifestArtifact(artifact)) continue;
    const { files = {} } = JSON.parse(readFileSync(artifact.file, 'utf8')) as AssetManifest;
    for (const { source, destinations } of Object.values(files)) {
      for (const { objectKey } of Object.values(destinations)) {
        if (source.path) folders.set(objectKey, join(dirname(artifact.file), source.path));
      }
    }
  }
  return {
    stacks,
    resources: stacks.flatMap((stack) =>
      Object.entries(stack.template.Resources ?? {}).map(([logicalId, { Type, Properties }]) => ({
        stack,
        logicalId,
        type: Type,
        properties: Properties ?? {},
      })),
    ),
    assetFolder(s3Key) {
      const path = folders.get(s3Key);
      if (!path) throw new Error(`The assembly has no asset ${s3Key}.`);
      return path;
    },
  };
}

interface AssetManifest {
  files?: Record<string, { source: { path?: string }; destinations: Record<string, { objectKey: string }> }>;
}
