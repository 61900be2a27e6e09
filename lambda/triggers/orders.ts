import { customerStats } from './customer-stats';
import { dispatcher } from './dispatcher';
import { orderEvents } from './order-events';
import { orderHistory } from './order-history';

/** What changes of the Orders table cause. */
export const ORDERS_EFFECTS = [orderHistory, customerStats, orderEvents];

export const handler = dispatcher(ORDERS_EFFECTS);
