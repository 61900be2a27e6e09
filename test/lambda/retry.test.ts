import { setTimeout as sleep } from 'node:timers/promises';
import { backoff } from '../../lambda/shared/retry';

jest.mock('node:timers/promises', () => ({ setTimeout: jest.fn(() => Promise.resolve()) }));

/** The backoff of DynamoDB's batches and transactions. Nothing waits here: the waits are what is asked for. */
describe('the wait before another attempt', () => {
  const waited = jest.mocked(sleep);
  const random = jest.spyOn(Math, 'random');
  beforeEach(() => waited.mockClear());
  afterAll(() => random.mockRestore());

  const waits = async (share: number, attempts: number) => {
    random.mockReturnValue(share);
    for (let attempt = 0; attempt < attempts; attempt++) expect(await backoff(attempt, Date.now() + 60_000)).toBe(true);
    return waited.mock.calls.map(([ms]) => ms);
  };

  test('the wait before another attempt at most doubles each time, up to a second', async () => {
    expect(await waits(1, 7)).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
  });

  test('the wait is any part of that, so that callers that collided come apart', async () => {
    expect(await waits(0.1, 3)).toEqual([5, 10, 20]);
  });

  test('there is no wait where it would pass the deadline', async () => {
    random.mockReturnValue(1);
    expect(await backoff(3, Date.now() + 300)).toBe(false);
    expect(waited).not.toHaveBeenCalled();
  });
});
