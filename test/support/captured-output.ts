/** What is printed while a test runs, as it was written; nothing of it reaches the terminal. Call it where suites are set up. */
export function capturedOutput(): () => string[] {
  let printed: string[] = [];
  beforeEach(() => {
    printed = [];
    for (const stream of [process.stdout, process.stderr]) {
      jest.spyOn(stream, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
    }
    // Jest's own console goes around the streams where suites run at the same time.
    for (const method of ['log', 'warn', 'error'] as const) jest.spyOn(console, method).mockImplementation((...texts: unknown[]) => void printed.push(texts.join(' ')));
  });
  afterEach(() => jest.restoreAllMocks());
  return () => printed;
}
