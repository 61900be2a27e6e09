import { DescribeStreamCommand, type DynamoDBStreamsClient, type Shard, type StreamViewType } from '@aws-sdk/client-dynamodb-streams';
import { UserError } from '../user-error';
import type { Position } from './checkpoint';
import type { Patiently } from './patience';

interface StreamShard {
  id: string;
  parent: string | undefined;
  /** An open shard has no last sequence number. */
  isOpen: boolean;
}

export interface Stream {
  view: StreamViewType | undefined;
  shards: StreamShard[];
}

/**
 * Every shard that a stream has, page by page.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_DescribeStream.html
 * @throws UserError when the stream is gone
 */
export async function describeStream(client: DynamoDBStreamsClient, streamArn: string, patiently: Patiently): Promise<Stream> {
  const shards: Shard[] = [];
  let view: StreamViewType | undefined;
  let last: string | undefined;
  do {
    const command = new DescribeStreamCommand({ StreamArn: streamArn, ...(last && { ExclusiveStartShardId: last }) });
    const { StreamDescription: page = {} } = await patiently('the shards of the stream', (abortSignal) =>
      client.send(command, { abortSignal }),
    ).catch((error: unknown) => {
      if ((error as Error).name !== 'ResourceNotFoundException') throw error;
      throw new UserError(`The stream ${streamArn} is gone: the table was deleted, or its stream was switched off over a day ago.`);
    });
    shards.push(...(page.Shards ?? []));
    view = page.StreamViewType;
    last = page.LastEvaluatedShardId;
  } while (last);
  return {
    view,
    shards: shards.map(({ ShardId = '', ParentShardId, SequenceNumberRange }) => ({
      id: ShardId,
      parent: ParentShardId,
      isOpen: SequenceNumberRange?.EndingSequenceNumber === undefined,
    })),
  };
}

/**
 * The shards that may be begun now: an item's changes are in order only when a shard is read after its parent. A parent
 * that is not listed any more was trimmed and counts as read, unless it is being read still.
 */
export function shardsToBegin(
  shards: readonly StreamShard[],
  positions: Readonly<Record<string, Position>>,
  isBeingRead: (id: string) => boolean,
): StreamShard[] {
  const listed = new Set(shards.map(({ id }) => id));
  const isRead = (id: string) => positions[id]?.finished === true || (!listed.has(id) && !isBeingRead(id));
  return shards.filter(
    ({ id, parent }) => !isBeingRead(id) && !positions[id]?.finished && (parent === undefined || isRead(parent)),
  );
}
