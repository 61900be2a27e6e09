import { createHash } from 'node:crypto';

/**
 * The shard, 0 to `shards - 1`, of an item in an index whose partition key has few values (a status, a month).
 * One such value would be one partition, which takes 1,000 write units a second; n shards take n times that.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-sharding.html
 *
 * The count may grow at any time, since readers read all shards and every write of the key sets the shard anew.
 * It must never shrink: items in the shards above would no longer be read.
 */
export function shardOf(id: string, shards: number): number {
  return createHash('sha256').update(id).digest().readUInt32BE(0) % shards;
}
