import type { Change } from './stream-record';

/** One step in the life of an order, as its history and the bus tell it. */
type OrderStep =
  | { type: 'OrderPlaced'; to: string }
  | { type: 'OrderStatusChanged' | 'OrderCancelled'; from: string; to: string }
  | { type: 'OrderDeleted'; from: string };

/** The step that a change of an order is; undefined for one that leaves the status as it was. */
export function orderStep(change: Change<'Order', 'NEW_AND_OLD_IMAGES'>): OrderStep | undefined {
  switch (change.eventName) {
    case 'INSERT':
      return { type: 'OrderPlaced', to: change.newImage.status };
    case 'MODIFY': {
      const [from, to] = [change.oldImage.status, change.newImage.status];
      if (from === to) return undefined;
      return { type: to === 'Cancelled' ? 'OrderCancelled' : 'OrderStatusChanged', from, to };
    }
    case 'REMOVE':
      return { type: 'OrderDeleted', from: change.oldImage.status };
  }
}
