import { effect } from './effect';
import { publish } from './event-bus';
import { orderStep } from './order-step';

/** Tells the bus of each step of an order. A deletion is the shop's own affair. */
export const orderEvents = effect(
  { name: 'order-events', entity: 'Order', on: ['INSERT', 'MODIFY'], view: 'NEW_AND_OLD_IMAGES' },
  async (change, invocation) => {
    const step = orderStep(change);
    const { orderId, customerId, placedAt, totalMinor, currency, lines } = change.newImage;
    switch (step?.type) {
      case 'OrderPlaced':
        return publish('OrderPlaced', change, { orderId, customerId, placedAt, totalMinor, currency, lines }, invocation);
      case 'OrderStatusChanged':
        return publish('OrderStatusChanged', change, { orderId, customerId, from: step.from, to: step.to }, invocation);
      case 'OrderCancelled':
        return publish('OrderCancelled', change, { orderId, customerId, from: step.from, totalMinor, currency }, invocation);
    }
  },
);
