import { createHash } from 'node:crypto';
import type { Assembly, Resource } from '../assembly';
import type { Resolver } from '../resolve';
import type { LocalFunction } from './environment';

interface FunctionProperties {
  Runtime: string;
  Architectures?: string[];
  Code: { S3Key: string };
  Handler: string;
  MemorySize?: number;
  Timeout?: number;
  Environment?: { Variables?: Record<string, string> };
}

/** A function of the templates, with the folder of its bundle. */
export function readFunction(resource: Resource, resolver: Resolver, assembly: Assembly): LocalFunction {
  const { Code, Handler, Runtime, Architectures = ['x86_64'], MemorySize = 128, Timeout = 3, Environment } = resolver.properties<FunctionProperties>(resource);
  // DAX does not run here, and without its endpoint a function works on DynamoDB.
  const { DAX_ENDPOINT: _, ...variables } = Environment?.Variables ?? {};
  const functionName = resolver.ref(resource);
  return {
    name: variables.POWERTOOLS_SERVICE_NAME ?? functionName,
    functionName,
    arn: resolver.attribute(resource, 'Arn'),
    handler: Handler,
    runtime: Runtime,
    architectures: Architectures,
    folder: assembly.assetFolder(Code.S3Key),
    memoryMb: MemorySize,
    timeoutMs: Timeout * 1_000,
    region: resource.stack.region,
    // Letters and digits only, as DynamoDB Local wants them.
    accessKeyId: `ASIA${createHash('sha256').update(functionName).digest('hex').slice(0, 16).toUpperCase()}`,
    variables,
  };
}
