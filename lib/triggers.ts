import type { StoreConfig } from './config';
import type { DataAccess } from './data-access';

/**
 * The catalogue of triggers: what a change in a stream causes, one row for each effect. `entity`, `on` and `view` are what
 * the effect's own file says (a test compares them); `access` lists its DynamoDB actions as the catalogue of flows does, and
 * `sends` the other services that it calls. The role of a dispatcher holds exactly what its effects list.
 */
export const EFFECTS = [
  {
    name: 'welcome-mail',
    stream: 'users',
    entity: 'User',
    on: ['INSERT'],
    view: 'NEW_IMAGE',
    access: { ProcessedEvent: ['GetItem', 'PutItem'] },
    sends: ['mail'],
  },
  {
    name: 'user-changed',
    stream: 'users',
    entity: 'User',
    on: ['MODIFY'],
    view: 'NEW_AND_OLD_IMAGES',
    access: { ProcessedEvent: ['PutItem'] },
    sends: ['events'],
  },
  {
    name: 'account-clean-up',
    stream: 'users',
    entity: 'User',
    on: ['REMOVE'],
    view: 'OLD_IMAGE',
    access: {
      User: ['GetItem'],
      CartItem: ['DeleteItem', 'Query'],
      Session: ['DeleteItem', 'Query'],
      CustomerStats: ['DeleteItem'],
    },
    sends: [],
  },
  {
    name: 'user-archive',
    stream: 'users',
    entity: 'User',
    on: ['REMOVE'],
    view: 'OLD_IMAGE',
    access: {},
    sends: ['archive'],
  },
  {
    name: 'cart-abandoned',
    stream: 'users',
    entity: 'CartItem',
    on: ['REMOVE'],
    onlyExpiry: true,
    view: 'OLD_IMAGE',
    access: { ProcessedEvent: ['PutItem'] },
    sends: ['events'],
  },
  {
    name: 'price-history',
    stream: 'products',
    entity: 'Product',
    on: ['MODIFY'],
    view: 'NEW_AND_OLD_IMAGES',
    access: { PriceChange: ['PutItem'] },
    sends: [],
  },
  {
    name: 'low-stock-flag',
    stream: 'products',
    entity: 'Stock',
    on: ['INSERT', 'MODIFY'],
    view: 'NEW_IMAGE',
    access: { Stock: ['UpdateItem'] },
    sends: [],
  },
  {
    name: 'order-history',
    stream: 'orders',
    entity: 'Order',
    on: ['INSERT', 'MODIFY', 'REMOVE'],
    view: 'NEW_AND_OLD_IMAGES',
    access: { OrderEvent: ['PutItem'] },
    sends: [],
  },
  {
    name: 'customer-stats',
    stream: 'orders',
    entity: 'Order',
    on: ['INSERT', 'MODIFY', 'REMOVE'],
    view: 'NEW_AND_OLD_IMAGES',
    access: {
      CustomerStats: ['ConditionCheckItem', 'GetItem', 'PutItem', 'UpdateItem'],
      ProcessedEvent: ['ConditionCheckItem', 'PutItem'],
    },
    sends: [],
  },
  {
    name: 'order-events',
    stream: 'orders',
    entity: 'Order',
    on: ['INSERT', 'MODIFY'],
    view: 'NEW_AND_OLD_IMAGES',
    access: { ProcessedEvent: ['PutItem'] },
    sends: ['events'],
  },
] as const satisfies readonly Effect[];

/** One row of the catalogue. */
export interface Effect {
  /** Its file in `lambda/triggers/` has this name. */
  readonly name: string;
  /** The table whose stream it reads, in the layout `per-domain`. */
  readonly stream: Stream;
  readonly entity: string;
  readonly on: readonly ('INSERT' | 'MODIFY' | 'REMOVE')[];
  /** Only what TTL deleted concerns it. */
  readonly onlyExpiry?: boolean;
  /** What a record must hold for it. */
  readonly view: StreamView;
  readonly access: DataAccess;
  readonly sends: readonly Service[];
}

export const STREAMS = ['users', 'products', 'orders'] as const;
export type Stream = (typeof STREAMS)[number];
type StreamView = StoreConfig['streamView'];

/** A service beside DynamoDB: SES, the event bus, the archive bucket. */
export type Service = 'mail' | 'events' | 'archive';

/** Services that may refuse what a record holds, for good: the effect is marked as a ProcessedEvent, and there is an alarm. */
export const REFUSING: readonly Service[] = ['mail', 'events'];

/**
 * How Lambda reads a stream. Retries and age are finite, since a record that always fails holds up all behind it; what is
 * given up is named in the on-failure queue.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
 */
export interface ReadSettings {
  readonly batchSize: number;
  readonly batchingWindowSeconds: number;
  readonly maximumRetryAttempts: number;
  readonly maximumRecordAgeSeconds: number;
  /** The queue of what was given up. */
  readonly onFailure: {
    /** What Lambda does there in the function's name, and the function itself with what no retry repairs. */
    readonly access: readonly ['SendMessage'];
    /** As long as SQS can keep it. The stream has the record for a day. */
    readonly retentionDays: number;
  };
}

const SETTINGS: ReadSettings = {
  batchSize: 100,
  batchingWindowSeconds: 0,
  maximumRetryAttempts: 12,
  maximumRecordAgeSeconds: 6 * 60 * 60,
  onFailure: { access: ['SendMessage'], retentionDays: 14 },
};

/** One reader of one stream: all effects of it. */
export interface Dispatcher {
  readonly name: string;
  readonly entry: string;
  /** The tables, by the name that they have in the layout `per-domain`, that are in the stream. */
  readonly streams: readonly Stream[];
  readonly settings: ReadSettings;
}

/** A dispatcher for each stream; in the single-table layout one for the one stream. */
export const DISPATCHERS: Readonly<Record<StoreConfig['layout'], readonly Dispatcher[]>> = {
  'per-domain': STREAMS.map((stream) => ({ name: `${stream}-trigger`, entry: `triggers/${stream}`, streams: [stream], settings: SETTINGS })),
  'single-table': [{ name: 'store-trigger', entry: 'triggers/store', streams: STREAMS, settings: SETTINGS }],
};

/** The effects of a dispatcher; where the config has no sender, none that sends mail. */
export const effectsOf = ({ streams }: Dispatcher, { mailFrom }: Pick<StoreConfig, 'mailFrom'>): readonly Effect[] =>
  (EFFECTS as readonly Effect[]).filter(({ stream, sends }) => streams.includes(stream) && (mailFrom !== undefined || !sends.includes('mail')));

/** The consumer of the Kinesis Data Stream, which is there with `-c kinesis=true` only. It may wait, to count more at once. */
export const SALES_CONSUMER = {
  name: 'sales-per-minute',
  entry: 'triggers/sales-per-minute',
  settings: { ...SETTINGS, batchingWindowSeconds: 5 },
} as const;

/** The effects that cannot work with what a stream's records hold. */
export function effectsWithout(view: StreamView): readonly Effect[] {
  return (EFFECTS as readonly Effect[]).filter((effect) => view !== 'NEW_AND_OLD_IMAGES' && effect.view !== 'KEYS_ONLY' && effect.view !== view);
}

/**
 * The filters of a dispatcher's mapping: what its effects concern, and what no code here knows. The latter must come
 * through, to be reported: so images are let through unless they are known to concern nobody. Only the removal of an item
 * that was never one of the model's concerns nobody.
 *
 * `S` is part of the path, and `exists` works on it as a leaf only.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
 *
 * @param effects those of the dispatcher
 * @param entities all entities of the tables in the stream
 * @param version the version that all entities have
 */
export function filtersOf(effects: readonly Effect[], entities: readonly string[], version: string): object[] {
  const withNewImage = effects.filter(({ on }) => on.some((event) => event !== 'REMOVE')).map(({ entity }) => entity);
  const ofNobody = entities.filter((entity) => !withNewImage.includes(entity));
  const removed = (onlyExpiry: boolean) => [
    ...new Set(effects.filter((effect) => effect.on.includes('REMOVE') && (effect.onlyExpiry ?? false) === onlyExpiry).map(({ entity }) => entity)),
  ];
  const image = (name: 'NewImage' | 'OldImage', attribute: string, values: unknown[]) => ({ dynamodb: { [name]: { [attribute]: { S: values } } } });
  const [gone, expired] = [removed(false), removed(true)];
  const goneOfNobody = entities.filter((entity) => !gone.includes(entity));
  return [
    image('NewImage', '__edb_e__', [{ 'anything-but': ofNobody }]),
    { eventName: ['INSERT', 'MODIFY'], ...image('NewImage', '__edb_e__', [{ exists: false }]) },
    image('NewImage', '__edb_v__', [{ 'anything-but': [version] }]),
    { eventName: ['REMOVE'], ...image('OldImage', '__edb_e__', [{ 'anything-but': goneOfNobody }]) },
    ...(expired.length > 0
      ? [{ eventName: ['REMOVE'], userIdentity: { type: ['Service'], principalId: ['dynamodb.amazonaws.com'] }, ...image('OldImage', '__edb_e__', expired) }]
      : []),
  ];
}
