import { Entity, type EntityConfiguration } from 'electrodb';
import { key } from './key';
import { MINOR_UNITS } from './money';

export const ORDER_STATUSES = ['Pending', 'Processing', 'Shipped', 'Delivered', 'Cancelled'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** The attributes that `byStatus` holds: an order without its lines and address. */
export const BY_STATUS = [
  'customerId',
  'orderId',
  'placedAt',
  'status',
  'statusShard',
  'totalMinor',
  'currency',
  'updatedAt',
  'version',
] as const;

/** An order with its lines. `placedAt` is the time in the ULID `orderId`, so owner and id give the primary key. */
export const order = (binding: EntityConfiguration) =>
  new Entity(
    {
      model: { service: 'store', entity: 'Order', version: '1' },
      attributes: {
        customerId: { type: 'string', required: true },
        orderId: { type: 'string', required: true },
        placedAt: { type: 'string', required: true },
        status: { type: ORDER_STATUSES, required: true },
        /** `shardOf(orderId)`; every update of `status` sets it, since both make the key of `byStatus`. */
        statusShard: { type: 'number', required: true },
        lines: {
          type: 'list',
          required: true,
          items: {
            type: 'map',
            properties: {
              productId: { type: 'string', required: true },
              /** Name and price as they were when the order was placed. */
              name: { type: 'string', required: true },
              priceMinor: { type: 'number', required: true },
              quantity: { type: 'number', required: true },
            },
          },
        },
        totalMinor: { type: 'number', required: true, ...MINOR_UNITS },
        currency: { type: 'string', required: true },
        /** Text, or any JSON object. */
        shippingAddress: { type: 'any' },
        updatedAt: { type: 'string', required: true },
        version: { type: 'number', required: true },
      },
      indexes: {
        primary: { pk: key('pk', ['customerId']), sk: key('sk', ['placedAt', 'orderId']) },
        byAmount: {
          index: 'lsi1',
          pk: key('pk', ['customerId']),
          sk: key('lsi1sk', ['totalMinor', 'orderId']),
        },
        /** The composite sort key STATUS#DATE#ORDER_ID. */
        byCustomerStatus: {
          index: 'lsi2',
          pk: key('pk', ['customerId']),
          sk: key('lsi2sk', ['status', 'placedAt', 'orderId']),
        },
        byStatus: {
          index: 'gsi1',
          pk: key('gsi1pk', ['status', 'statusShard']),
          sk: key('gsi1sk', ['placedAt', 'orderId']),
          projection: BY_STATUS,
        },
        byOrderId: {
          index: 'gsi2',
          collection: 'orderFile',
          pk: key('gsi2pk', ['orderId']),
          sk: key('gsi2sk', []),
        },
      },
    },
    binding,
  );
