/** What is printed while a test runs, as it was written; nothing of it reaches the terminal. Call it where suites are set up. */
export function capturedOutput(): () => string[] {
  let printed: string[] = [];
  beforeEach(() => {
    printed = [];
    for (const stream of [process.stdout, process.stderr]) {
      jest.spyOn(stream, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
    }
  });
  afterEach(() => jest.restoreAllMocks());
  return () => printed;
}
