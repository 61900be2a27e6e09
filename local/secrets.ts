import { randomBytes } from 'node:crypto';
import type { Assembly } from './assembly';
import type { SecretReader } from './resolve';
import { readState, writeWhole } from './state-file';

interface SecretProperties {
  Name?: string;
  GenerateSecretString?: { SecretStringTemplate?: string; GenerateStringKey?: string; PasswordLength?: number };
}

/**
 * Stands in for Secrets Manager: generates each secret of the templates as its `GenerateSecretString` says and keeps
 * it in a file, so that what it signed (a cursor) is still valid after a restart.
 */
export function secretReader(assembly: Assembly, file: string): SecretReader {
  const read = (text: string) => JSON.parse(text) as Record<string, Record<string, string>>;
  const secrets = readState(file, read, 'the secrets are new, and cursors that were handed out are refused') ?? {};
  return (name, field) => {
    if (!secrets[name]) {
      secrets[name] = generate(assembly, name);
      writeWhole(file, JSON.stringify(secrets, null, 2));
    }
    const value = secrets[name][field];
    if (value === undefined) throw new Error(`The secret ${name} has no field ${field}.`);
    return value;
  };
}

function generate(assembly: Assembly, name: string): Record<string, string> {
  const properties = assembly.resources
    .filter(({ type }) => type === 'AWS::SecretsManager::Secret')
    .map((resource) => resource.properties as SecretProperties)
    .find(({ Name }) => Name === name);
  const { SecretStringTemplate = '{}', GenerateStringKey, PasswordLength = 32 } = properties?.GenerateSecretString ?? {};
  if (!properties || !GenerateStringKey) throw new Error(`No template generates the secret ${name}.`);
  return {
    ...(JSON.parse(SecretStringTemplate) as Record<string, string>),
    [GenerateStringKey]: randomBytes(PasswordLength).toString('hex').slice(0, PasswordLength),
  };
}
