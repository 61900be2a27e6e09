/** ISO-8601 UTC with milliseconds: of one width, so that text order is time order in a sort key. */
export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString();

/** The TTL attribute of DynamoDB is a Number of epoch **seconds**: milliseconds would expire in the year 50000. */
export const ttlSeconds = (epochMs: number, seconds: number): number => Math.floor(epochMs / 1_000) + seconds;

/** Whether an item is past its TTL. DynamoDB deletes it within days; until then readers must leave it out. */
export const isExpired = (item: { expiresAt: number }, epochMs: number): boolean =>
  item.expiresAt <= Math.floor(epochMs / 1_000);
