import * as z from 'zod/mini';

/** Who sends the events of the bus. */
export const SOURCE = 'store';

/** Raised when a field changes its meaning or goes; a field may be added at any time. */
export const SCHEMA_VERSION = '1';

/** What every event has. */
const common = {
  schemaVersion: z.literal(SCHEMA_VERSION),
  /** The same each time the event is sent: who acts on it keeps it, to act once. */
  eventId: z.string(),
  /** When it happened, to the second. */
  at: z.string(),
};

const money = { totalMinor: z.int(), currency: z.string() };

/** The details of the events on the bus, by their type. */
export const BUS_EVENTS = {
  /** Which attributes of a profile changed; not what they are, so that no rule's target learns of them. */
  UserChanged: z.strictObject({ ...common, userId: z.string(), changed: z.array(z.string()) }),
  /** A product stayed in a cart until it expired. */
  CartAbandoned: z.strictObject({
    ...common,
    userId: z.string(),
    productId: z.string(),
    quantity: z.int(),
    addedAt: z.string(),
  }),
  OrderPlaced: z.strictObject({
    ...common,
    ...money,
    orderId: z.string(),
    customerId: z.string(),
    placedAt: z.string(),
    lines: z.array(z.strictObject({ productId: z.string(), name: z.string(), priceMinor: z.int(), quantity: z.int() })),
  }),
  /** Every change of an order's status but to Cancelled. */
  OrderStatusChanged: z.strictObject({
    ...common,
    orderId: z.string(),
    customerId: z.string(),
    from: z.string(),
    to: z.string(),
  }),
  OrderCancelled: z.strictObject({ ...common, ...money, orderId: z.string(), customerId: z.string(), from: z.string() }),
};

export type BusEventType = keyof typeof BUS_EVENTS;
