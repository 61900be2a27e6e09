import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Item {
  [attribute: string]: { S: string } | { N: string };
}

export interface ScriptedShard {
  parent?: string;
  /** Numbers of the records, in order. */
  records: number[];
  isClosed?: boolean;
  /** How many of its records are trimmed. */
  trimmed?: number;
}

export interface Call {
  operation: string;
  input: { ShardId?: string; ShardIterator?: string; ShardIteratorType?: string; SequenceNumber?: string; ExclusiveStartShardId?: string };
}

/** An error of the service; `hang-up` ends the connection without an answer. */
export type Refusal = { status: number; type: string } | 'hang-up';

/** 21 digits, as in AWS. */
export const sequenceNumber = (n: number): string => `1${String(n).padStart(20, '0')}`;

export const numberOf = (sequence: string | undefined): number => Number((sequence ?? '').slice(1));

export const TABLE = 'store-dev-Orders';
export const STREAM_ARN = `arn:aws:dynamodb:us-east-1:000000000000:table/${TABLE}/stream/2026-01-01T00:00:00.000`;

const running = new Set<{ stop(): Promise<void> }>();

/** After each test, whatever came of it. */
export async function stopScriptedStreams(): Promise<void> {
  for (const stream of running) await stream.stop();
}

const SHARDS_PER_PAGE = 2;
const RECORDS_PER_PAGE = 3;

/** A stream that does what AWS's streams do, and what a test says, by the protocol of DynamoDB Streams. */
export async function scriptedStream(shards: Record<string, ScriptedShard>) {
  const calls: Call[] = [];
  const script = {
    shards,
    calls,
    tables: [TABLE] as string[],
    /** Answers instead of the stream, where it answers anything. */
    refuse: (_call: Call): Refusal | undefined => undefined,
    /** Before a page of records is read. */
    beforeRecords: (_shardId: string): void => undefined,
    item: (n: number): Item => ({ pk: { S: `$store#customerId_c` }, sk: { S: `$Order_1#placedAt_p#orderId_${n}` }, n: { N: String(n) } }),
    createdAt: (_n: number): number => Date.now() / 1_000,
    streamArn: STREAM_ARN as string | undefined,
    url: '',
    /** Where the store says that its DynamoDB is. */
    dynamodb: '',
    stop: async () => undefined as void,
  };

  const record = (n: number) => {
    const image = script.item(n);
    const { pk, sk } = image;
    return {
      eventID: `event-${n}`,
      eventName: 'INSERT',
      dynamodb: {
        ApproximateCreationDateTime: script.createdAt(n),
        Keys: { pk, sk },
        NewImage: image,
        SequenceNumber: sequenceNumber(n),
        StreamViewType: 'NEW_AND_OLD_IMAGES',
      },
    };
  };

  const operations: Record<string, (input: Call['input'] & { TableName?: string }) => object> = {
    DescribeTable({ TableName = '' }) {
      if (!script.tables.includes(TableName)) throw new Refused('ResourceNotFoundException');
      return { Table: { TableName, LatestStreamArn: script.streamArn } };
    },
    ListTables: () => ({ TableNames: script.tables }),
    DescribeStream({ ExclusiveStartShardId }) {
      const all = Object.entries(script.shards);
      const start = ExclusiveStartShardId === undefined ? 0 : all.findIndex(([id]) => id === ExclusiveStartShardId) + 1;
      const page = all.slice(start, start + SHARDS_PER_PAGE);
      const isLast = start + SHARDS_PER_PAGE >= all.length;
      return {
        StreamDescription: {
          StreamArn: STREAM_ARN,
          StreamViewType: 'NEW_AND_OLD_IMAGES',
          Shards: page.map(([ShardId, { parent, isClosed }]) => ({
            ShardId,
            ParentShardId: parent,
            SequenceNumberRange: { StartingSequenceNumber: sequenceNumber(0), ...(isClosed && { EndingSequenceNumber: sequenceNumber(9) }) },
          })),
          ...(!isLast && { LastEvaluatedShardId: page.at(-1)?.[0] }),
        },
      };
    },
    GetShardIterator({ ShardId = '', ShardIteratorType, SequenceNumber }) {
      const { records, trimmed = 0 } = shardOf(ShardId);
      const after = records.findIndex((n) => sequenceNumber(n) === SequenceNumber) + 1;
      if (ShardIteratorType === 'AFTER_SEQUENCE_NUMBER' && after < trimmed) throw new Refused('TrimmedDataAccessException');
      const index = { TRIM_HORIZON: trimmed, LATEST: records.length, AFTER_SEQUENCE_NUMBER: after }[ShardIteratorType ?? ''];
      return { ShardIterator: `${ShardId}|${index}` };
    },
    GetRecords({ ShardIterator = '' }) {
      const [shardId = '', from = ''] = ShardIterator.split('|');
      script.beforeRecords(shardId);
      const { records, trimmed = 0, isClosed } = shardOf(shardId);
      const start = Number(from);
      if (start < trimmed) throw new Refused('TrimmedDataAccessException');
      const page = records.slice(start, start + RECORDS_PER_PAGE);
      const next = start + page.length;
      return { Records: page.map(record), ...(!(isClosed && next >= records.length) && { NextShardIterator: `${shardId}|${next}` }) };
    },
  };

  const shardOf = (id: string): ScriptedShard => {
    const shard = script.shards[id];
    if (!shard) throw new Refused('ResourceNotFoundException');
    return shard;
  };

  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const send = (status: number, body: object) =>
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
      if (request.url === '/_local/health') return send(200, { status: 'ok', dynamodb: script.dynamodb, services: script.dynamodb, region: 'us-east-1' });
      const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      const call = { operation, input: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Call['input'] };
      calls.push(call);
      const refusal = script.refuse(call);
      if (refusal === 'hang-up') return request.socket.destroy();
      if (refusal) return send(refusal.status, { __type: `com.amazonaws.dynamodb.v20120810#${refusal.type}`, message: 'As the test says.' });
      try {
        return send(200, operations[operation]?.(call.input) ?? {});
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return send(400, { __type: `com.amazonaws.dynamodb.v20120810#${error.message}`, message: 'It is not there.' });
      }
    })();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  script.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  script.dynamodb = script.url;
  script.stop = async () => {
    running.delete(script);
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  running.add(script);
  return script;
}

export type ScriptedStream = Awaited<ReturnType<typeof scriptedStream>>;

class Refused extends Error {}
