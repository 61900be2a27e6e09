import { etagOf } from '#shared/etag';

/** A user as the API answers it: without the attributes that only make keys. */
export function userView<Item extends { signupMonth?: string; shard?: number }>(item: Item) {
  const { signupMonth: _, shard: __, ...user } = item;
  return user;
}

export const userEtag = (user: { version: number; signedUpAt: string }) => etagOf(user.version, user.signedUpAt);
