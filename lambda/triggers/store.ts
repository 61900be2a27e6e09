import { dispatcher } from './dispatcher';
import { ORDERS_EFFECTS } from './orders';
import { PRODUCTS_EFFECTS } from './products';
import { USERS_EFFECTS } from './users';

/** What changes of the one table of the single-table layout cause. */
export const handler = dispatcher([...USERS_EFFECTS, ...PRODUCTS_EFFECTS, ...ORDERS_EFFECTS]);
