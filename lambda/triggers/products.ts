import { dispatcher } from './dispatcher';
import { lowStockFlag } from './low-stock-flag';
import { priceHistory } from './price-history';

/** What changes of the Products table cause. */
export const PRODUCTS_EFFECTS = [priceHistory, lowStockFlag];

export const handler = dispatcher(PRODUCTS_EFFECTS);
