import { untilAnswered } from '#shared/retry';
import { store } from '#shared/store';
import { effect } from './effect';
import { orderStep } from './order-step';

const { OrderEvent } = store.entities;

/** Keeps the steps of an order. The key is made of the record, so one that comes again writes the same item. */
export const orderHistory = effect(
  { name: 'order-history', entity: 'Order', on: ['INSERT', 'MODIFY', 'REMOVE'], view: 'NEW_AND_OLD_IMAGES' },
  async (change, { deadline }) => {
    const step = orderStep(change);
    if (!step) return;
    const { eventId } = change;
    const { customerId, orderId } = change.eventName === 'REMOVE' ? change.oldImage : change.newImage;
    // Nobody writes when an order is deleted, so only the record tells.
    const at = change.eventName === 'REMOVE' ? change.at : change.newImage.updatedAt;
    await untilAnswered(deadline, () => OrderEvent.put({ customerId, orderId, at, eventId, ...step }).go());
  },
);
