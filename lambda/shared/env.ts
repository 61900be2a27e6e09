/** Reads an environment variable that the template sets. Throws, naming it, where a deployment lacks it. */
export function env(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`The environment variable ${name} is not set; the function's template sets it.`);
  return value;
}
