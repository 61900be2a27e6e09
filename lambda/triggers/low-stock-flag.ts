import { writeOnCondition } from '#shared/retry';
import { store } from '#shared/store';
import { effect } from './effect';

const { Stock } = store.entities;

/**
 * Flags what is low, and takes the flag off what is not any more. Each write is on condition that stock and threshold are
 * as the record has them: if they moved on, the record of that move decides. So neither order nor repetition matters.
 */
export const lowStockFlag = effect(
  { name: 'low-stock-flag', entity: 'Stock', on: ['INSERT', 'MODIFY'], view: 'NEW_IMAGE' },
  async ({ at, newImage: { productId, stock, restockAt, lowFlag } }, { deadline }) => {
    const isLow = restockAt !== undefined && stock <= restockAt;
    if (isLow === (lowFlag !== undefined)) return;
    await writeOnCondition(deadline, () => {
      const change = isLow
        ? Stock.patch({ productId }).set({ lowFlag: 'low', restockSince: at })
        : Stock.patch({ productId }).remove(['lowFlag', 'restockSince']);
      return change
        .where((attr, { eq, exists, notExists }) => {
          const threshold = restockAt === undefined ? notExists(attr.restockAt) : eq(attr.restockAt, restockAt);
          return `${eq(attr.stock, stock)} AND ${threshold} AND ${isLow ? notExists(attr.lowFlag) : exists(attr.lowFlag)}`;
        })
        .go();
    });
  },
);
