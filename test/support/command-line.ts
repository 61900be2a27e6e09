/** Runs a tool's command line in this process, where it costs no start of another one. @returns its exit code and what it prints */
export async function commandLine(run: () => Promise<number>): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', ''];
  const spies = [
    jest.spyOn(console, 'log').mockImplementation((...texts: unknown[]) => void (stdout += `${texts.join(' ')}\n`)),
    jest.spyOn(console, 'error').mockImplementation((...texts: unknown[]) => void (stderr += `${texts.join(' ')}\n`)),
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => (stdout += String(text)) !== ''),
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => (stderr += String(text)) !== ''),
  ];
  try {
    return { code: await run(), stdout, stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
