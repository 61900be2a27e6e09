import type { OrderStatus } from '#model/order';

/** From which statuses an order may come into a status. The conditions of the updates are made of this. */
export const COMES_FROM: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  Pending: [],
  Processing: ['Pending'],
  Shipped: ['Processing'],
  Delivered: ['Shipped'],
  Cancelled: ['Pending', 'Processing'],
};

export const CANCELLABLE = COMES_FROM.Cancelled;
