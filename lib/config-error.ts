/** A config value that is not allowed: says the key, the value, what is allowed and an example. */
export class ConfigError extends Error {
  /** @param example what to write instead: a value of the key, or a whole `-c key=value` of another */
  constructor(key: string, value: unknown, allowed: string, example: string) {
    const given = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
    super(`Config '${key}' is ${given}; allowed: ${allowed}. Example: -c ${example.includes('=') ? example : `${key}=${example}`}`);
    this.name = 'ConfigError';
  }
}
