/** Reads an environment variable that the template sets. Throws, naming it, so that a wrong deployment fails at init. */
export function env(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`The environment variable ${name} is not set; the function's template sets it.`);
  return value;
}
